"""Texts as frames, as any client reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from hsi_service.fanout.batch import Batch, text_frame


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
