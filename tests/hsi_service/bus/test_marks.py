"""The marks of seen events, and what somebody else has put beside them."""

from datetime import UTC, datetime

from hsi.schemas import Seen
from hsi_service.bus.marks import is_id, marks_in

MARK = b'{"at":"2026-11-27T00:00:00","by":"kitchen","risk_level":"high"}'


def test_marks_are_known_by_id_or_cursor_and_their_times_are_utc() -> None:
    marks, unreadable = marks_in([(b"7", MARK), (b"1795000000000-3", MARK), (b"8", None)])
    assert marks.keys() == {"7", "1795000000000-3"}
    at = datetime(2026, 11, 27, tzinfo=UTC)
    assert marks["7"] == Seen(at=at, by="kitchen", risk_level="high")
    assert unreadable == 0


def test_what_is_no_mark_is_counted_and_costs_no_other() -> None:
    fields = [(b"7", MARK), (b"7x", MARK), (b"\xff", MARK), (b"8", b"{"), (b"9", b"[" * 100_000)]
    marks, unreadable = marks_in(fields)
    assert marks.keys() == {"7"}
    assert unreadable == 4


def test_an_id_is_a_number_that_a_browser_can_read() -> None:
    texts = ("0", "9007199254740991", "9007199254740992", "01", "-1", "1.0")
    assert [text for text in texts if is_id(text)] == ["0", "9007199254740991"]
