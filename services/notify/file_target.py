"""A target that is a file: one JSON line for each message. For trying rules, and for tests."""

import errno
import os
from pathlib import Path

import msgspec

from hsi_service.sources.thread import in_thread
from services.notify.messages import Message
from services.notify.rules import Rules
from services.notify.targets import DeliveryError


class FileTarget:
    """Appends messages to a file."""

    def __init__(self, name: str, rules: Rules, path: Path) -> None:
        """Take the file; it is made when there is something to tell.

        Args:
            name: Of the target.
            rules: Of the target.
            path: Of the file.

        """
        self.name = name
        self.rules = rules
        self._path = path

    def __eq__(self, other: object) -> bool:
        """Return whether another is the same target, with the same rules."""
        if not isinstance(other, FileTarget):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        """Return what equal targets have in common."""
        return hash(self.name)

    async def deliver(self, message: Message) -> None:
        """Append a message; it is on the disk when this returns.

        Raises:
            DeliveryError: The file cannot be written.

        """
        line = msgspec.json.encode(_line(message)) + b"\n"
        try:
            await in_thread(lambda: _append(self._path, line), name="file target")
        except OSError as error:
            raise DeliveryError(f"the file cannot be written: {error.strerror}") from error

    @property
    def _identity(self) -> tuple[str, Rules, Path]:
        return self.name, self.rules, self._path


def _line(message: Message) -> dict[str, object]:
    fields = ("kind", "title", "body", "level", "url", "image_url", "tag", "camera_id", "at")
    return {field: getattr(message, field) for field in fields} | {"key": message.key}


def _append(path: Path, line: bytes) -> None:
    # One write of an appending descriptor: lines of several writers do not mix.
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line  # What a full disk has cut short ends there.
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, "only a part of the message fits")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def path_of(url: str) -> Path:
    """Return the file that an address names, which can be written as things are now.

    Args:
        url: As file:/var/log/told.jsonl.

    Raises:
        ValueError: It names no such file; the text does not quote it.

    """
    name = url.removeprefix("file:")
    if name.startswith("//"):
        host, slash, rest = name.removeprefix("//").partition("/")
        if host not in {"", "localhost"}:
            raise ValueError("expected no host in it: file:/var/log/told.jsonl")
        name = slash + rest
    if not name or {"?", "#", "%", "\0"} & set(name):
        raise ValueError("expected a path as it is, without ?, # and %: file:/var/log/told.jsonl")
    path = Path(name)
    if path.is_dir():
        raise ValueError("it is a folder; expected a file")
    if not path.parent.is_dir():
        raise ValueError("its folder is not there")
    if not os.access(path if path.exists() else path.parent, os.R_OK | os.W_OK):
        raise ValueError("it may not be read and written")
    return path
