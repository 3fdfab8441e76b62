"""Logging without secrets, and without the same line a million times over."""

import logging
import re
import time
from collections.abc import Callable
from typing import Any

_SAFE_PARAMETERS = frozenset({"since", "tail"})
"""Parameters of our own URLs that help readers of a log, and hold no secret."""
_SECRETS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # Any parameter in a URL but our own: names can be percent-encoded, or those of other programs.
    (
        re.compile(r"([?&])([^\s?&=]*)=([^\s&]*)"),
        lambda found: found[0] if found[2] in _SAFE_PARAMETERS else f"{found[1]}{found[2]}=***",
    ),
    # The same without a URL around it.
    (re.compile(r"(?i)(api_?key|token|password)(=|%3D)[^&\s]+"), r"\1\2***"),
    # The subprotocol api-key.<key>, in handshakes that a library logs.
    (re.compile(r"(?i)api-key\.[^\s,]+"), "api-key.***"),
    # Headers, as lines or as Python shows them.
    (
        re.compile(
            r"(?i)\b(authorization|cookie)\b['\"]?\s*[:,][^\r\n]*",
        ),
        r"\1: ***",
    ),
    # These in sentences, too: "invalid Sec-WebSocket-Protocol header: expected comma at 3 in ...".
    (re.compile(r"(?i)\b(x-api-key|sec-websocket-protocol)\b[^\r\n]*"), r"\1: ***"),
    # What Redis was asked, by a command that it does not know: AUTH is one.
    (re.compile(r"(?i)(with args beginning with:)[^\r\n]*"), r"\1 ***"),
    # redis://user:password@host
    (re.compile(r"(://)[^/\s]*@"), r"\1***@"),
)


def redact(text: str) -> str:
    """Return `text` with every credential that it may hold replaced by stars.

    It goes too far rather than not far enough: up to the next space or the end of the line, since
    a secret may hold quotes and brackets.
    """
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


def extra_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields that were logged along with a message, as `extra`."""
    fields = vars(record)
    return {name: value for name, value in fields.items() if name not in _STANDARD}


class Throttled:
    """Logs one kind of trouble once per interval, with the number of lines that it left out.

    For trouble that strangers can cause as often as they like: a log must not grow with their zeal.
    """

    def __init__(
        self,
        logger: logging.Logger,
        *,
        interval: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Log the first line at once.

        Args:
            logger: The logger to write to.
            interval: Seconds between two lines.
            clock: Seconds that only grow.

        """
        self._logger = logger
        self._interval = interval
        self._clock = clock
        self._next = float("-inf")
        self._unsaid = 0

    def warning(self, message: str, **extra: Any) -> None:
        """Log `message` with `extra`, unless the last line is younger than the interval."""
        self._log(logging.WARNING, message, None, extra)

    def error(self, message: str, error: BaseException | None, **extra: Any) -> None:
        """Log `message` as an error, with the traceback of `error`; as seldom as a warning."""
        self._log(logging.ERROR, message, error, extra)

    def _log(
        self, level: int, message: str, error: BaseException | None, extra: dict[str, Any]
    ) -> None:
        now = self._clock()
        if now < self._next:
            self._unsaid += 1
            return
        if self._unsaid:
            extra["unsaid"] = self._unsaid
        self._next, self._unsaid = now + self._interval, 0
        self._logger.log(level, message, exc_info=error, extra=extra)
