"""The demo's Frigate: its day has the form of Frigate's documentation, and happens now."""

from itertools import pairwise
from typing import Any

from local.frigate import PAUSE, recorded, replay

NOW = 1_800_000_000.0


def objects(number: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Return the payloads of a replay, by the object's id."""
    found: dict[str, list[dict[str, Any]]] = {}
    for message in replay(recorded(), NOW, number):
        found.setdefault(message.payload["after"]["id"], []).append(message.payload)
    return found


def test_each_object_begins_and_ends_and_goes_on_from_what_was_before() -> None:
    assert len(objects()) == 7
    for payloads in objects().values():
        kinds = [payload["type"] for payload in payloads]
        assert kinds == ["new", *["update"] * (len(kinds) - 2), "end"]
        for earlier, later in pairwise(payloads):
            assert later["before"] == earlier["after"]
        assert [payload["after"]["end_time"] is None for payload in payloads][-2:] == [True, False]


def test_it_happens_now_an_object_after_the_other_and_in_order() -> None:
    messages = list(replay(recorded(), NOW))
    assert [message.after for message in messages] == sorted(message.after for message in messages)
    assert {message.topic for message in messages} == {"frigate/events"}
    for message in messages:
        after = message.payload["after"]
        assert abs(after["frame_time"] - (NOW + message.after)) < 0.001
        assert after["id"].startswith(f"{after['start_time']:.6f}-")
        assert after["start_time"] <= after["snapshot"]["frame_time"] <= after["frame_time"]
    starts = sorted(payloads[0]["after"]["start_time"] for payloads in objects().values())
    assert all(later - earlier >= PAUSE for earlier, later in pairwise(starts))
    assert messages[-1].after < 300


def test_the_next_replay_is_of_other_objects() -> None:
    assert not objects(0).keys() & objects(1).keys()
