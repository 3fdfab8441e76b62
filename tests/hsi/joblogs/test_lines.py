"""One line of a job's log, as the message that it becomes."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.joblogs.lines import MAX_CONTEXT, MAX_LINE, cut, dropped_line, level_of, log_line
from hsi.schemas import Log
from hsi.schemas.validation import MAX_MESSAGE_BYTES, validate
from hsi_service.bus.intake import Classification, examine
from tests.clients import golden

STARTED = datetime.fromisoformat("2026-01-17T10:32:05Z")


def line(message: str, context: dict[str, Any] | None = None) -> Log:
    """Return what a subscriber makes of a line."""
    payload = log_line("INFO", message, context or {}, created=STARTED.timestamp())
    assert examine(payload).classification == Classification.VALID
    message_ = validate(payload)
    assert isinstance(message_, Log)
    return message_


def test_a_line_is_the_seeds_example() -> None:
    context = {"batch_id": "abc123"}
    payload = log_line("INFO", "Processing batch 2/3", context, created=STARTED.timestamp())
    assert json.loads(payload) == json.loads(golden("log"))


def test_a_line_with_nothing_along_has_no_context() -> None:
    assert b"context" not in log_line("INFO", "ready", {}, created=0)


@pytest.mark.parametrize("level", ["warning", "Warning", "WARNING"])
def test_a_level_may_be_written_in_any_case(level: Any) -> None:
    payload = log_line(level, "late", {}, created=0)
    assert json.loads(payload)["data"]["level"] == "WARNING"


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("not now")


class Polite:
    def __str__(self) -> str:
        return "polite"


def test_what_json_cannot_say_becomes_text() -> None:
    number = "2f1b0f0e-0c0d-4e0f-8a0b-0c0d0e0f1011"
    said = {"who": Polite(), "rude": Rude(), "id": UUID(number), "at": STARTED, "nan": float("nan")}
    assert line("x", said).data.context == {
        "who": "polite",
        "rude": "<Rude>",
        "id": number,
        "at": "2026-01-17T10:32:05Z",
        "nan": None,
    }


def test_a_loop_and_half_a_surrogate_pair_stop_no_job() -> None:
    loop: list[Any] = []
    loop.append(loop)
    data = line("half \ud83d", {"loop": loop, "\ud83d": 1}).data
    assert (data.message, data.context) == ("half ?", {"loop": "[[...]]", "?": "1"})


@given(st.text(), st.dictionaries(st.text(), st.text() | st.floats() | st.integers() | st.binary()))
def test_any_line_is_a_message(message: str, context: dict[str, Any]) -> None:
    line(message, context)


@pytest.mark.parametrize("character", ["a", "é", "€", "🎥", "\x00"])
@pytest.mark.parametrize("more", [-1, 0, 1, 100_000])
def test_a_line_over_16_kib_is_cut_between_two_characters(character: str, more: int) -> None:
    text = character * (MAX_LINE // len(character.encode()) + more)
    sent = line(text).data.message
    assert len(sent.encode()) <= MAX_LINE
    if more > 0:
        beginning, _, mark = sent.partition(" … [cut: ")
        assert mark == f"the line has {len(text.encode())} bytes]"
        assert len(beginning.encode()) > MAX_LINE - 60
        assert set(beginning) == {character}
    else:
        assert sent == text


def test_who_has_only_the_beginning_says_how_long_the_line_is() -> None:
    assert cut("a" * MAX_LINE, 10**9).endswith(" … [cut: the line has 1000000000 bytes]")
    assert cut("short", 5) == "short"


def test_too_much_context_is_cut() -> None:
    context = line("\x00" * MAX_LINE, {"all": "b" * MAX_MESSAGE_BYTES}).data.context
    assert isinstance(context, dict)
    assert context["cut"].startswith('{"all":"bbb')
    assert len(context["cut"]) <= MAX_CONTEXT


@pytest.mark.parametrize(
    ("number", "word"),
    [
        *((5, "DEBUG"), (10, "DEBUG"), (20, "INFO"), (25, "INFO"), (30, "WARNING")),
        *((40, "ERROR"), (50, "CRITICAL"), (60, "CRITICAL")),
    ],
)
def test_a_level_between_two_counts_as_the_lower(number: int, word: str) -> None:
    assert level_of(number) == word


def test_the_line_that_stands_for_others_says_how_many() -> None:
    message = validate(dropped_line(1234, STARTED.timestamp()))
    assert isinstance(message, Log)
    assert message.data.message.startswith("dropped 1234 lines: ")
    assert (message.data.level, message.data.context) == ("WARNING", {"dropped": 1234})
