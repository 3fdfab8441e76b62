"""GET /api/events: what happened of late, and whether that is all."""

from datetime import UTC, datetime

import msgspec

from services.events.recent import RecentEvents


def test_an_answer_without_events_says_what_is_known_all_the_same() -> None:
    now = datetime(2026, 1, 17, 12, 30, tzinfo=UTC)
    answer = RecentEvents(
        now=now, heard=True, complete=False, known_since=None, cursor=None, events=[], next=None
    )
    assert msgspec.json.decode(msgspec.json.encode(answer)) == {
        "now": "2026-01-17T12:30:00Z",
        "heard": True,
        "complete": False,
        "known_since": None,
        "cursor": None,
        "events": [],
        "next": None,
    }
