"""Which events are kept, and which of two messages about one event counts."""

import itertools
import json

from hsi.schemas.cursor import Cursor
from hsi.verdict import RECENT, UNENDED, Arrived
from hsi_service.home import events as module
from hsi_service.home.events import KeptEvents, event_in

NOW = 1_795_000_000_000


def told(ago: int, number: int, **data: object) -> Arrived:
    return Arrived(NOW - ago, data, f"{NOW - ago}-{number}")


def test_only_events_are_taken_and_a_cursor_says_when_they_came() -> None:
    text = json.dumps({"type": "event", "data": {"event_id": 1}})
    assert event_in(text, Cursor(5, 1), NOW) == Arrived(5, {"event_id": 1}, "5-1")
    assert event_in(text, None, NOW) == Arrived(NOW, {"event_id": 1})
    for other in ('{"type":"weather","data":{}}', "nonsense", '{"type":"event"}'):
        assert event_in(other, None, NOW) is None


def test_the_last_message_about_an_event_counts_in_whichever_order_they_are_read() -> None:
    first = told(3000, 1, event_id=1, camera_id="a", risk_level="critical")
    last = told(1000, 2, event_id=1, camera_id="a", risk_level="low")
    elsewhere = told(2000, 3, event_id=1, camera_id="b")
    for order in itertools.permutations([first, last, elsewhere]):
        kept = KeptEvents()
        for event in order:
            kept.take(event)
        assert sorted(kept.events, key=lambda one: one.arrived) == [elsewhere, last]
        assert kept.latest == {"a": last, "b": elsewhere}


def test_what_has_neither_id_nor_cursor_is_an_event_of_its_own() -> None:
    kept = KeptEvents()
    for _ in range(2):
        kept.take(Arrived(NOW, {"camera_id": "a"}))
    assert len(kept.events) == 2


def test_what_no_longer_counts_goes_but_is_the_latest_of_its_camera_still() -> None:
    kept = KeptEvents()
    old = told(RECENT + 1, 1, event_id=1, camera_id="a", risk_level="high")
    unended = told(UNENDED, 2, event_id=2, camera_id="b", risk_level="critical")
    kept.take(old)
    kept.take(unended)
    kept.drop_old(NOW)
    assert kept.events == [unended]
    assert kept.latest["a"] == old


def test_a_crowd_of_events_of_low_risk_pushes_no_danger_out() -> None:
    kept = KeptEvents()
    danger = told(1000, 1, event_id=1, risk_level="high")
    kept.take(danger)
    for number in range(2, module.MAX_LOW + 100):
        kept.take(told(1000, number, event_id=number, risk_level="low"))
    kept.drop_old(NOW)
    assert len(kept.events) == module.MAX_LOW + 1
    assert danger in kept.events
    assert told(1000, 2, event_id=2, risk_level="low") not in kept.events
