"""Texts as frames, as any client reads them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, Protocol

from hsi_service.door.compression import WINDOW_BITS
from hsi_service.fanout.batch import OVERHEAD, Batch, text_frame
from hsi_service.fanout.deflate import MIN_DEFLATED


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
def test_a_text_of_any_size_is_the_frame_that_the_library_makes(size: int) -> None:
    text = "x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


@given(st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]))))
def test_a_batch_is_its_texts_as_frames_one_after_the_other(texts: list[str]) -> None:
    batch = Batch(texts)
    expected = b"".join(Frame(Opcode.TEXT, text.encode()).serialize(mask=False) for text in texts)
    assert (batch.frames, batch.size) == (expected, len(expected))
    assert (list(batch.texts), batch.replaces) == (texts, None)


def read_by_the_library(frames: bytes) -> list[str]:
    """Return what a client of the websockets library reads that has agreed to deflated messages."""
    client = Protocol(CLIENT, state=OPEN, max_size=None)
    client.extensions = [
        PerMessageDeflate(
            remote_no_context_takeover=True,
            local_no_context_takeover=True,
            remote_max_window_bits=WINDOW_BITS,
            local_max_window_bits=15,
        )
    ]
    client.receive_data(frames)
    events = client.events_received()
    assert client.parser_exc is None
    return [bytes(event.data).decode() for event in events if isinstance(event, Frame)]


_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)


@given(st.lists(st.builds(str.__mul__, _TEXT, st.integers(1, 400))))
def test_who_accepts_deflated_messages_reads_the_same_texts(texts: list[str]) -> None:
    batch = Batch(texts, replaces="kind")
    deflated = batch.deflate()
    assert read_by_the_library(deflated.frames) == texts
    assert (deflated.size, deflated.replaces) == (len(deflated.frames), "kind")
    assert deflated.size <= batch.size == len(batch.frames)
    assert batch.texts == texts


def test_a_batch_is_deflated_once() -> None:
    batch = Batch(["x" * 1000, "y"])
    deflated = batch.deflate()
    assert deflated is batch.deflated is batch.deflate() is deflated.deflate()
    assert deflated.memory == OVERHEAD + len(deflated.frames) < batch.memory


def test_what_is_short_or_gains_nothing_goes_as_it_is() -> None:
    noise = "".join(map(chr, random.Random(1).choices(range(128), k=MIN_DEFLATED + 1)))
    for text in ("x" * MIN_DEFLATED, noise, ""):
        batch = Batch([text])
        assert batch.deflate() is batch is batch.deflate()
    assert Batch(["x" * (MIN_DEFLATED + 1)]).deflate().size < MIN_DEFLATED // 2
