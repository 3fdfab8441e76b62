"""Which events are asked for."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas.cursor import Cursor
from services.events.wanted import (
    MAX_CAMERAS,
    MINUTE,
    ParameterError,
    Wanted,
    greatest_risk,
    sighting_of,
    wanted_of,
)

NOW = 1_000_000_000


def asked(**parameters: Any) -> Wanted:
    return wanted_of(**({"minutes": 15, "limit": 100} | parameters))


def message(kind: str = "event", **data: Any) -> str:
    return json.dumps({"type": kind, "data": data})


def test_nothing_is_left_out_unless_that_is_asked_for() -> None:
    assert not asked().is_filtered
    assert asked().fits("anything")
    assert not asked(q="  ").is_filtered


@pytest.mark.parametrize(
    ("data", "risk"),
    [
        ({"risk_score": 75, "risk_level": "high"}, 75),
        ({"risk_score": "97"}, 97),
        ({"risk_score": 1e9}, 100),
        ({"risk_score": -3}, 0),
        ({"risk_score": None, "risk_level": "critical"}, 100),
        ({"risk_score": 3, "risk_level": " CRITICAL "}, 85),
        ({"risk_score": "many", "risk_level": "low"}, 29),
        ({"risk_score": float("nan")}, 100),
        ({"risk_score": True, "risk_level": 7}, 100),
        ({}, 100),
    ],
)
def test_an_event_may_be_of_the_higher_risk_of_its_score_and_its_level(
    data: dict[str, Any], risk: float
) -> None:
    assert greatest_risk("event", data) == risk


def test_a_filter_keeps_what_it_cannot_judge_of_an_event_and_nothing_else() -> None:
    risky = asked(min_risk=60)
    assert risky.fits(message(risk_score=60))
    assert not risky.fits(message(risk_score=59))
    assert risky.fits(message(risk_score="?"))
    assert not risky.fits(message("scene_change", camera_id="door"))
    assert risky.fits('{"type":"event","data":{"summary":"\\ud83d"}}')
    assert not risky.fits("not JSON")


def test_several_cameras_may_be_asked_for() -> None:
    outside = asked(camera_id=["door", "yard"])
    assert outside.fits(message("scene_change", camera_id="door"))
    assert outside.fits(message(camera_id="yard"))
    assert not outside.fits(message(camera_id="attic"))
    assert not outside.fits(message())
    assert asked(camera_id=["7"]).fits(message(camera_id=7))
    assert not asked(camera_id=["None"]).fits(message(camera_id=None))


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ({"risk_level": "high"}, True),
        ({"risk_level": " CRITICAL "}, True),
        ({"risk_level": "low", "risk_score": 99}, False),  # It is shown as low.
        ({"risk_score": 75}, True),
        ({"risk_score": 20}, False),
        ({"risk_level": "?", "risk_score": None}, True),  # It may be of any.
    ],
)
def test_a_level_is_the_one_that_the_page_shows(data: dict[str, Any], *, fits: bool) -> None:
    assert asked(level=["high", "critical"]).fits(message(**data)) is fits


def test_a_message_that_is_no_event_and_has_no_level_is_of_none() -> None:
    assert not asked(level=["low"]).fits(message("scene_change"))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("person", True),
        ("PERSON door", True),
        ("front door", True),  # in the camera's id
        ("FRÄULEIN", True),
        ("strasse", True),
        ("person cellar", False),
        ("person\tfence", False),
        ("doorstraße", False),  # no word goes from one into the other
    ],
)
def test_each_word_is_looked_for_in_the_summary_and_the_cameras_id(
    text: str, *, fits: bool
) -> None:
    said = message(summary="Person, ein Fräulein, in der Straße", camera_id="front_door")
    assert asked(q=text).fits(said) is fits


def test_text_is_looked_for_in_whatever_was_published() -> None:
    assert not asked(q="x").fits(message(summary=["x"], camera_id=None))
    assert asked(q="7").fits(message(camera_id=7))
    assert not asked(q="x").fits("not JSON x")


def test_who_has_seen_it_is_asked_apart() -> None:
    assert asked().fits_mark(None)
    assert asked().fits_mark("a mark")
    unseen, seen = asked(seen=False), asked(seen=True)
    assert unseen.is_filtered
    assert unseen.fits("whatever itself says")
    assert (unseen.fits_mark(None), unseen.fits_mark("a mark")) == (True, False)
    assert (seen.fits_mark(None), seen.fits_mark("a mark")) == (False, True)


def test_the_window_goes_back_from_now_unless_there_is_a_period() -> None:
    assert asked(minutes=5).begins(NOW) == NOW - 5 * MINUTE
    period = asked(minutes=5, from_="1970-01-01T01:00:00+01:00", to="1970-01-01T00:00:02.5")
    assert (period.begins(NOW), period.end) == (0, 2500)
    assert asked(from_="1970-01-01T00:01:00Z").end is None
    assert asked(to="1970-01-02").begins(NOW) == 0


def test_what_is_asked_for_in_other_words_is_the_same_question() -> None:
    one = asked(
        camera_id=["a", "b"], level=["low", "high"], q="Cat  dog", from_="2026-01-15T10:30Z"
    )
    other = asked(
        camera_id=["b", "a", "b"],
        level=["high", "low"],
        q=" DOG cat ",
        from_="2026-01-15T11:30:00+01:00",
        minutes=3,
    )
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"camera_id": ["x" * 257]}, "camera_id"),
        ({"camera_id": ["x"] * (MAX_CAMERAS + 1)}, "camera_id"),
        ({"level": ["high", "huge"]}, "level"),
        ({"level": [""]}, "level"),
        ({"q": "x" * 101}, "q"),
        ({"from_": "yesterday"}, "from"),
        ({"from_": "2026-01-15T10:30:00 01:00"}, "from"),  # a + that was not encoded
        ({"to": ""}, "to"),
        ({"to": "2026-01-15T10:30:00Z" + "0" * 100}, "to"),
        ({"from_": "2026-01-15", "to": "2026-01-15"}, "to"),
        ({"to": "1969-07-20"}, "to"),
        ({"before": "yesterday"}, "before"),
        ({"before": ""}, "before"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(parameters: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError) as wrong:
        asked(**parameters)
    assert wrong.value.name == named
    assert "expected" in str(wrong.value)


@given(st.text(max_size=60))
def test_a_time_is_one_or_is_refused_whatever_it_says(text: str) -> None:
    with contextlib.suppress(ParameterError):
        assert asked(from_=text).start >= 0


def test_beside_an_event_are_the_others_of_its_camera() -> None:
    found = sighting_of(message(camera_id="door", event_id=7))
    assert found is not None
    assert found.is_beside(message(camera_id="door", event_id=8))
    assert found.is_beside(message(camera_id="door"))
    assert not found.is_beside(message(camera_id="yard", event_id=8))
    assert not found.is_beside(message("scene_change", camera_id="door", event_id=8))
    assert not found.is_beside(message(camera_id="door", event_id=7))  # told again
    assert sighting_of(message(event_id=7)) is None
    assert sighting_of(message("scene_change", camera_id="door")) is None


def test_a_page_begins_where_the_one_before_ended() -> None:
    assert asked(before="5-6").before == Cursor(5, 6)
