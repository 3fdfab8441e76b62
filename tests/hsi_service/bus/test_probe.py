"""A replica's message to itself: whether its subscription hears, and whether Redis takes writes."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from hsi.tasks import cancel_and_wait
from hsi_service.bus import probe as module
from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import BusState, Subscriber
from tests.clients import meanwhile, until
from tests.servers import RedisServer, busy
from tests.stalling import StallingProxy

SUBSCRIBER = "hsi-test-subscriber"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.1)
    monkeypatch.setattr(module, "DENIED_PAUSE", 0.2)
    monkeypatch.setattr("hsi_service.bus.subscriber.PING_INTERVAL", 0.1)


class Receiver:
    """Hears a channel, and counts how often it was to look for what it missed."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.times = 0

    def hear(self, payload: bytes) -> None:
        self.heard.append(payload)

    def subscribed(self) -> None:
        self.times += 1


class Replica:
    """A subscriber with its probe."""

    def __init__(self, redis_url: str) -> None:
        self.deaf = 0
        self.subscriber = Subscriber(redis_url, name="test", on_outage=lambda: None)
        self.probe = Probe(redis_url, self.subscriber, name="test", on_deaf=self._count)
        self.receiver = Receiver()

    def _count(self) -> None:
        self.deaf += 1

    async def is_probing(self) -> bool:
        return self.subscriber.established(self.probe.channel)


@contextlib.asynccontextmanager
async def replica_at(redis_url: str) -> AsyncIterator[Replica]:
    replica = Replica(redis_url)
    async with meanwhile(replica.subscriber.run()), meanwhile(replica.probe.run()):
        yield replica
    await replica.probe.aclose()


def holds(condition: Callable[[], object]) -> Callable[[], Any]:
    async def check() -> bool:
        return bool(condition())

    return check


async def test_nothing_is_probed_while_nobody_listens(redis_url: str, channel: str) -> None:
    async with replica_at(redis_url) as replica:
        subscription = replica.subscriber.subscribe(channel, replica.receiver)
        await until(replica.is_probing)
        subscription.close()
        await until(holds(lambda: replica.subscriber.state is BusState.IDLE))
        with Redis.from_url(redis_url) as redis:
            assert redis.pubsub_numsub(replica.probe.channel)[0][1] == 0


async def test_a_muted_subscription_begins_again_and_one_that_hears_does_not(
    own_redis: RedisServer, channel: str
) -> None:
    with StallingProxy(own_redis.url) as way:
        async with replica_at(way.url) as replica:
            replica.subscriber.subscribe(channel, replica.receiver)
            await until(replica.is_probing)
            await asyncio.sleep(10 * module.INTERVAL)
            assert (replica.deaf, replica.receiver.times) == (0, 1)
            way.mute(SUBSCRIBER)
            await until(holds(lambda: replica.deaf == 1))
            assert replica.receiver.times >= 1 + module.MAX_MISSES  # each may mean a lost message
            way.go_on()

            async def hears() -> bool:
                with Redis.from_url(own_redis.url) as redis:
                    redis.publish(channel, "heard")
                return bool(replica.receiver.heard)

            await until(hears)


async def test_redis_is_heard_from_its_confirmation_on_while_probes_come(
    own_redis: RedisServer, channel: str
) -> None:
    async with replica_at(own_redis.url) as replica:
        probe = replica.probe
        assert not probe.is_heard()  # nobody listens
        subscription = replica.subscriber.subscribe(channel, replica.receiver)
        await subscription.established(None)
        assert probe.is_heard()
        await until(replica.is_probing)
        await asyncio.sleep(2 * module.PROVEN_FOR * module.INTERVAL)
        assert probe.is_heard()
        own_redis.freeze()
        try:
            await until(holds(lambda: not probe.is_heard()))
        finally:
            own_redis.thaw()
        await until(holds(probe.is_heard))


async def test_a_muted_subscription_is_not_heard_though_redis_answers(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_MISSES", 1000)  # it does not begin again
    with StallingProxy(own_redis.url) as way:
        async with replica_at(way.url) as replica:
            replica.subscriber.subscribe(channel, replica.receiver)
            await until(replica.is_probing)
            way.mute(SUBSCRIBER)
            await until(holds(lambda: not replica.probe.is_heard()))
            assert replica.subscriber.state is BusState.LISTENING


async def test_the_time_by_redis_clock_is_known_before_anybody_listens(redis_url: str) -> None:
    async with replica_at(redis_url) as replica:
        assert replica.probe.now() is None
        await until(holds(replica.probe.now))
        assert replica.subscriber.state is BusState.IDLE
        now = replica.probe.now()
        with Redis.from_url(redis_url) as redis:
            seconds, micros = redis.time()
        assert now
        assert abs(now.timestamp() - seconds - micros / 1_000_000) < 1


async def test_a_redis_that_tells_no_time_is_heard_all_the_same(
    own_redis: RedisServer, channel: str
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        rules = ["on", "nopass", "~*", "&*", "+@all", "-time"]
        redis.execute_command("ACL", "SETUSER", "timeless", *rules)
    async with replica_at(own_redis.url.replace("://", "://timeless:any@")) as replica:
        replica.subscriber.subscribe(channel, replica.receiver)
        await until(replica.is_probing)
        assert replica.probe.now() is None


async def test_a_reason_for_every_failure_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica("redis://127.0.0.1:1/0")
    replica.subscriber.state = BusState.LISTENING
    for failure, words in (
        (ResponseError("unknown command 'TIME', with args beginning with: "), "needed: TIME"),
        (AuthenticationError("invalid username-password pair"), "refuses the credentials"),
        (RedisConnectionError("refused"), "cannot be reached"),
    ):

        async def begin(failure: Exception = failure) -> None:
            raise failure

        async def asked() -> None:
            pass

        monkeypatch.setattr(replica.probe, "_begin", begin)
        monkeypatch.setattr(replica.probe, "_ask_for_the_time", asked)
        running = asyncio.create_task(replica.probe.run())
        await until(holds(lambda words=words: words in (replica.probe.trouble or "")))  # type: ignore[misc]
        await cancel_and_wait(running)
    await replica.probe.aclose()


async def test_what_is_late_is_not_lost(own_redis: RedisServer, channel: str) -> None:
    """A replica with much to be heard hears its probe late, and so Redis' answer to a PING."""
    with StallingProxy(own_redis.url) as way:
        async with replica_at(way.url) as replica:
            replica.subscriber.subscribe(channel, replica.receiver)
            await until(replica.is_probing)
            way.stall_answers(SUBSCRIBER)
            await asyncio.sleep(1.5 * module.INTERVAL)
            way.go_on()
            await asyncio.sleep(5 * module.INTERVAL)
            assert replica.deaf == 0


async def test_who_may_not_probe_hears_all_the_same_and_says_so_once(
    own_redis: RedisServer, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        rules = f"on nopass ~* +@all resetchannels &{channel}".split()
        redis.execute_command("ACL", "SETUSER", "old", *rules)
    async with replica_at(own_redis.url.replace("://", "://old:any@")) as replica:
        replica.subscriber.subscribe(channel, replica.receiver)
        await until(holds(lambda: "may not probe" in caplog.text))
        with Redis.from_url(own_redis.url) as redis:
            redis.publish(channel, "heard")
        await until(holds(lambda: replica.receiver.heard == [b"heard"]))
        assert replica.subscriber.outages == 0
    assert caplog.text.count("may not probe") == 1


async def test_it_is_said_why_a_replica_is_not_known_to_hear_and_ends_when_it_may_probe_again(
    own_redis: RedisServer, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        redis.execute_command("ACL", "SETUSER", "ev", *["on", "nopass", "~*", "&*", "+@all"])
        async with replica_at(own_redis.url.replace("://", "://ev:any@")) as replica:
            probe = replica.probe
            replica.subscriber.subscribe(channel, replica.receiver)
            await until(holds(lambda: replica.probe.is_heard() and replica.subscriber.lag))
            assert probe.trouble is None
            redis.execute_command("ACL", "SETUSER", "ev", "-publish")
            await until(holds(lambda: "publish" in (probe.trouble or "")))
            await until(holds(lambda: "it is not known whether Redis is heard" in caplog.text))
            redis.execute_command("ACL", "SETUSER", "ev", "+publish")
            await until(holds(probe.is_heard), within=2)
            assert probe.trouble is None
            # The password is another, and the connections stay.
            redis.execute_command("ACL", "SETUSER", "ev", *["resetpass", ">other"])
            await until(holds(lambda: "refuses the credentials" in (probe.trouble or "")))
            assert "any" not in str(probe.trouble).split()


@contextlib.contextmanager
def refusing(redis_url: str, kind: str) -> Iterator[Redis]:
    """Have Redis refuse writes, and PINGs with them."""
    with Redis.from_url(redis_url) as redis:
        if kind == "MISCONF":
            folder = Path(redis.config_get("dir")["dir"])
            (folder / "dump.rdb" / "taken").mkdir(parents=True)
            redis.config_set("stop-writes-on-bgsave-error", "yes")
            redis.config_set("save", "3600 1")
            redis.bgsave()
            while redis.info("persistence")["rdb_last_bgsave_status"] == "ok":
                time.sleep(0.01)
            yield redis
            redis.config_set("save", "")
        else:
            redis.config_set("replica-serve-stale-data", "no")
            redis.replicaof("127.0.0.1", "1")
            yield redis
            redis.replicaof("NO", "ONE")


@pytest.mark.parametrize(("pings", "writes"), [("MISCONF", "MISCONF"), ("MASTERDOWN", "READONLY")])
async def test_a_redis_that_refuses_pings_is_heard_all_the_same_and_says_so_once(
    both_redis: RedisServer, channel: str, pings: str, writes: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with replica_at(both_redis.url) as replica:
        subscriber, probe = replica.subscriber, replica.probe
        subscriber.subscribe(channel, replica.receiver)
        await until(replica.is_probing)
        with refusing(both_redis.url, pings) as redis:
            await until(holds(lambda: (probe.writes_refused or "").startswith(writes)))
            await until(holds(lambda: subscriber.ping_refused))
            for number in range(20):
                redis.publish(channel, str(number))
                await asyncio.sleep(module.INTERVAL / 2)
                assert probe.is_heard()
            await until(holds(lambda: len(replica.receiver.heard) == 20))
        await until(holds(lambda: probe.writes_refused is None))
        await until(holds(lambda: subscriber.ping_refused is None))
        assert (subscriber.outages, replica.deaf, replica.receiver.times) == (0, 0, 1)
    for line in ("Redis refuses writes", "Redis takes writes again"):
        assert [record.message for record in caplog.records].count(line) == 1


async def test_a_server_that_calls_itself_the_wrong_one_is_left_where_nothing_proves_else(
    own_redis: RedisServer, channel: str
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        rules = f"on nopass ~* +@all resetchannels &{channel}".split()
        redis.execute_command("ACL", "SETUSER", "old", *rules)
    async with replica_at(own_redis.url.replace("://", "://old:any@")) as replica:
        subscriber = replica.subscriber
        await subscriber.subscribe(channel, replica.receiver).established(None)
        with refusing(own_redis.url, "MASTERDOWN"):
            await until(holds(lambda: subscriber.outages), within=5)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [("min-replicas-to-write", "3", "NOREPLICAS"), ("maxmemory", "1", "OOM")],
)
async def test_a_redis_that_refuses_writes_is_known_with_its_words(
    own_redis: RedisServer, channel: str, setting: str, value: str, words: str
) -> None:
    async with replica_at(own_redis.url) as replica:
        replica.subscriber.subscribe(channel, replica.receiver)
        await until(replica.is_probing)
        with Redis.from_url(own_redis.url) as redis:
            redis.config_set(setting, value)
            await until(holds(lambda: (replica.probe.writes_refused or "").startswith(words)))
            redis.config_set(setting, "0")
            await until(holds(lambda: replica.probe.writes_refused is None))
            assert not redis.exists(replica.probe.channel)  # nothing is written


async def test_a_demoted_redis_is_known_and_a_busy_one_is_no_miss(
    own_redis: RedisServer, channel: str
) -> None:
    async with replica_at(own_redis.url) as replica:
        replica.subscriber.subscribe(channel, replica.receiver)
        await until(replica.is_probing)
        with Redis.from_url(own_redis.url) as redis:
            redis.replicaof("127.0.0.1", "1")
            await until(holds(lambda: (replica.probe.writes_refused or "").startswith("READONLY")))
            redis.replicaof("NO", "ONE")
            await until(holds(lambda: replica.probe.writes_refused is None))
        with busy(own_redis.url):
            await asyncio.sleep(2 * module.INTERVAL)
        await until(replica.is_probing)
        assert replica.deaf == 0
