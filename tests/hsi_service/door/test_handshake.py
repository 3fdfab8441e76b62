"""The opening handshake: as the websockets library reads it, and answered with the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.http11 import Response
from websockets.server import ServerProtocol

from hsi_service.door.handshake import (
    MAX_HEADERS,
    FinalResponse,
    RefusedError,
    RequestHead,
    UpgradeRequest,
    switching,
    upgrade_of,
    wants_websocket,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # Both are RFC 6455's own.
HEADERS = {
    b"Host": b"localhost",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Version": b"13",
    b"Sec-WebSocket-Key": KEY,
}


LINE = b"GET /ws/events?since=1-0 HTTP/1.1"


def request(line: bytes = LINE, *more: bytes, **changed: bytes) -> bytes:
    """Return a request; of its headers, some changed (`Sec_WebSocket_Key`) or left out (empty)."""
    headers = HEADERS | {name.replace("_", "-").encode(): value for name, value in changed.items()}
    lines = [line, *(b"%b: %b" % item for item in headers.items() if item[1]), *more]
    return b"\r\n".join([*lines, b"", b""])


def asked(data: bytes) -> UpgradeRequest:
    head = RequestHead.parse(data)
    assert wants_websocket(head)
    return upgrade_of(head)


def status_by_the_library(data: bytes) -> int:
    server = ServerProtocol()
    server.receive_data(data)
    (read,) = server.events_received()
    response = server.accept(read)  # type: ignore[arg-type]
    assert isinstance(response, Response)
    return response.status_code


GOOD = {
    "as browsers send it": request(Connection=b"keep-alive, Upgrade"),
    "names and words in any case": request(Upgrade=b"WebSocket", Connection=b"upgrade"),
    "without a query": request(b"GET /ws/events HTTP/1.1"),
    "with a large cookie": request(Cookie=b"x" * 8000),
    "with an empty body": request(Content_Length=b"0"),
    "with subprotocols": request(Sec_WebSocket_Protocol=b"chat, api-key.x"),
}
BAD = {
    "no key": (request(Sec_WebSocket_Key=b""), 400),
    "a short key": (request(Sec_WebSocket_Key=b"c2hvcnQ="), 400),
    "a key that is not Base64": (request(Sec_WebSocket_Key=b"*" * 24), 400),
    "two keys": (request(b"GET / HTTP/1.1", b"Sec-WebSocket-Key: " + KEY), 400),
    "another method": (request(b"POST / HTTP/1.1"), 405),
}
"""What the library refuses with the same status."""
STRICTER = {
    "no version": (request(Sec_WebSocket_Version=b""), 426),
    "an old version": (request(Sec_WebSocket_Version=b"8"), 426),
    "two versions": (request(b"GET / HTTP/1.1", b"Sec-WebSocket-Version: 13"), 426),
    "a body": (request(Content_Length=b"5"), 400),
    "a body in chunks": (request(Transfer_Encoding=b"chunked"), 400),
    "two protocols": (request(b"GET / HTTP/1.1", b"Upgrade: websocket"), 426),
    "HTTP/1.0": (request(b"GET / HTTP/1.0"), 505),
}
"""What is refused with a status that says more, or that the library cannot read."""


@pytest.mark.parametrize("what", GOOD)
def test_what_the_library_accepts_is_accepted(what: str) -> None:
    data = GOOD[what]
    upgrade = asked(data)
    assert upgrade.path == "/ws/events"
    assert upgrade.key == KEY
    if "cookie" not in what:  # The library takes lines of up to 8 KiB, which is too little.
        assert status_by_the_library(data) == 101


@pytest.mark.parametrize("what", [*BAD, *STRICTER])
def test_what_is_not_in_order_is_refused_with_a_status_that_says_why(what: str) -> None:
    data, status = (BAD | STRICTER)[what]
    with pytest.raises(RefusedError) as caught:
        asked(data)
    assert caught.value.answer.status == status
    if what in BAD:
        assert status_by_the_library(data) == status


def test_too_many_headers_are_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        RequestHead.parse(request(b"GET / HTTP/1.1", *[b"A: b"] * MAX_HEADERS))
    assert caught.value.answer.status == 431


def test_what_asks_for_no_websocket_is_no_upgrade() -> None:
    for other in (
        request(Upgrade=b""),
        request(Connection=b"close"),
        request(Upgrade=b"h2c"),
    ):
        assert not wants_websocket(RequestHead.parse(other))


def test_the_path_is_decoded_and_the_query_is_not() -> None:
    upgrade = asked(request(b"GET /ws/jobs/a%2Fb/logs?level=%57&since HTTP/1.1"))
    assert (upgrade.path, upgrade.query) == ("/ws/jobs/a/b/logs", b"level=%57&since")
    assert asked(request(b"GET http://home/ws/system?a=b HTTP/1.1"))[:2] == ("/ws/system", b"a=b")


@pytest.mark.parametrize(
    ("target", "host", "rest"),
    [
        (b"/ws/events?a=b", "localhost", ("/ws/events", b"a=b")),
        (b"http://home:8000/ws/events?a=b", "home:8000", ("/ws/events", b"a=b")),
        (b"HTTPS://Home", "Home", ("/", b"")),
        (b"http://[::1]:80/x", "[::1]:80", ("/x", b"")),
        (b"ws://127.0.0.1/x", "127.0.0.1", ("/x", b"")),
    ],
)
def test_a_target_with_an_authority_is_judged_by_that_host(
    target: bytes, host: str, rest: tuple[str, bytes]
) -> None:
    upgrade = asked(request(b"GET %b HTTP/1.1" % target))
    assert upgrade.text(b"host") == host
    assert upgrade[:2] == rest


@pytest.mark.parametrize(
    "target", [b"http:///x", b"http://me@home/x", b"*", b"ftp://home/x", b"home:80", b"http://a b/"]
)
def test_a_target_that_is_none_is_refused(target: bytes) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(request(b"GET %b HTTP/1.1" % target))
    assert caught.value.answer.status == 400


def test_a_header_that_comes_twice_is_joined_so_that_nobody_takes_one_for_all() -> None:
    twice = request(
        b"GET / HTTP/1.1", b"origin: http://b", b"cookie: c=d", Origin=b"http://a", Cookie=b"a=b"
    )
    upgrade = asked(twice)
    assert upgrade.text(b"origin") == "http://a, http://b"
    assert upgrade.text(b"cookie") == "a=b; c=d"
    assert upgrade.text(b"nothing") == ""


def test_the_answer_proves_that_the_request_was_read_and_echoes_one_subprotocol() -> None:
    answer = switching(KEY, None)
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nSec-WebSocket-Accept: " + ACCEPT + b"\r\n\r\n" in answer
    assert b"\r\nSec-WebSocket-Protocol: api-key.x\r\n" in switching(KEY, "api-key.x")


def test_a_refusal_is_a_whole_response_that_closes() -> None:
    refusal = FinalResponse(429, "too many", {"Retry-After": "2"})
    head, _, body = refusal.serialize(as_text=True).decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 429 Too Many Requests\r\n")
    assert {"Retry-After: 2", "Connection: close", "Content-Length: 8"} <= {*head.split("\r\n")}
    assert body == "too many"
    head, _, body = refusal.serialize().decode().partition("\r\n\r\n")
    assert "Content-Type: application/json" in head.split("\r\n")
    assert json.loads(body) == {"status_code": 429, "detail": "too many"}


def status_of(data: bytes) -> int:
    """Return the status that a request is refused with, or 101."""
    try:
        head = RequestHead.parse(data)
        if wants_websocket(head):
            upgrade_of(head)
    except RefusedError as error:
        return error.answer.status
    return 101


@given(st.binary(max_size=300), st.integers(0, 250))
def test_whatever_is_sent_is_read_or_refused(junk: bytes, at: int) -> None:
    data = request()
    for broken in (junk, data[:at] + junk + data[at:], data[:at] + junk):
        assert 100 < status_of(broken) < 600
