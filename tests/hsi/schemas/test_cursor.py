"""Cursors: read, written, and first in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas.cursor import BEGINNING, GREATEST, Cursor, cursor_of, stamped


@given(st.text())
def test_any_text_is_a_cursor_or_is_not(text: str) -> None:
    cursor = Cursor.parse(text)
    assert cursor is None or Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text", ["", "0", "1-", "-1", "1-2-3", "1-2\n", "٣-٤", "+1-1", "9" * 99, f"1-{10**14}"]
)
def test_what_is_no_cursor(text: str) -> None:
    assert Cursor.parse(text) is None


CURSORS = st.builds(Cursor, st.integers(0, GREATEST[0]), st.integers(0, GREATEST[1]))


@given(CURSORS, CURSORS)
def test_cursors_are_ordered_like_their_history(one: Cursor, other: Cursor) -> None:
    assert (one < other) == (tuple(one) < tuple(other))
    assert one >= BEGINNING


@given(CURSORS)
def test_a_stamped_message_begins_with_its_cursor_and_goes_on_as_it_was(cursor: Cursor) -> None:
    text = stamped(cursor, '{"type":"event","data":{}}')
    assert text == f'{{"cursor":"{cursor}","type":"event","data":{{}}}}'
    assert cursor_of(text) == cursor


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"event","cursor":"1-1","data":{}}',  # not first: not put there by the history
        '{"type":"event","data":{"cursor":"1-1"}}',
        '{"cursor":1,"type":"event"}',
        '{"cursor":"1-1"}',
        ' {"cursor":"1-1","type":"event"}',
        "",
    ],
)
def test_a_message_without_a_cursor_in_front_was_published_plainly(text: str) -> None:
    assert cursor_of(text) is None
