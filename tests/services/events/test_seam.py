"""Where the history of events ends and the table goes on."""

import json
from typing import Any

import pytest

from hsi.schemas.cursor import BEGINNING, Cursor
from services.events.seam import KEPT, Seam, Told, seam_of

NOW = 10 * KEPT


def at(milliseconds: int) -> Cursor:
    return Cursor(milliseconds, milliseconds)


def message(kind: str = "event", **data: Any) -> str:
    return json.dumps({"type": kind, "data": data})


@pytest.mark.parametrize(
    ("reached", "first", "end", "expected"),
    [
        (None, None, None, (BEGINNING, NOW + 1)),  # there is no history
        (None, at(500), None, (at(500), 500)),
        (at(500), at(500), None, (at(500), 500)),
        (at(400), at(500), None, (at(400), 400)),  # trimmed since the page before
        (at(700), at(500), None, (at(500), 500)),
        (at(400), None, None, (at(400), 400)),  # wiped since
        (at(500), at(500), 300, (at(500), 300)),
        (Cursor(300, 0), at(500), 300, (Cursor(300, 0), 300)),
        (None, at(NOW + 99), None, (at(NOW + 99), NOW + 1)),
    ],
)
def test_the_table_goes_on_where_the_history_ends(
    reached: Cursor | None, first: Cursor | None, end: int | None, expected: tuple[Cursor, int]
) -> None:
    assert seam_of(reached=reached, first=first, now=NOW, end=end) == Seam(*expected, first)


def test_what_the_history_tells_of_is_known_by_its_id_and_its_camera() -> None:
    told = Told()
    told.take(at(5), message(event_id=7, camera_id="door"))
    told.take(at(6), message(id=8, camera_id="door"))
    told.take(at(7), message("scene_change", event_id=9, camera_id="door"))
    told.take(at(8), message(event_id=9))
    told.take(at(9), "not JSON")
    assert told.head == at(9)
    assert told.has(("7", "door"), BEGINNING)
    assert told.has(("8", "door"), BEGINNING)
    assert not told.has(("7", "yard"), BEGINNING)
    assert len(told) == 2


def test_what_was_told_by_an_earlier_message_alone_is_older() -> None:
    told = Told()
    told.take(at(5), message(event_id=7, camera_id="door"))
    assert told.has(("7", "door"), at(5))
    assert not told.has(("7", "door"), at(6))
    told.take(at(8), message(event_id=7, camera_id="door"))  # told again
    assert told.has(("7", "door"), at(6))
    assert len(told) == 1


def test_what_was_trimmed_is_forgotten_after_a_while() -> None:
    told = Told()
    for milliseconds in (5, 6, 7):
        told.take(at(milliseconds), message(event_id=milliseconds, camera_id="door"))
    told.forget(None)
    told.forget(at(6))
    assert len(told) == 3
    told.forget(at(6 + KEPT))
    assert not told.has(("5", "door"), BEGINNING)
    assert told.has(("6", "door"), BEGINNING)
    told.clear()
    assert (len(told), told.head) == (0, None)


def test_the_last_message_of_an_event_alone_says_what_it_is() -> None:
    told = Told()
    told.take(at(5), message(event_id=7, camera_id="door"))
    told.take(at(6), message(event_id=8, camera_id="door"))
    told.take(at(7), message(id=7, camera_id="yard"))  # the same one, as another camera's
    told.take(at(8), message("scene_change", event_id=8))
    told.take(at(9), message(event_id="abc"))
    told.take(at(10), message(event_id="abc"))
    assert told.is_outdated(at(5), message(event_id=7))
    assert not told.is_outdated(at(7), message(id=7))
    assert not told.is_outdated(at(6), message(event_id=8))
    assert not told.is_outdated(at(1), message("scene_change", event_id=7))
    assert not told.is_outdated(at(9), message(event_id="abc"))  # no number: nobody can tell
    assert not told.is_outdated(at(1), "not JSON")
    told.forget(at(8 + KEPT))
    assert not told.is_outdated(at(5), message(event_id=7))
    told.clear()
    assert not told.is_outdated(at(1), message(event_id="abc"))
