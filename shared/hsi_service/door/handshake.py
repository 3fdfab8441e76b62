"""The opening handshake of a WebSocket (RFC 6455, section 4.2), from bytes to bytes. Pure, no I/O.

A request is parsed once, by httptools, and answered with bytes that are ready but for the key.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import NamedTuple, Self
from urllib.parse import unquote

import httptools
import msgspec

MAX_HEAD_BYTES = 16 * 1024
"""Of a request's line and headers; a large cookie has room, a flood has none."""
MAX_HEADERS = 128
"""Headers of a request."""
END_OF_HEAD = b"\r\n\r\n"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_SCHEMES = frozenset({b"http", b"https", b"ws", b"wss"})
_END_OF_AUTHORITY = re.compile(rb"[/?#]")
_SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n"
)


def error_body(status: int, reason: str) -> bytes:
    """Return what tells an error, as Litestar has it."""
    return msgspec.json.encode({"status_code": status, "detail": reason})


class FinalResponse(NamedTuple):
    """An HTTP response that ends a connection."""

    status: int
    reason: str
    """Why, in words."""
    headers: Mapping[str, str] = {}

    def serialize(self, *, as_text: bool = False) -> bytes:
        """Return its bytes.

        Args:
            as_text: Whether the reason alone is the body, as of a handshake that is refused; else
                it is JSON, as of every other error.

        """
        body = self.reason.encode() if as_text else error_body(self.status, self.reason)
        headers = {
            **self.headers,
            "Cache-Control": "no-store",
            "Connection": "close",
            "Content-Length": str(len(body)),
            "Content-Type": "text/plain; charset=utf-8" if as_text else "application/json",
            "Vary": "Origin, Cookie, Authorization, X-API-Key",
            "X-Content-Type-Options": "nosniff",
        }
        head = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{head}{lines}\r\n".encode("latin-1") + body


class RefusedError(Exception):
    """A request that is refused for its form alone."""

    def __init__(self, answer: FinalResponse) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class RequestHead:
    """The line and the headers of one request."""

    __slots__ = ("fields", "method", "url", "version", "wants_upgrade")

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        """Names in any case, and values, in order."""
        self.url = b""
        self.method = b""
        self.version = ""
        self.wants_upgrade = False
        """Whether it asks for another protocol than HTTP."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Parse a request's head.

        Args:
            data: All of it, its empty line included, and nothing of what follows.

        Raises:
            RefusedError: It is no HTTP request, or too large.

        """
        head = cls()
        parser = httptools.HttpRequestParser(head)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            head.wants_upgrade = True
        except httptools.HttpParserError:
            raise RefusedError(FinalResponse(400, "this is not an HTTP request")) from None
        if is_too_large(head.url, head.fields):
            raise RefusedError(TOO_LARGE)
        head.method, head.version = parser.get_method(), parser.get_http_version()
        # A parser that still waits for a body tells of an upgrade by this alone.
        head.wants_upgrade = head.wants_upgrade or parser.should_upgrade()
        return head

    # What httptools calls.

    def on_url(self, url: bytes) -> None:
        """Take a part of the request's target."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.fields.append((name, value))


TOO_LARGE = FinalResponse(
    431, f"the request has more than {MAX_HEAD_BYTES // 1024} KiB or {MAX_HEADERS} lines of headers"
)
TOO_LATE = FinalResponse(408, "the request did not come in time")


def is_too_large(url: bytes, fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Return whether a request's line and headers are more than it may have."""
    size = len(url)
    for name, value in fields:
        size += len(name) + len(value)
    return len(fields) > MAX_HEADERS or size > MAX_HEAD_BYTES


def headers_of(fields: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Return headers by their names in lower case; those that come twice are joined.

    So who reads one value and a header that may come once sees that it came twice.
    """
    headers: dict[bytes, bytes] = {}
    for given, value in fields:
        name = given.lower()
        before = headers.get(name)
        if before is None:
            headers[name] = value
        else:
            headers[name] = before + (b"; " if name == b"cookie" else b", ") + value
    return headers


class UpgradeRequest(NamedTuple):
    """A request for a WebSocket that is in order."""

    path: str
    """Without its percent-encoding."""
    query: bytes
    """As it was sent."""
    headers: Mapping[bytes, bytes]
    """By names in lower case (`headers_of`)."""
    key: bytes
    """What `switching` answers to."""

    def text(self, header: bytes) -> str:
        """Return a header's value; empty if there is none."""
        value = self.headers.get(header)
        return value.decode("latin-1") if value else ""

    def subprotocols(self) -> list[str]:
        """Return the subprotocols that the client offers, in order."""
        offered = self.text(b"sec-websocket-protocol")
        return [name.strip() for name in offered.split(",")] if offered else []


def wants_websocket(head: RequestHead) -> bool:
    """Return whether a request asks for a WebSocket, in order or not."""
    return head.wants_upgrade and any(
        name.lower() == b"upgrade" and value.lower() == b"websocket" for name, value in head.fields
    )


def upgrade_of(head: RequestHead) -> UpgradeRequest:
    """Return what a request for a WebSocket asks for.

    Raises:
        RefusedError: It is not as RFC 6455 has it.

    """
    if head.method != b"GET":
        raise _refused(405, "a WebSocket is asked for with GET", Allow="GET")
    if head.version != "1.1":
        raise _refused(505, "a WebSocket needs HTTP/1.1")
    headers = headers_of(head.fields)
    if headers.get(b"transfer-encoding") or headers.get(b"content-length", b"0") != b"0":
        raise _refused(400, "a request for a WebSocket has no body")
    if headers[b"upgrade"].lower() != b"websocket":
        raise _refused(426, "the only protocol to upgrade to is websocket", Upgrade="websocket")
    key = headers.get(b"sec-websocket-key", b"")
    try:
        is_key = len(binascii.a2b_base64(key, strict_mode=True)) == _KEY_BYTES
    except binascii.Error:
        is_key = False
    if not is_key:
        raise _refused(400, "Sec-WebSocket-Key: expected 16 bytes as Base64, once")
    if headers.get(b"sec-websocket-version") != b"13":
        raise _refused(426, "Sec-WebSocket-Version: expected 13", **{"Sec-WebSocket-Version": "13"})
    target = target_of(head.url)
    if target.host is not None:
        headers[b"host"] = target.host
    path = target.path.decode("latin-1")
    return UpgradeRequest(unquote(path) if "%" in path else path, target.query, headers, key)


class Target(NamedTuple):
    """What a request asks for."""

    path: bytes
    query: bytes
    host: bytes | None
    """Name and port, as in a Host header, which it replaces; None: the header says it."""


def target_of(url: bytes) -> Target:
    """Return a request's target: a path, or a URL as a proxy is asked for (RFC 9112, 3.2.2).

    Raises:
        RefusedError: It is neither.

    """
    if url.startswith(b"/"):
        path, _, query = url.partition(b"?")
        return Target(path, query, None)
    try:
        parsed = httptools.parse_url(url)
    except httptools.HttpParserInvalidURLError:
        parsed = None
    if not (parsed and parsed.host and parsed.schema and parsed.schema.lower() in _SCHEMES):
        raise _refused(400, "the request's target is not a path")
    if parsed.userinfo is not None:
        raise _refused(400, "the request's target has a user in it")
    host = _END_OF_AUTHORITY.split(url.partition(b"://")[2], maxsplit=1)[0]
    return Target(parsed.path or b"/", parsed.query or b"", host)


def _refused(status: int, reason: str, **headers: str) -> RefusedError:
    return RefusedError(FinalResponse(status, reason, headers))


def switching(key: bytes, subprotocol: str | None, extensions: bytes | None = None) -> bytes:
    """Return the response with which a WebSocket begins.

    Args:
        key: The request's Sec-WebSocket-Key.
        subprotocol: The one that is chosen of those the client offered.
        extensions: Those that are accepted, as `compression.accepted` returns them.

    """
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    response = _SWITCHING % accept
    if subprotocol:
        response += b"Sec-WebSocket-Protocol: %b\r\n" % subprotocol.encode("latin-1")
    if extensions:
        response += b"Sec-WebSocket-Extensions: %b\r\n" % extensions
    return response + b"\r\n"
