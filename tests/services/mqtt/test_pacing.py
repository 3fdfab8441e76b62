"""When what is retained is published."""

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from services.mqtt.pacing import Pace, Pacing, Wanted

STATE = Pace(pause=1, again=60)


def want(payload: bytes, pace: Pace = STATE) -> dict[str, Wanted]:
    return {"topic": Wanted(payload, pace)}


def publish(pacing: Pacing, wanted: dict[str, Wanted], now: float) -> list[str]:
    due = list(pacing.due(wanted, now))
    for topic in due:
        pacing.published(topic, wanted[topic].payload, now)
    return due


def test_the_first_state_and_a_change_after_a_pause_are_published_at_once() -> None:
    pacing = Pacing()
    assert publish(pacing, want(b"a"), 0) == ["topic"]
    assert publish(pacing, want(b"a"), 5) == []
    assert publish(pacing, want(b"b"), 5) == ["topic"]


def test_what_changes_within_a_pause_is_published_once_when_it_is_over() -> None:
    pacing = Pacing()
    publish(pacing, want(b"a"), 0)
    assert publish(pacing, want(b"b"), 0.5) == []
    assert pacing.next_at(want(b"b")) == 1
    assert publish(pacing, want(b"c"), 1) == ["topic"]


def test_what_is_unchanged_is_published_again_before_it_expires() -> None:
    pacing = Pacing()
    publish(pacing, want(b"a"), 0)
    assert pacing.next_at(want(b"a")) == 60
    assert publish(pacing, want(b"a"), 60) == ["topic"]


def test_what_never_expires_is_published_when_it_changes_alone() -> None:
    pacing = Pacing()
    config = want(b"a", Pace(pause=0))
    publish(pacing, config, 0)
    assert pacing.next_at(config) == math.inf
    assert pacing.next_at({}) == math.inf


def test_everything_is_published_again_once_it_is_forgotten() -> None:
    pacing = Pacing()
    wanted = {"one": Wanted(b"a", STATE), "two": Wanted(b"b", STATE)}
    publish(pacing, wanted, 0)
    pacing.forget("two")
    assert publish(pacing, wanted, 0) == ["two"]
    pacing.forget()
    assert publish(pacing, wanted, 0) == ["one", "two"]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_however_often_a_state_changes_each_pause_has_one_message_and_the_last_one_comes(
    steps: list[int],
) -> None:
    pacing, now, times, state = Pacing(), 0, [], b""
    for number, step in enumerate(steps):
        now, state = now + step, str(number).encode()
        times += [now] * len(publish(pacing, want(state, Pace(pause=10)), now))
    if (later := pacing.next_at(want(state, Pace(pause=10)))) < math.inf:
        assert now < later <= now + 10
        assert publish(pacing, want(state, Pace(pause=10)), later) == ["topic"]
    assert publish(pacing, want(state, Pace(pause=10)), now + 1000) == []  # It is out.
    assert all(after - before >= 10 for before, after in itertools.pairwise(times))
