"""Waiting for replicas: what is acknowledged outlives the primary that acknowledged it."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from redis import Redis

from hsi import Publisher, SyncPublisher
from hsi.publishing import Published, PublishError, Repeated
from hsi.schemas import channels
from tests.clients import golden, until
from tests.servers import OwnRedis

EVENT = golden("event")


class Primary:
    """A server, and a replica that may be frozen."""

    def __init__(self, folder: Path) -> None:
        self.server, self.replica = OwnRedis(folder / "primary"), OwnRedis(folder / "replica")
        for server in (self.server, self.replica):
            server.command += ["--repl-diskless-sync-delay", "0"]
        port = self.server.url.rpartition(":")[2].partition("/")[0]
        self.replica.command += ["--replicaof", "127.0.0.1", port]

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> None:
        self.server.start()
        self.replica.start()
        with Redis.from_url(self.url) as redis:
            redis.set("a", "b")
            assert redis.wait(1, 30_000) == 1

    def stop(self) -> None:
        self.replica.stop()
        self.server.stop()

    @contextlib.contextmanager
    def frozen_replica(self) -> Iterator[None]:
        self.replica.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.replica.signal(signal.SIGCONT)


def history(server: OwnRedis, channel: str) -> list[str]:
    """Return the cursors of what a server has."""
    with Redis.from_url(server.url, decode_responses=True) as redis:
        entries: Any = redis.xrange(channels.history(channel))
        return [cursor for cursor, _ in entries]


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Primary]:
    primary = Primary(tmp_path_factory.mktemp("primary"))
    try:
        primary.start()
        yield primary
    finally:
        primary.stop()


class Publish(Protocol):
    """Publish one event, waiting for so many replicas."""

    async def __call__(
        self, url: str, channel: str, replicas: int, *, patience: float = 30, key: str | None = None
    ) -> Published: ...


async def by_function(
    url: str, channel: str, replicas: int, *, patience: float = 30, key: str | None = None
) -> Published:
    async with Publisher(url, replicas=replicas, patience=patience) as publisher:
        return await publisher.publish(channel, EVENT, key=key)


async def by_script(
    url: str, channel: str, replicas: int, *, patience: float = 30, key: str | None = None
) -> Published:
    async with Publisher(url, replicas=replicas, patience=patience, by_script=True) as publisher:
        return await publisher.publish(channel, EVENT, key=key)


async def in_a_thread(
    url: str, channel: str, replicas: int, *, patience: float = 30, key: str | None = None
) -> Published:
    def publish() -> Published:
        with SyncPublisher(url, replicas=replicas, patience=patience) as publisher:
            return publisher.publish(channel, EVENT, key=key)

    return await asyncio.to_thread(publish)


pytestmark = pytest.mark.parametrize("publish", [by_function, by_script, in_a_thread])


async def test_what_enough_replicas_have_is_acknowledged(
    primary: Primary, channel: str, publish: Publish
) -> None:
    published = await publish(primary.url, channel, 1)
    assert history(primary.replica, channel) == [published.cursor]


async def test_too_few_replicas_are_an_error_that_counts_them(
    primary: Primary, channel: str, publish: Publish
) -> None:
    await publish(primary.url, channel, 0)  # So that Redis has the function.
    with pytest.raises(
        PublishError, match=f"not acknowledged on {channel}: 1 of 2 replicas of Redis have it"
    ):
        await publish(primary.url, channel, 2, patience=0)


@pytest.mark.parametrize("key", [None, "batch-7"])
async def test_what_a_frozen_replica_lacks_is_acknowledged_when_it_has_it(
    primary: Primary, channel: str, publish: Publish, key: str | None
) -> None:
    with primary.frozen_replica():
        publishing = asyncio.create_task(publish(primary.url, channel, 1, key=key))

        async def is_in_the_primary() -> bool:
            return len(history(primary.server, channel)) > 0

        await until(is_in_the_primary)
        assert not publishing.done()
    published = await publishing
    assert history(primary.replica, channel) == [published.cursor]


async def test_a_repetition_waits_as_well(primary: Primary, channel: str, publish: Publish) -> None:
    with primary.frozen_replica():
        first = await publish(primary.url, channel, 0, key="batch-7")
        with pytest.raises(PublishError, match="0 of 1 replicas of Redis have it"):
            await publish(primary.url, channel, 1, key="batch-7", patience=0)
    again = await publish(primary.url, channel, 1, key="batch-7")
    assert again == Repeated(first.cursor, 0)
    assert history(primary.replica, channel) == [first.cursor]
