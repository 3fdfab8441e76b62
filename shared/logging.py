"""Logs: JSON for machines, one readable line for people, and never a secret in either."""

import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from pythonjsonlogger.json import JsonFormatter

LogFormat = Literal["auto", "json", "console"]

_SAFE_PARAMETERS = frozenset({"since", "tail"})
"""Parameters of ours that help who reads a log, and are no secret."""
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


def _redacted(value: Any) -> Any:
    """Return what is logged without what is secret."""
    match value:
        case None | bool() | int() | float() | datetime():
            return value
        case dict():
            return {redact(str(key)): _redacted(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted(inner) for inner in value]
        case _:
            return redact(str(value))


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",
    "color_message",
}


def extra_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return what was logged along with a message, as `extra`."""
    fields = vars(record)
    return {name: value for name, value in fields.items() if name not in _STANDARD}


class _Json(JsonFormatter):
    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        # Before it is JSON: then quotes are escaped, and a secret does not look like itself.
        return {name: _redacted(value) for name, value in log_data.items()}


class _Console(logging.Formatter):
    """`12:00:01 INFO  shared.bus  hears Redis again  attempts=7`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        extra = "".join(f"  {name}={value}" for name, value in extra_of(record).items())
        return super().formatMessage(record) + extra

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


def configure(*, level: str, form: LogFormat, service: str) -> None:
    """Send all logs of this process to stderr, in one format.

    Args:
        level: DEBUG, INFO, WARNING or ERROR.
        form: `auto` writes JSON unless stderr is a terminal.
        service: Stands in every JSON line.

    """
    if form == "auto":
        form = "console" if sys.stderr.isatty() else "json"
    handler = logging.StreamHandler()
    if form == "json":
        handler.setFormatter(
            _Json(
                "{levelname}{name}{message}",
                style="{",
                rename_fields={"levelname": "level", "name": "logger"},
                timestamp="time",
                static_fields={"service": service},
            ),
        )
    else:
        handler.setFormatter(_Console())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn.error").addFilter(_is_ours)
    if level != "DEBUG":
        # uvicorn says "accepted" and "connection open" for each WebSocket, with its query string.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        # One line per request is a proxy's business, and holds query strings too.
        logging.getLogger("httpx").setLevel(logging.WARNING)


_OF_CLIENTS = (
    "Invalid UTF-8 sequence received from client",
    "Invalid HTTP request received",
    "Unsupported upgrade request",
)


def _is_ours(record: logging.LogRecord) -> bool:
    """Tell a fault of the server from a client's, which uvicorn logs each time.

    The client is told by its close code or status; a log must not grow with its zeal.
    """
    return not record.getMessage().startswith(_OF_CLIENTS)


class Throttled:
    """Logs one kind of trouble once per interval, with the number of times that it stood for.

    For what strangers can cause as often as they like: a log must not grow with their zeal.
    """

    def __init__(
        self,
        logger: logging.Logger,
        *,
        interval: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._interval = interval
        self._clock = clock
        self._next = float("-inf")
        self._unsaid = 0

    def warning(self, message: str, **extra: Any) -> None:
        """Log `message`, unless the last line is younger than the interval (in seconds)."""
        now = self._clock()
        if now < self._next:
            self._unsaid += 1
            return
        if self._unsaid:
            extra["unsaid"] = self._unsaid
        self._next, self._unsaid = now + self._interval, 0
        self._logger.warning(message, extra=extra)
