"""`API_KEYS_FILE`: keys that come and go while the service runs, as in a mounted Secret."""

import logging
from pathlib import Path

from hsi.keys import KeyEntry, parse_entries
from hsi.settings import SettingsError

MAX_BYTES = 1024 * 1024
"""Of the file; some ten thousand keys."""
_VARIABLE = "API_KEYS_FILE"

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int, int]
"""What shows that a file changed: inode, size, and the times of its last changes."""


class KeysFile:
    """A file of keys, one a line; empty lines and what follows a `#` are comments.

    It is read again once it has changed and stands still, so one that is being written is not taken
    for whole. One that cannot be used leaves the last good keys, and is told of once.
    """

    def __init__(self, path: Path) -> None:
        """Read it for the first time.

        Raises:
            SettingsError: It cannot be used; the text is one line and quotes nothing of it.

        """
        self._path = path
        self._seen = self._read_stamp = _stamp(path)
        try:
            self.entries = _read(path)
        except (OSError, ValueError) as error:
            raise SettingsError(_explain(path, error)) from None

    def look(self) -> bool:
        """Read the file again if it changed; return whether the keys are others now."""
        stamp = _stamp(self._path)
        before, self._seen = self._seen, stamp
        if stamp == self._read_stamp or stamp != before:
            return False
        self._read_stamp = stamp
        try:
            entries = _read(self._path)
        except (OSError, ValueError) as error:
            logger.warning("%s; the last good keys stay", _explain(self._path, error))
            return False
        changed = set(entries) != set(self.entries)
        self.entries = entries
        return changed


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _read(path: Path) -> list[KeyEntry]:
    """Return the keys in a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It has a bad line, is too large, or is not text.

    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{_VARIABLE}: it has over {MAX_BYTES} bytes")
    lines = (line.partition("#")[0].strip() for line in content.decode("utf-8-sig").splitlines())
    return parse_entries([line for line in lines if line], what=_VARIABLE)


def _explain(path: Path, error: OSError | ValueError) -> str:
    """Return what is wrong, in one line; a text that cannot be decoded would be quoted."""
    match error:
        case OSError():
            return f"{_VARIABLE}={path}: {error.strerror or 'it cannot be read'}"
        case UnicodeDecodeError():
            return f"{_VARIABLE}={path}: it is not text in UTF-8"
        case _:
            return str(error)
