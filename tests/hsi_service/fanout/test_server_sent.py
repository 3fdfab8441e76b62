"""A message is an event whose id is where a client that has it goes on."""

import json

import pytest

from hsi.schemas.close_codes import CloseCode
from hsi_service.fanout.server_sent import (
    MAX_AT_ONCE,
    close_event,
    event_of,
    pieces_of,
    retry_event,
)


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (
            b'{"cursor":"17-4","type":"event"}',
            b'data: {"cursor":"17-4","type":"event"}\nid: 17-4\n\n',
        ),
        (b'{"type":"ping","cursor":"0-0"}', b'data: {"type":"ping","cursor":"0-0"}\nid: 0-0\n\n'),
        (b'{"type":"ping","heard":false}', b'data: {"type":"ping","heard":false}\n\n'),
        (b'{"type":"plain","cursor":"9-9"}', b'data: {"type":"plain","cursor":"9-9"}\n\n'),
        (b"", b"data: \n\n"),
    ],
    ids=["of the history", "heartbeat", "without a cursor", "published plainly", "empty"],
)
def test_a_message_is_an_event_whose_id_is_the_cursor_that_it_is_known_to_have(
    message: bytes, event: bytes
) -> None:
    assert event_of(message) == event


def test_a_message_of_several_lines_is_one_event() -> None:
    message = b'{\n"type": "a",\r\n\r"data":{}}'
    event = event_of(message)
    assert event.count(b"\n\n") == 1
    lines = event.decode().rstrip("\n").split("\n")
    heard = "\n".join(line.removeprefix("data: ") for line in lines)
    assert json.loads(heard) == json.loads(message)


def test_what_is_given_at_once_ends_where_an_event_ends() -> None:
    events = b"".join(
        event_of(b"x" * size) for size in (1, MAX_AT_ONCE, 10, 3 * MAX_AT_ONCE, 5) * 3
    )
    pieces = list(pieces_of(events))
    assert b"".join(pieces) == events
    assert len(pieces) > 3
    assert all(piece.endswith(b"\n\n") for piece in pieces)
    assert not list(pieces_of(b""))


def test_the_end_has_a_name_a_code_and_when_to_come_back() -> None:
    event = close_event(CloseCode.RESTART, "restart: come back", 1500)
    assert (
        event == b'event: close\nretry: 1500\ndata: {"code":1012,"reason":"restart: come back"}\n\n'
    )
    assert retry_event(1500) == b"retry: 1500\n\n"
