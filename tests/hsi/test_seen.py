"""Whether an event was seen: the cases that the dashboard passes, too."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hsi.schemas import Seen
from hsi.seen import key_of, seen_in
from hsi.verdict import risk_of

CASES = json.loads((Path(__file__).parent.parent / "seen.json").read_text())
CURSOR = "1795000000000-1"


@pytest.mark.parametrize("case", CASES["keys"], ids=lambda case: case["name"])
def test_a_mark_is_of_the_events_id_or_of_its_cursor(case: dict[str, Any]) -> None:
    assert key_of(case["data"], case["cursor"]) == case["key"]


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_an_event_is_seen_until_it_is_graver(case: dict[str, Any]) -> None:
    at = datetime(2026, 11, 27, 12, tzinfo=UTC)
    marks = {
        key: Seen(at=at, by="kitchen", risk_level=level) for key, level in case["marks"].items()
    }
    data = case["data"]
    mark = seen_in(marks, key_of(data, CURSOR), risk_of(data).level)
    assert (mark and mark.by) == case["by"]


def test_a_number_beyond_all_numbers_is_no_id() -> None:
    for number in (float("nan"), float("inf"), 10**400):
        assert key_of({"event_id": number, "id": 8}, CURSOR) == "8"
