"""The whole way: from a published message to the one who is told."""

import json
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas import channels
from services.notify import follower
from services.notify.follower import Pace
from tests.clients import until
from tests.services.notify.telling import (
    Telling,
    answers,
    lines_of,
    receiving,
    rules,
    settled,
    telling,
    took,
)


async def test_what_is_published_is_told_once_to_each_target(
    redis_url: str, channel: str, tmp_path: Path
) -> None:
    path = tmp_path / "told.jsonl"
    with receiving() as phone:
        known = rules(("phone", phone.url), ("file", f"file:{path}"))
        async with telling(redis_url, channel, known) as service:
            cursor = await service.publish(1, image_url="http://10.0.0.1/secret.jpg")
            await service.publish(1)
            await service.publish_status(
                "camera_status",
                camera_id="garden",
                name="Garden",
                status="offline",
                since="2026-01-15T12:00:00Z",
            )
            await phone.has(2)

            async def are_written() -> bool:
                return len(lines_of(path)) == 2

            await until(are_written)
            assert sorted(phone.titles) == ["Garden is offline", "Look now: Camera 1"]
            told = next(one for one in lines_of(path) if one["kind"] == "event")
            assert (told["tag"], told["level"]) == ("1 camera_1", "high")
            assert told["url"] == f"https://home.example/events/{cursor}"
            message = next(one for one in phone.got if one["title"].startswith("Look"))
            assert message["message"] == f"Event 1\nhttps://home.example/events/{cursor}"
            await has_figures(service)


async def has_figures(service: Telling) -> None:
    """Look at what is told of the targets, in `/status` and in the metrics."""
    targets: dict[str, Any] = {}

    async def are_written_down() -> bool:
        status = (await service.get("/status"))["own"]["notify"]["targets"]
        targets.update({one["name"]: one for one in status})
        return all(one["delivered"] == 2 and not one["waiting"] for one in status)

    await until(are_written_down)
    assert targets.keys() == {"phone", "file"}
    assert targets["phone"] == {
        "name": "phone",
        "waiting": 0,
        "oldest_waiting_s": None,
        "delivered": 2,
        "failed": 0,
        "dead_lettered": 0,
        "trouble": None,
        "disabled": None,
    }
    metrics = (await service.http.get("/metrics")).text
    for line in (
        'hsi_notify_delivered_total{target="phone"} 2.0',
        'hsi_notify_failed_total{target="phone"} 0.0',
        'hsi_notify_dead_lettered_total{target="file"} 0.0',
        'hsi_notify_waiting{target="file"} 0.0',
        'hsi_notify_oldest_waiting_seconds{target="phone"} 0.0',
        "hsi_notify_leads 1.0",
    ):
        assert line in metrics


@pytest.mark.faults
async def test_after_a_restart_it_goes_on_where_it_was_and_what_is_too_old_is_a_summary(
    redis_url: str, channel: str, tmp_path: Path
) -> None:
    with receiving() as phone:
        known = rules(("restarted", phone.url), too_old="0.5s")
        async with telling(redis_url, channel, known) as service:
            await service.publish(1)
            await phone.has(1)

            async def is_written() -> bool:
                return bool(await service.redis.exists("notify:state:restarted"))

            await until(is_written)
        async with telling(
            redis_url, channel, rules(("other", f"file:{tmp_path}/other"))
        ) as service:
            for number in (2, 3):
                await service.publish(number)
            await settled(0.6)
        async with telling(redis_url, channel, known):
            await phone.has(2)
            assert phone.titles == ["Look now: Camera 1", "2 events while nobody could tell you"]


async def test_an_event_that_somebody_has_seen_is_not_told(redis_url: str, channel: str) -> None:
    with receiving() as phone:
        async with telling(redis_url, channel, rules(("seen", phone.url))) as service:
            mark = {"at": "2026-01-15T12:00:00Z", "by": "tablet", "risk_level": "high"}
            await service.redis.hset(channels.seen(channel), "1", json.dumps(mark))
            await service.publish(1)
            await service.publish(2)
            await phone.has(1)
            assert phone.titles == ["Look now: Camera 2"]


async def test_a_history_that_was_wiped_is_told_of(redis_url: str, channel: str) -> None:
    with receiving() as phone:
        async with telling(redis_url, channel, rules(("wiped", phone.url))) as service:
            await service.publish(1)
            await phone.has(1)
            await service.redis.delete(channels.history(channel), channels.number(channel))
            await service.publish(2)
            await phone.has(3)
            assert sorted(phone.titles[1:]) == ["Look now: Camera 2", "Some events are not known"]


async def test_a_message_that_is_refused_is_a_dead_letter_and_the_next_is_told(
    redis_url: str, channel: str
) -> None:
    with receiving() as phone:
        phone.behave = answers(413)
        async with telling(redis_url, channel, rules(("refusing", phone.url))) as service:
            await service.publish(1)

            async def is_dead() -> bool:
                found = (await service.get("/api/notify/dead"))["messages"]
                return any(one["target"] == "refusing" for one in found)

            await until(is_dead)
            letter = next(
                one
                for one in (await service.get("/api/notify/dead?limit=5"))["messages"]
                if one["target"] == "refusing"
            )
            assert (letter["reason"], letter["tries"]) == ("HTTP 413", 1)
            assert letter["title"] == "Look now: Camera 1"


async def test_no_message_is_sent_before_the_time_that_the_target_asked_for(
    redis_url: str, channel: str
) -> None:
    with receiving() as phone:
        times: list[float] = []

        def later_at_first(request: BaseHTTPRequestHandler) -> None:
            times.append(time.monotonic())
            (took if len(times) > 1 else answers(413, Retry_After="2"))(request)

        phone.behave = later_at_first
        async with telling(redis_url, channel, rules(("asking", phone.url))) as service:
            await service.publish(1)  # It is refused, and a dead letter.
            await service.publish(2)
            await phone.has(1)
            assert phone.titles == ["Look now: Camera 2"]
            assert times[1] - times[0] >= 1.9


@given(st.integers(1, 2000), st.none() | st.floats(0, 1e9))
def test_pauses_grow_to_a_cap_with_jitter_and_respect_the_other_side(
    tries: int, retry_after: float | None
) -> None:
    pace = Pace(first=1, longest=300, patience=3600)
    pause = pace.pause(tries, retry_after)
    assert 0.5 <= pause <= 86_400
    if retry_after is None:
        assert pause <= min(2.0 ** min(tries - 1, 30), 300)
    else:
        assert pause >= min(retry_after, 86_400)


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "LOOK", 1.0)
