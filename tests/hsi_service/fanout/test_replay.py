"""Replays, through a hub and a real Redis: shared, and charged to who asks for them."""

import asyncio
import json
from typing import Any, Self

import pytest

from hsi.publisher import Publisher
from hsi.tasks import cancel_and_wait
from hsi_service.bus.history import History
from hsi_service.bus.subscriber import Subscriber
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.hub import Hub
from hsi_service.fanout.memory import MIB, Account, Budget
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.replay import begin_with_the_last, resume, resume_at_once
from hsi_service.fanout.topic import OrderedTopic
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor
from tests.clients import golden, until


class Reader(Peer):
    """A client that takes everything at once."""

    def __init__(self, address: str) -> None:
        super().__init__(f"{address}:1")
        self.batches: list[Batch] = []

    def progress(self) -> int:
        return len(self.batches)

    def write(self, batch: Batch) -> None:
        self.batches.append(batch)

    def send_batches(self, *batches: Batch) -> None:
        self.batches += batches

    def _work(self) -> None:
        pass

    @property
    def messages(self) -> list[Any]:
        return [json.loads(text) for batch in self.batches for text in batch.texts]


class Replays:
    """A hub that counts how often the history is read."""

    def __init__(self, redis_url: str, budget: Budget | None = None) -> None:
        metrics = Metrics()
        self.subscriber = Subscriber(redis_url, name="test", on_outage=lambda: None)
        self.history = History(redis_url, name="test")
        self.supervisor = Supervisor(metrics)
        self.hub = Hub(self.subscriber, self.history, metrics, self.supervisor, budget)
        self.reads = 0
        for name in ("read", "has", "before", "last"):
            setattr(self.history, name, self._counted(getattr(self.history, name)))

    def _counted(self, ask: Any) -> Any:
        async def counted(*args: Any) -> Any:
            self.reads += 1
            return await ask(*args)

        return counted

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.subscriber.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        for topic in self.hub.topics.values():
            topic.close()
        await self.supervisor.stop()
        await cancel_and_wait(self._running)
        await self.history.aclose()

    async def topic(self, channel: str, *peers: Peer) -> OrderedTopic:
        for peer in peers:
            topic = self.hub.enter(peer, channel, OrderedTopic)
        await topic.ready()
        return topic


async def publish(redis_url: str, channel: str, count: int) -> list[str]:
    event = json.loads(golden("event"))
    event["data"]["summary"] = "x" * 5000
    async with Publisher(redis_url) as publisher:
        published = await publisher.publish_many(channel, [json.dumps(event).encode()] * count)
    return [one.cursor for one in published]


async def test_a_storm_of_clients_that_resume_is_answered_from_the_same_few_pages(
    redis_url: str, channel: str
) -> None:
    cursors = await publish(redis_url, channel, 100)
    async with Replays(redis_url) as replays:
        peers = [Reader(f"192.0.2.{number % 200}") for number in range(1000)]
        topic = await replays.topic(channel, *peers)
        before = replays.reads
        # They were cut off at once, so their cursors are about the same.
        sinces = [cursors[60 + number % 5] for number in range(1000)]
        await asyncio.gather(
            *(resume(topic, peer, since) for peer, since in zip(peers, sinces, strict=True))
        )
        for peer, since in zip(peers, sinces, strict=True):
            told, *rest = peer.messages
            assert told["data"] == {"recovered": True, "replayed": len(rest), "since": since}
            assert [message["cursor"] for message in rest] == cursors[cursors.index(since) + 1 :]
        # Five cursors that are looked for, and the pages from the first of them on.
        assert replays.reads - before <= 5 + 10
        assert len({id(batch) for peer in peers for batch in peer.batches[1:]}) <= 15


async def test_once_one_has_resumed_others_do_at_once_with_the_same_bytes_and_are_charged(
    redis_url: str, channel: str
) -> None:
    cursors = await publish(redis_url, channel, 100)
    async with Replays(redis_url, Budget(replay=MIB)) as replays:
        first, *others = [Reader(f"192.0.2.{number}") for number in range(50)]
        topic = await replays.topic(channel, first, *others)
        since = cursors[92]
        assert not resume_at_once(topic, first, since)  # Redis has to be asked.
        assert not first.batches
        assert first.held
        await resume(topic, first, since)
        reads = replays.reads
        for other in others:
            assert resume_at_once(topic, other, since)
            assert other.messages == first.messages
            assert not other.held
            assert not other.account.replays.is_full(asyncio.get_running_loop().time())
        assert topic.peers == {first, *others}
        assert replays.reads == reads
        told = [id(batch) for other in others for batch in other.batches[1:]]
        assert set(told) <= {id(batch) for batch in first.batches}


@pytest.mark.parametrize("since", [0, 98, None], ids=["much", "never asked for", "no cursor"])
async def test_who_has_to_wait_for_something_does_not_resume_at_once(
    redis_url: str, channel: str, since: int | None
) -> None:
    cursors = await publish(redis_url, channel, 100)
    async with Replays(redis_url) as replays:
        first, other = Reader("192.0.2.1"), Reader("192.0.2.2")
        topic = await replays.topic(channel, first, other)
        await resume(topic, first, cursors[0])
        assert not resume_at_once(topic, other, "now" if since is None else cursors[since])
        assert other not in topic.peers
        assert not other.batches


async def test_who_has_to_pay_back_does_not_resume_at_once(redis_url: str, channel: str) -> None:
    cursors = await publish(redis_url, channel, 100)
    async with Replays(redis_url, Budget(replay=MIB)) as replays:
        peers = [Reader("192.0.2.1") for _ in range(100)]
        topic = await replays.topic(channel, *peers)
        await resume(topic, peers[0], cursors[92])
        resumed = [resume_at_once(topic, peer, cursors[92]) for peer in peers[1:]]
        assert 10 < sum(resumed) < 40  # 43 KB each


async def test_who_begins_with_the_last_messages_shares_them_too(
    redis_url: str, channel: str
) -> None:
    cursors = await publish(redis_url, channel, 100)
    async with Replays(redis_url) as replays:
        peers = [Reader("192.0.2.1") for _ in range(500)]
        topic = await replays.topic(channel, *peers)
        before = replays.reads
        await asyncio.gather(*(begin_with_the_last(topic, peer, 20) for peer in peers))
        for peer in peers:
            *messages, ping = peer.messages
            assert [message["cursor"] for message in messages] == cursors[-20:]
            assert ping == {"type": "ping", "cursor": cursors[-1]}
        assert replays.reads - before <= 10


async def test_an_address_over_its_limit_is_replayed_later_and_not_refused(
    redis_url: str, channel: str
) -> None:
    cursors = await publish(redis_url, channel, 100)
    async with Replays(redis_url, Budget(replay=60 * MIB)) as replays:
        greedy, other = Reader("192.0.2.1"), Reader("192.0.2.2")
        topic = await replays.topic(channel, greedy, other)
        clock = asyncio.get_running_loop().time
        greedy.account.charge(61 * MIB, clock())
        waiting = asyncio.create_task(resume(topic, greedy, "0-0"))
        await resume(topic, other, "0-0")
        assert len(other.messages) == 101
        assert not greedy.messages
        # Its second of waiting is over: here at once.
        greedy.account.replays = other.account.replays
        await until(lambda: _done(waiting))
        assert [message["cursor"] for message in greedy.messages[1:]] == cursors
        assert greedy.account is not other.account


async def _done(task: "asyncio.Task[None]") -> bool:
    return task.done()


@pytest.mark.parametrize("count", [10, 200])
async def test_what_a_replay_costs_is_charged_to_its_address(
    redis_url: str, channel: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(redis_url, channel, count)
    charged: list[int] = []
    monkeypatch.setattr(Account, "charge", lambda _, replayed, __: charged.append(replayed))
    async with Replays(redis_url) as replays:
        first, again = Reader("192.0.2.1"), Reader("192.0.2.2")
        topic = await replays.topic(channel, first, again)
        for peer, size in ((first, 2), (again, 1)):  # Read and sent; sent alone.
            await resume(topic, peer, "0-0")
            assert sum(charged) == pytest.approx(size * count * 5300, rel=0.1)
            charged.clear()
