"""What of a channel reaches which clients: filters and snapshots, on a real Redis."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

import pytest
from redis.asyncio import Redis

from hsi.publisher import Publisher
from hsi.schemas import Event, channels
from hsi.schemas.cursor import Cursor, stamped
from hsi_service.bus.intake import Message, examined
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.hub import Hub
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.replay import begin_with_the_last
from hsi_service.fanout.topic import OrderedTopic, SnapshotTopic
from tests.clients import golden, publish, until


class Ear(Peer):
    """A client that takes everything at once."""

    def __init__(self) -> None:
        super().__init__("ear")
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.release()

    def write(self, batch: Batch) -> None:
        for text in batch.texts:
            self.heard.put_nowait(text)

    async def next(self) -> Any:
        async with asyncio.timeout(10):
            return json.loads(await self.heard.get())

    def progress(self) -> int:
        return 0

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        return []

    def _work(self) -> None:
        pass


def high_risk(message: Message) -> bool:
    body = examined(message).body
    return not isinstance(body, Event) or body.data.risk_score >= 80


def event(risk: int) -> bytes:
    message = json.loads(golden("event"))
    message["data"]["risk_score"] = risk
    return json.dumps(message).encode()


async def test_a_filter_lets_through_what_it_likes_and_equal_filters_share_a_topic(
    hub: Hub, redis_url: str, channel: str
) -> None:
    some, others, everything = Ear(), Ear(), Ear()
    filtered = hub.enter(some, channel, OrderedTopic, high_risk)
    assert hub.enter(others, channel, OrderedTopic, high_risk) is filtered
    whole = hub.enter(everything, channel, OrderedTopic)
    for topic, ear in ((filtered, some), (filtered, others), (whole, everything)):
        await topic.ready()
        topic.join(ear)
    risks = [10, 80, 20, 95, 30]
    async with Publisher(redis_url) as publisher:
        cursors = [(await publisher.publish(channel, event(risk))).cursor for risk in risks]
    assert [(await everything.next())["data"]["risk_score"] for _ in risks] == risks
    for ear in (some, others):
        assert [(await ear.next())["data"]["risk_score"] for _ in range(2)] == [80, 95]
    # Who hears little comes as far all the same: its heartbeats say so.
    heartbeat = filtered.heartbeat()
    assert heartbeat
    filtered.broadcast([heartbeat])
    assert await some.next() == {"type": "ping", "cursor": cursors[-1], "heard": True}
    hub.leave(some, filtered)
    assert hub.topics[channel, high_risk] is filtered
    hub.leave(others, filtered)
    assert list(hub.topics) == [(channel, None)]


class SlowEar(Ear):
    """A client that takes what it is sent when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may_take = asyncio.Event()

    def send_batches(self, *batches: Batch) -> None:
        for batch in batches:
            self.write(batch)

    async def drained(self) -> None:
        await self.may_take.wait()


@pytest.mark.parametrize("kept", [2, 0])
async def test_who_is_slower_than_a_history_is_trimmed_is_told_where_messages_are_missing(
    hub: Hub, redis_url: str, channel: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hsi_service.fanout.shared_page.FIRST_COUNT", 1)
    ear = SlowEar()
    topic = hub.enter(ear, channel, OrderedTopic)
    await topic.ready()
    async with Publisher(redis_url) as publisher:
        cursors = [(await publisher.publish(channel, event(risk))).cursor for risk in range(6)]

    async def has_come_as_far() -> bool:
        return topic.cursor() == cursors[-1]

    await until(has_come_as_far)
    beginning = asyncio.create_task(begin_with_the_last(topic, ear, 5))
    assert (await ear.next())["data"]["risk_score"] == 1
    async with Redis.from_url(redis_url) as redis:
        await redis.xtrim(channels.history(channel), maxlen=kept, approximate=False)
    ear.may_take.set()
    missing = {"recovered": False, "replayed": kept, "since": cursors[1]}
    assert await ear.next() == {"type": "resumed", "data": missing}
    for risk in range(6)[6 - kept :]:
        assert (await ear.next())["data"]["risk_score"] == risk
    assert await ear.next() == {"type": "ping", "cursor": cursors[-1], "heard": True}
    await beginning


async def test_a_snapshot_topic_knows_the_latest_of_each_kind_and_forwards_everything(
    hub: Hub, redis_url: str, channel: str
) -> None:
    ear = Ear()
    topic = hub.enter(ear, channel, SnapshotTopic)
    await topic.ready()
    topic.join(ear)
    names = ["system_status", "service_status", "performance_update"]
    for name in names:
        await publish(redis_url, channel, golden(name))
        assert await ear.next() == json.loads(golden(name))
    assert {kind: json.loads(latest.text) for kind, latest in topic.latest.items()} == {
        name: json.loads(golden(name)) for name in ("system_status", "performance_update")
    }


async def test_a_channel_is_one_kind_of_topic_at_a_time(hub: Hub, channel: str) -> None:
    hub.enter(Ear(), channel, SnapshotTopic)
    with pytest.raises(TypeError, match="is a SnapshotTopic"):
        hub.enter(Ear(), channel, OrderedTopic)


async def test_the_cursor_of_a_pong_is_of_a_message_that_the_client_has(
    hub: Hub, redis_url: str, channel: str
) -> None:
    """Else a client that comes back with it would miss those before, or get them twice."""

    class Held(Ear):
        held = True

    ear, held = Ear(), Held()
    topic = hub.enter(ear, channel, OrderedTopic)
    hub.enter(held, channel, OrderedTopic)
    await topic.ready()
    topic.join(ear)
    async with Publisher(redis_url) as publisher:
        first = (await publisher.publish(channel, event(1))).cursor
    assert (await ear.next())["cursor"] == first
    assert asked(topic, ear) == {"type": "pong", "cursor": first}
    following = f"{first.partition('-')[0]}-2"
    topic.feed.hear(stamped(parsed(following), event(2).decode()).encode())
    assert ear.heard.empty()  # It waits for others that come in the same go.
    assert asked(topic, ear) == {"type": "pong", "cursor": following}
    assert json.loads(ear.heard.get_nowait())["cursor"] == following
    assert asked(topic, held) == {"type": "pong"}  # What it is replayed comes after this.


def asked(topic: OrderedTopic, peer: Peer) -> Any:
    (text,) = topic.pong(peer).texts
    pong = json.loads(text)
    assert pong.pop("heard") is True
    return pong


def parsed(cursor: str) -> Cursor:
    found = Cursor.parse(cursor)
    assert found
    return found
