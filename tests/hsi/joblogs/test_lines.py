"""A job's lines and what holds them while Redis is away: pure, so played out in memory."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.joblogs import job_state
from hsi.joblogs.buffer import MAX_TAKEN, LineBuffer, chunks
from hsi.joblogs.job_state import JobState
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


@given(
    st.lists(st.one_of(st.integers(1, 60), st.just("take"), st.integers(-5, -1)), max_size=60),
    st.integers(1, 40),
)
def test_every_line_is_sent_once_in_order_or_counted_where_it_is_missing(
    steps: list[int | str], room: int
) -> None:
    """A positive number adds that many lines; a negative one acknowledges that many."""
    buffer = LineBuffer(lambda count: b"dropped %d" % count, max_lines=room)
    added, sent = 0, []

    def acknowledge(count: int) -> None:
        lines = list(buffer.take())[:count]
        buffer.acknowledge(len(lines))
        sent.extend(lines)

    for step in steps:
        if step == "take":
            assert list(buffer.take()) == list(buffer.take())  # a retry is the same again
        elif isinstance(step, int) and step < 0:
            acknowledge(-step)
        else:
            for _ in range(int(step)):
                buffer.add(b"%d" % added)
                added += 1
            assert len(buffer) <= room + len(buffer.taken)
    while buffer:
        acknowledge(MAX_TAKEN)
    expected = 0
    for one in sent:
        if one.startswith(b"dropped "):
            expected += int(one.split()[1])
        else:
            assert int(one) == expected
            expected += 1
    assert expected == added


def test_a_buffer_is_bounded_in_bytes_and_keeps_the_last_line() -> None:
    buffer = LineBuffer(lambda count: b"dropped %d" % count, max_bytes=100)
    for size in (40, 40, 40, 500):
        buffer.add(b"x" * size)
    assert list(buffer.take()) == [b"dropped 3", b"x" * 500]


def test_the_line_that_stands_for_others_says_how_many() -> None:
    message = validate(dropped_line(1234, STARTED.timestamp()))
    assert isinstance(message, Log)
    assert message.data.message.startswith("dropped 1234 lines: ")
    assert (message.data.level, message.data.context) == ("WARNING", {"dropped": 1234})


@given(st.lists(st.integers(0, 100_000), max_size=500))
def test_chunks_are_small_and_leave_nothing_out(sizes: list[int]) -> None:
    lines = [b"x" * size for size in sizes]
    parts = list(chunks(lines))
    assert [one for part in parts for one in part] == lines
    assert all(len(part) == 1 or sum(map(len, part)) <= 128 * 1024 for part in parts)
    assert all(1 <= len(part) <= 200 for part in parts)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(st.dictionaries(st.text() | st.sampled_from(["status", "completed_at", "job_id"]), JSON))
def test_a_states_other_fields_stay_as_they_are(others: dict[str, Any]) -> None:
    before = json.dumps(others)
    begun = job_state.begun(before, "7", STARTED)
    assert begun is not None
    ended = job_state.ended(begun, "7", STARTED, status="failed", at=STARTED, exit_code=2)
    assert ended is not None
    ours = {"job_id", "status", "started_at", "completed_at", "exit_code"}
    assert {k: v for k, v in json.loads(ended).items() if k not in ours} == {
        k: v for k, v in others.items() if k not in ours
    }
    assert job_state.parse(begun) == JobState("running", STARTED)
    assert job_state.parse(ended) == JobState("failed", STARTED, STARTED, 2)


def test_who_runs_again_forgets_how_it_ended() -> None:
    ended = job_state.ended(None, "7", STARTED, status="failed", at=STARTED, exit_code=2)
    again = job_state.begun(ended, "7", STARTED)
    assert job_state.parse(again) == JobState("running", STARTED)


def test_who_still_runs_does_not_undo_an_end() -> None:
    assert job_state.still('{"status":"cancelled"}', "7", STARTED) is None
    assert job_state.still(None, "7", STARTED) == job_state.begun(None, "7", STARTED)


@pytest.mark.parametrize("value", [b"", b"\xff", b"[1]", b"running", b'"running"', b"[" * 10_000])
def test_what_is_no_state_is_not_known_and_stays(value: bytes) -> None:
    assert job_state.parse(value) == JobState()
    if value:
        assert job_state.begun(value, "7", STARTED) is None


@pytest.mark.parametrize("status", ["queued", 3, None, ["running"], "Running"])
def test_a_status_of_nobodys_is_not_known(status: Any) -> None:
    value = json.dumps(
        {"status": status, "started_at": 3, "completed_at": "soon", "exit_code": "2"}
    )
    assert job_state.parse(value) == JobState()
