"""One line of a job's log as a message. Pure, no I/O."""

import logging
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from msgspec import UNSET

from hsi.schemas import JobEnd, Log, LogData, LogLevel

MAX_LINE = 16 * 1024
"""Bytes of UTF-8 that a line may have; a longer one is cut."""
MAX_CONTEXT = 16 * 1024
"""Bytes of JSON that the fields beside a line may have; more is cut, and becomes text."""
_MAX_PER_CHARACTER = 4
_ROOMY = MAX_LINE + MAX_CONTEXT


def cut(text: str, size: int | None = None) -> str:
    """Return a line as it may be sent: whole, or its beginning and a mark.

    Args:
        text: The line, or its first `MAX_LINE` bytes at least.
        size: Bytes that the whole line has, if `text` is not the whole.

    """
    if size is None and len(text) * _MAX_PER_CHARACTER <= MAX_LINE:
        return text
    data = text.encode(errors="replace")
    size = max(size or 0, len(data))
    if size <= MAX_LINE:
        return text
    mark = f" … [cut: the line has {size} bytes]"
    return data[: MAX_LINE - len(mark.encode())].decode(errors="ignore") + mark


def level_of(number: int) -> LogLevel:
    """Return a message's level for a level of `logging`; one in between counts as the one below."""
    if number >= logging.CRITICAL:
        return "CRITICAL"
    if number >= logging.ERROR:
        return "ERROR"
    if number >= logging.WARNING:
        return "WARNING"
    return "INFO" if number >= logging.INFO else "DEBUG"


def log_line(
    level: LogLevel,
    message: str,
    context: dict[str, Any],
    *,
    created: float,
    size: int | None = None,
) -> bytes:
    """Return a `log` message as JSON. Never raises, whatever the job logs.

    Args:
        level: How serious it is, in any case of letters.
        message: The line; cut if need be.
        context: Fields beside it. Values that JSON does not have become text.
        created: When it was logged, in seconds since 1970.
        size: Bytes that the whole line has, if `message` is only its beginning.

    """
    data = LogData(
        timestamp=datetime.fromtimestamp(created, UTC),
        level=cast("LogLevel", level.upper()),
        message=cut(message, size),
        context=context or UNSET,
    )
    try:
        line = _encoder.encode(Log(data=data))
    except Exception:  # noqa: BLE001 (half a surrogate pair, a loop, or what a job's own __str__ raises)
        data.message = cut(_without_surrogates(message), size)
        data.context = {_text(name): cut(_text(value)) for name, value in context.items()} or UNSET
        line = _encoder.encode(Log(data=data))
    if len(line) > _ROOMY and data.context is not UNSET:
        fields = _encoder.encode(data.context)
        if len(fields) > MAX_CONTEXT:
            data.context = {"cut": cut(fields.decode())}
            line = _encoder.encode(Log(data=data))
    return line


def end_line(end: JobEnd) -> bytes:
    """Return an `end` message as JSON."""
    return _encoder.encode(end)


def dropped_line(count: int, created: float) -> bytes:
    """Return the line that stands where lines are missing."""
    lines = "1 line" if count == 1 else f"{count} lines"
    message = f"dropped {lines}: Redis was away or too slow for this job's log"
    return log_line("WARNING", message, {"dropped": count}, created=created)


def _text(value: object) -> str:
    try:
        return _without_surrogates(str(value))
    except Exception:  # noqa: BLE001 (the job's own __str__ may raise anything)
        return f"<{type(value).__name__}>"


def _without_surrogates(text: str) -> str:
    return text.encode(errors="replace").decode()


_encoder = msgspec.json.Encoder(enc_hook=_text)
