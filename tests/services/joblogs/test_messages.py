"""Which lines of a job's log a client wants."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.bus.intake import Message
from services.joblogs.messages import LEVELS, AtLeast


def line(level: object) -> Message:
    data = {"level": level, "message": "x", "timestamp": "2026-01-17T10:32:05Z"}
    return Message(json.dumps({"type": "log", "data": data}))


@pytest.mark.parametrize("wanted", LEVELS)
def test_a_level_lets_through_itself_and_what_is_worse(wanted: str) -> None:
    passed = [level for level in LEVELS if AtLeast.parse(wanted)(line(level))]
    assert passed == list(LEVELS[LEVELS.index(wanted) :])


def test_a_level_may_be_written_small() -> None:
    assert AtLeast.parse("warning") == AtLeast.parse("WARNING")
    assert not AtLeast.parse("ERROR")(line("info"))


@pytest.mark.parametrize("level", ["", "LOUD", "INFO "])
def test_there_is_no_other_level(level: str) -> None:
    with pytest.raises(ValueError, match="level: expected one of DEBUG, INFO, WARNING, ERROR"):
        AtLeast.parse(level)


@pytest.mark.parametrize("level", [None, "NOTICE", "", 3, ["INFO"]])
def test_a_line_is_not_lost_to_an_odd_level(level: object) -> None:
    assert AtLeast.parse("ERROR")(line(level))


def test_a_line_that_breaks_its_schema_elsewhere_is_filtered_by_its_level() -> None:
    broken = Message('{"type":"log","data":{"level":"DEBUG","message":7}}')
    assert AtLeast.parse("DEBUG")(broken)
    assert not AtLeast.parse("INFO")(broken)


@given(st.text())
def test_any_other_message_passes(text: str) -> None:
    assert AtLeast.parse("ERROR")(Message(text))
