"""Logs: JSON for machines, one readable line for people, and never a secret in either."""

import logging
import re
import sys
from datetime import datetime
from typing import Any, Literal

from pythonjsonlogger.json import JsonFormatter

from hsi.logs import extra_of, redact

LogFormat = Literal["auto", "json", "console"]


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


class _Json(JsonFormatter):
    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        # Before it is JSON: then quotes are escaped, and a secret does not look like itself.
        return {name: _redacted(value) for name, value in log_data.items()}


class _Console(logging.Formatter):
    """`12:00:01 INFO  hsi_service.bus  subscribed to Redis  channels=7`."""

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
    for name in _OF_UVICORN:
        # The formats above do it, and leave what helps readers of a log.
        logging.getLogger(name).removeFilter(_without_query)
    if level != "DEBUG":
        # uvicorn says "accepted" and "connection open" for each WebSocket, with its query string.
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    keep_addresses_out()


_OF_UVICORN = ("uvicorn.access", "uvicorn.error")
_HTTP_CLIENTS = ("httpx", "httpcore", "requests", "urllib3")
_QUERY = re.compile(r"\?\S*")
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


def keep_queries_out() -> None:
    """Keep query strings and credentials out of what uvicorn logs, however it was started.

    `uvicorn services.events.app:app` has an access log of its own, with the whole query string, and
    says `"WebSocket /ws/events?api_key=…" [accepted]`. Once more does nothing.
    """
    for name in _OF_UVICORN:
        logging.getLogger(name).addFilter(_without_query)
    keep_addresses_out()


def keep_addresses_out() -> None:
    """Keep the addresses that a service asks out of its log, at every level.

    HTTP clients log them whole, and a heartbeat's or a webhook's is a secret. Once more is nothing.
    """
    for name in _HTTP_CLIENTS:
        logging.getLogger(name).setLevel(logging.WARNING)


def _without_query(record: logging.LogRecord) -> bool:
    """Take query strings and credentials out of a line; let it through."""
    if record.name == "uvicorn.access" and isinstance(record.args, tuple):
        # uvicorn's formatter takes the arguments apart, so they stay as many as they are.
        record.args = tuple(
            _QUERY.sub("?***", redact(part)) if isinstance(part, str) else part
            for part in record.args
        )
    elif "color_message" not in vars(record):  # Those are uvicorn's own, of its start and end.
        record.msg, record.args = _QUERY.sub("?***", redact(record.getMessage())), None
    return True
