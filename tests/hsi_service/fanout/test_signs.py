"""What heartbeats and pongs tell clients of Redis."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import Subscriber
from hsi_service.fanout import signs as module
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.signs import Signs
from services.joblogs.topic import JobTopic

NOWHERE = "redis://127.0.0.1:1/0"
NOON = datetime(2026, 1, 17, 12, 0, tzinfo=UTC)


class Told(Probe):
    """A probe that finds what the test says."""

    def __init__(self, *, heard: bool, now: datetime | None = NOON) -> None:
        subscriber = Subscriber(NOWHERE, name="test", on_outage=lambda: None)
        super().__init__(NOWHERE, subscriber, name="test", on_deaf=lambda: None)
        self._found = heard, now

    def is_heard(self) -> bool:
        return self._found[0]

    def now(self) -> datetime | None:
        return self._found[1]


def said(batch: Batch) -> Any:
    (text,) = batch.texts
    return json.loads(text)


async def test_a_heartbeat_and_a_pong_say_the_cursor_the_time_and_whether_redis_is_heard() -> None:
    signs = Signs(Told(heard=True))
    sign = {"cursor": "5-1", "now": "2026-01-17T12:00:00Z", "heard": True}
    assert json.loads(signs.ping("5-1", heard=True).text) == {"type": "ping", **sign}
    assert said(signs.pong("5-1", heard=True)) == {"type": "pong", **sign}


async def test_what_is_not_known_is_not_said() -> None:
    assert said(Signs(Told(heard=False, now=None)).pong(None, heard=False)) == {
        "type": "pong",
        "heard": False,
    }


async def test_how_often_something_may_have_been_missed_is_said_once_it_happened() -> None:
    signs = Signs(Told(heard=True))
    assert json.loads(signs.ping("5-1", heard=True, breaks=2).text)["breaks"] == 2
    assert said(signs.pong("5-1", heard=True, breaks=2))["breaks"] == 2
    assert "breaks" not in said(signs.pong("5-2", heard=True))


async def test_a_jobs_log_says_nothing_of_redis() -> None:
    signs = Signs(None)
    assert signs.ping(None, heard=None).text == '{"type":"ping"}'
    assert signs.ping("5-1", heard=None).text == '{"type":"ping","cursor":"5-1"}'
    assert said(signs.pong("5-1", heard=None)) == {"type": "pong"}
    assert not JobTopic.tells_of_redis


async def test_all_who_ask_at_about_the_same_time_get_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signs = Signs(Told(heard=True))
    first = signs.pong("5-1", heard=True)
    assert all(signs.pong("5-1", heard=True) is first for _ in range(1000))
    assert said(signs.pong("5-2", heard=True))["cursor"] == "5-2"
    assert signs.pong("5-1", heard=True) is first
    monkeypatch.setattr(module, "SHARED_FOR", 0.0)
    await asyncio.sleep(0.11)
    assert said(signs.pong("5-1", heard=False))["heard"] is False


async def test_a_change_is_what_differs_from_what_clients_were_told() -> None:
    signs = Signs(Told(heard=True))
    assert not signs.has_changed(heard=True)  # nobody was told anything
    signs.ping(None, heard=True)
    assert not signs.has_changed(heard=True)
    assert signs.has_changed(heard=False)
    signs.pong(None, heard=False)
    assert not signs.has_changed(heard=False)
