"""How the home is: the cases that the dashboard passes, too."""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hsi.verdict import Arrived, Facts, QueueWatch, Risk, gravity, home_verdict, risk_of

CASES = json.loads((Path(__file__).parent.parent / "verdicts.json").read_text())
NOW = 1_795_000_000_000


def at(seconds: float | None) -> int | None:
    return None if seconds is None else NOW + round(seconds * 1000)


def dated(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "since": at(part.get("since"))}


def facts_of(*changes: dict[str, Any]) -> Facts:
    """Return the base's facts with these changes."""
    given: dict[str, Any] = dict(CASES["base"])
    for change in changes:
        given |= change
    given["now"] = at(given["now"])
    for name in ("feed", "window", "status", "queues"):
        given[name] = dated(given[name])
    given["events"] = [
        {**event, "arrived": at(event["arrived"])}
        for event in given["events"]
        for _ in range(event.get("times", 1))
    ]
    given["seen"] = {
        key: {**mark, "at": datetime.fromtimestamp((at(mark["at"]) or 0) / 1000, UTC)}
        for key, mark in given["seen"].items()
    }
    return msgspec.convert(given, Facts)


def test_events_are_compared_by_level_then_score_then_arrival() -> None:
    given = [
        Arrived(2, {"risk_score": 10}),
        Arrived(1, {}),  # Nobody knows how grave it is: as medium.
        Arrived(1, {"risk_level": "medium", "risk_score": 40}),
        Arrived(2, {"risk_level": "medium", "risk_score": 40}),
        Arrived(1, {"risk_level": "high", "risk_score": 0}),
    ]
    assert sorted(given, key=lambda event: gravity(event, risk_of(event.data))) == given


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_the_verdict_is_what_the_facts_prove(case: dict[str, Any]) -> None:
    verdict = home_verdict(facts_of(case["facts"]))
    said = msgspec.structs.asdict(verdict)
    said |= {"level": None, "score": None}
    if verdict.risk is not None:
        said |= {"level": verdict.risk.level or "medium", "score": verdict.risk.score}
    expected = dict(case["expect"])
    if "since" in expected:
        expected["since"] = at(expected["since"])
    assert {name: said[name] for name in expected} == expected


def test_quiet_needs_every_proof_and_a_danger_none() -> None:
    combinations = list(itertools.product(CASES["levels"], *CASES["axes"]))
    assert len(combinations) > 10_000
    for level, *values in combinations:
        facts = facts_of({"events": level["events"]}, *(value["facts"] for value in values))
        verdict = home_verdict(facts)
        lacking = next((value for value in values if value["reason"]), None)
        names = [level["name"], *(value["name"] for value in values)]
        if level["state"]:
            assert verdict.state == level["state"], names
        elif lacking:
            assert (verdict.state, verdict.detail) == ("cant_tell", lacking["reason"]), names
            assert verdict.since == at(lacking.get("since")), names
        else:
            expected = "quiet_at" if "one offline" in names else "quiet"
            assert verdict.state == expected, names


@pytest.mark.parametrize(("data", "risk"), CASES["risks"])
def test_a_risk_is_read_from_what_producers_write(
    data: dict[str, Any], risk: dict[str, Any]
) -> None:
    assert risk_of(data) == Risk(**risk)


def test_a_score_that_is_no_number_is_none() -> None:
    assert risk_of({"risk_score": float("nan")}).score is None
    assert risk_of({"risk_score": float("inf")}) == Risk(
        level="critical", score=100, out_of_range=True
    )


@pytest.mark.parametrize("case", CASES["queues"], ids=lambda case: case["name"])
def test_a_queue_moves_if_it_becomes_shorter(case: dict[str, Any]) -> None:
    watch = QueueWatch()
    for seconds, detection, analysis in case["samples"]:
        watch.note(NOW + seconds * 1000, detection=detection, analysis=analysis)
    queues = watch.queues
    expected = {"queue": None, "since": None, **case["expect"]}
    assert queues.state == expected["state"]
    assert (queues.queue, queues.since) == (expected["queue"], at(expected["since"]))
