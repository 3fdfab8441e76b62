"""How an answer is gathered within its budget."""

import pytest

from hsi.schemas.cursor import Cursor
from services.events import answers
from services.events.answers import Gathered, recent_event

EVENT = recent_event(Cursor(1, 1), "{}", None)


def test_an_answer_is_full_when_it_has_as_many_events_as_were_asked_for() -> None:
    gathered = Gathered(2)
    for _ in range(2):
        assert not gathered.ends_before(9)
        gathered.take(EVENT, 9)
    assert gathered.ends_before(9)
    assert not gathered.is_exhausted


def test_its_first_event_may_be_larger_than_all_may_be_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "MAX_ANSWER", 10)
    gathered = Gathered(5)
    assert not gathered.ends_before(99)
    gathered.take(EVENT, 99)
    assert gathered.ends_before(1)
    assert not gathered.is_exhausted


def test_what_is_read_is_bounded_though_nothing_of_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_READ", 10)
    gathered = Gathered(5)
    gathered.note(10)
    assert not gathered.ends_before(5)
    gathered.note(1)
    assert gathered.ends_before(5)
    assert gathered.is_exhausted
    assert gathered.room == 5
