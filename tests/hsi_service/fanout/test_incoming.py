"""What a client sends: the same messages, however it is cut into pieces."""

import itertools
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import BINARY, CLOSE, CONT, PING, PONG, TEXT, Close, Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from hsi_service.fanout.client_frames import MAX_CLIENT_MESSAGE_BYTES
from hsi_service.fanout.incoming import End, Event, Incoming, Part, Ping, Pong


def sent(opcode: Opcode, data: bytes, *, fin: bool = True, rsv1: bool = False) -> bytes:
    frame = Frame(opcode, data, fin).serialize(mask=True)
    return bytes([frame[0] | 0x40 * rsv1]) + frame[1:]


def deflated(message: bytes, *, level: int = -1) -> bytes:
    """Return a message as any client may deflate it, with the largest window."""
    compressor = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
    whole = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return whole.removesuffix(b"\x00\x00\xff\xff")


def answered(opcode: Opcode, data: bytes) -> bytes:
    return Frame(opcode, data).serialize(mask=False)


def read(incoming: Incoming, data: bytes) -> list[Event]:
    """Return what is read of these bytes, up to an end; parts of messages aside."""
    incoming.add(data)
    found: list[Event] = []
    while (event := incoming.read()) is not None:
        if not isinstance(event, Part):
            found.append(event)
        if isinstance(event, End):
            break
    return found


def events(*pieces: bytes, deflates: bool = False) -> list[Event]:
    incoming = Incoming(deflates=deflates)
    return [event for piece in pieces for event in read(incoming, piece)]


FRAMES = (
    sent(TEXT, "é".encode()),
    sent(TEXT, b"one, ", fin=False),
    sent(PING, b"between"),
    sent(CONT, b"two, \xc3", fin=False),
    sent(PONG, b""),
    sent(CONT, b"\xa9"),
    sent(BINARY, b"\x00\xff" * 100),
    sent(TEXT, b"x" * 65536),
    sent(CLOSE, Close(1000, "bye").serialize()),
)
EVENTS: list[Event] = [
    "é",
    Ping(answered(PONG, b"between")),
    Pong(),
    "one, two, é",
    b"\x00\xff" * 100,
    "x" * 65536,
    End(answered(CLOSE, Close(1000, "bye").serialize()), clean=True),
]
BROKEN = {
    "unmasked": (Frame(TEXT, b"unmasked").serialize(mask=False), 1002),
    "reserved bit": (bytes([0xC1]) + sent(TEXT, b"reserved bit")[1:], 1002),
    "reserved opcode": (bytes([0x83]) + sent(TEXT, b"reserved opcode")[1:], 1002),
    "a continuation of nothing": (sent(CONT, b"of nothing"), 1002),
    "a message within another": (sent(TEXT, b"a", fin=False) + sent(TEXT, b"b"), 1002),
    "a ping in fragments": (bytes([0x09]) + sent(PING, b"in fragments")[1:], 1002),
    "a ping that is too long": (bytes([0x89, 0xFE, 0x00, 0x7E]) + bytes(4 + 126), 1002),
    "a length that fits into fewer bytes": (bytes([0x81, 0xFE, 0x00, 0x7D]) + bytes(4 + 125), 1002),
    "a length that fits into two bytes": (
        bytes([0x81, 0xFF]) + (65_535).to_bytes(8) + bytes(4),
        1002,
    ),
    "a length that is negative": (bytes([0x81, 0xFF, 0x80]) + bytes(7), 1002),
    "half a close code": (sent(CLOSE, b"\x03"), 1002),
    "an invalid close code": (sent(CLOSE, Close(1000, "").serialize()[:1] + b"\x00"), 1002),
    "invalid UTF-8": (sent(TEXT, b"\xff"), 1007),
    "invalid UTF-8 across fragments": (sent(TEXT, b"\xc3", fin=False) + sent(CONT, b"x"), 1007),
    "too big": (sent(TEXT, b"x" * (MAX_CLIENT_MESSAGE_BYTES + 1)), 1009),
    "the beginning of what is too big": (
        sent(TEXT, b"x" * (MAX_CLIENT_MESSAGE_BYTES + 1))[:10],
        1009,
    ),
    "fragments that are too big together": (
        sent(TEXT, b"x" * 40_000, fin=False) + sent(CONT, b"x" * 40_000),
        1009,
    ),
}
"""What breaks the protocol, and the code that says so."""


@given(st.lists(st.integers(0, len(b"".join(FRAMES))), max_size=20))
def test_it_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = b"".join(FRAMES)
    bounds = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:stop] for start, stop in itertools.pairwise(bounds)]
    assert events(*pieces) == EVENTS


def test_nothing_is_kept_between_messages_and_something_within() -> None:
    incoming = Incoming()
    for frame, whole in zip(
        FRAMES, (True, False, False, False, False, True, True, True), strict=False
    ):
        read(incoming, frame[:1])
        assert not incoming.whole
        read(incoming, frame[1:])
        assert incoming.whole is whole


@pytest.mark.parametrize("what", BROKEN)
def test_what_breaks_the_protocol_ends_it_with_the_code_that_says_so(what: str) -> None:
    data, code = BROKEN[what]
    found = events(sent(TEXT, b"before") + data)
    assert found[0] == "before"
    assert isinstance(found[-1], End)
    assert not found[-1].clean
    assert int.from_bytes(found[-1].answer[2:4]) == code


def test_each_read_is_one_frame_and_parts_of_a_message_are_told() -> None:
    """So a reader can charge for each, and give others their turn."""
    incoming = Incoming()
    incoming.add(sent(TEXT, b"", fin=False) + sent(CONT, b"", fin=False) * 3 + sent(CONT, b"x"))
    assert [incoming.read() for _ in range(6)] == [Part()] * 4 + ["x", None]


def test_what_a_client_sends_is_what_the_websockets_library_reads() -> None:
    """An independent reader of the same protocol, frame by frame."""
    library = Protocol(SERVER, state=OPEN, max_size=MAX_CLIENT_MESSAGE_BYTES)
    for frame in FRAMES[:-1]:
        library.receive_data(frame)
        (expected,) = library.events_received()
        assert isinstance(expected, Frame)
        incoming = Incoming()
        if expected.opcode is CONT:
            continue
        incoming.add(frame)
        event = incoming.read()
        match event:
            case str():
                assert event.encode() == expected.data
            case bytes():
                assert event == expected.data
            case Ping(answer):
                assert answer in library.data_to_send()
            case _:
                assert isinstance(event, Part | Pong)


# Deflated messages.

_FOUR = deflated("one, two, é".encode())
_RANDOM = random.Random(2).randbytes(65536)
_FINISHED = zlib.compressobj(wbits=-15)
DEFLATED = (
    sent(TEXT, deflated("é".encode()), rsv1=True),
    sent(TEXT, b"plain"),
    sent(TEXT, _FOUR[:3], fin=False, rsv1=True),
    sent(PING, b"between"),
    sent(CONT, b"", fin=False),
    sent(CONT, _FOUR[3:]),
    sent(BINARY, deflated(b"\x00\xff" * 32768), rsv1=True),
    sent(BINARY, deflated(_RANDOM, level=0), rsv1=True),
    # In parts, of which the first says all.
    sent(TEXT, deflated(b"x" * 65536) + b"\x00\x00\xff\xff", fin=False, rsv1=True),
    sent(CONT, b"\x00"),
    sent(TEXT, deflated(b""), rsv1=True),
    # A stream that is finished, as RFC 7692 lets one be (7.2.3.4).
    sent(TEXT, _FINISHED.compress(b"done") + _FINISHED.flush() + b"\x00", rsv1=True),
)
INFLATED: list[Event] = [
    "é",
    "plain",
    Ping(answered(PONG, b"between")),
    "one, two, é",
    b"\x00\xff" * 32768,
    _RANDOM,
    "x" * 65536,
    "",
    "done",
]
BOMB = sent(TEXT, deflated(bytes(30_000_000)), rsv1=True)
BROKEN_DEFLATED = {
    "not deflated": (sent(TEXT, b"\xff" * 10, rsv1=True), 1007),
    "not deflated in its second part": (
        sent(TEXT, b"", fin=False, rsv1=True) + sent(CONT, b"\xff" * 10),
        1007,
    ),
    "invalid UTF-8": (sent(TEXT, deflated(b"\xff"), rsv1=True), 1007),
    "a part that says so again": (
        sent(TEXT, deflated(b"a"), fin=False, rsv1=True) + sent(CONT, b"", rsv1=True),
        1002,
    ),
    "a ping that says so": (sent(PING, b"", rsv1=True), 1002),
    "another reserved bit": (bytes([0xE1]) + sent(TEXT, b"")[1:], 1002),
    "a bomb": (BOMB, 1009),
    "too big": (sent(TEXT, deflated(b"x" * 65537), rsv1=True), 1009),
    "parts that are too big together": (
        sent(TEXT, deflated(b"x" * 65536) + b"\x00\x00\xff\xff", fin=False, rsv1=True)
        + sent(CONT, deflated(b"x")),
        1009,
    ),
    "the beginning of what is too big as it is sent": (
        sent(TEXT, bytes(70_000), rsv1=True)[:10],
        1009,
    ),
}


@given(st.lists(st.integers(0, len(b"".join(DEFLATED))), max_size=20))
def test_what_is_deflated_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    stream = b"".join(DEFLATED)
    bounds = [0, *sorted(cuts), len(stream)]
    pieces = [stream[start:stop] for start, stop in itertools.pairwise(bounds)]
    assert events(*pieces, deflates=True) == INFLATED


@pytest.mark.parametrize("what", BROKEN_DEFLATED)
def test_what_breaks_deflated_messages_ends_it_with_the_code_that_says_so(what: str) -> None:
    data, code = BROKEN_DEFLATED[what]
    found = events(sent(TEXT, b"before") + data, deflates=True)
    assert found[0] == "before"
    assert isinstance(found[-1], End)
    assert not found[-1].clean
    assert int.from_bytes(found[-1].answer[2:4]) == code


def test_who_has_not_agreed_on_it_sends_nothing_deflated() -> None:
    (end,) = events(DEFLATED[0])
    assert isinstance(end, End)
    assert int.from_bytes(end.answer[2:4]) == 1002


def test_a_frame_costs_what_was_sent_and_what_that_is_inflated_to() -> None:
    incoming = Incoming(deflates=True)
    data = sent(TEXT, deflated(b"x" * 5000), rsv1=True)
    read(incoming, data)
    assert incoming.size == len(data) + 5000
    incoming.add(BOMB)
    assert isinstance(incoming.read(), End)
    assert incoming.whole or incoming.size < 200_000


def test_nothing_is_kept_of_a_deflated_message() -> None:
    incoming = Incoming(deflates=True)
    for frame in DEFLATED:
        read(incoming, frame)
    assert incoming.whole
