"""Bad days of who is told, of Redis, and of the service itself."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from redis.asyncio import Redis

from hsi.publisher import Publisher
from local.processes import Process, ask, free_port
from local.service import ServiceProcess
from tests.clients import until
from tests.replicas import Replica
from tests.servers import RedisServer, as_user
from tests.services.notify.telling import (
    Receiver,
    answers,
    follows,
    hangs,
    publish,
    receiving,
    rules,
    telling,
    took,
)

pytestmark = pytest.mark.faults


def titles(*numbers: int) -> list[str]:
    return [f"Look now: Camera {number}" for number in numbers]


async def test_a_dead_target_holds_up_no_other_and_is_told_when_it_is_back(
    redis_url: str, channel: str
) -> None:
    port = free_port()
    known = (("dead", f"json://127.0.0.1:{port}/"),)
    with receiving() as well:
        async with telling(redis_url, channel, rules(*known, ("well", well.url))) as service:
            for number in (1, 2, 3):
                await service.publish(number)
            await well.has(3)
            status = (await service.get("/status"))["own"]["notify"]["targets"]
            dead = next(one for one in status if one["name"] == "dead")
            assert dead["waiting"] >= 1
            assert "cannot be reached" in dead["trouble"]
            with receiving(port) as back:
                await back.has(3)
                assert back.titles == titles(1, 2, 3)
            assert well.titles == titles(1, 2, 3)


async def test_a_target_that_hangs_holds_up_no_other(redis_url: str, channel: str) -> None:
    with receiving() as hanging, receiving() as well:
        hanging.behave = hangs
        # What a target was told is known by its name, also in the next test of this Redis.
        known = rules(("hanging", hanging.url), ("beside_it", well.url))
        async with telling(redis_url, channel, known) as service:
            for number in range(5):
                await service.publish(number)
            await well.has(5)
            assert (hanging.asked, hanging.got) == (1, [])
            hanging.behave = took
            hanging.ending.set()


async def test_the_other_side_is_not_asked_again_before_the_time_that_it_asks_for(
    redis_url: str, channel: str
) -> None:
    with receiving() as busy:
        busy.behave = answers(429, Retry_After="3")
        async with telling(redis_url, channel, rules(("busy", busy.url))) as service:
            await service.publish(1)

            async def is_asked() -> bool:
                return busy.asked == 1

            await until(is_asked)
            asked_at, busy.behave = time.monotonic(), took
            await busy.has(1)
            assert time.monotonic() - asked_at >= 2.8
            assert busy.titles == titles(1)


async def test_what_is_not_taken_for_too_long_is_a_dead_letter_and_the_next_is_tried(
    redis_url: str, channel: str
) -> None:
    with receiving() as ill:
        ill.behave = answers(500)
        known = rules(("ill", ill.url))
        async with telling(redis_url, channel, known, NOTIFY_PATIENCE="1") as service:
            await service.publish(1)

            async def is_dead() -> bool:
                metrics = (await service.http.get("/metrics")).text
                return 'hsi_notify_dead_lettered_total{target="ill"} 1.0' in metrics

            await until(is_dead)
            ill.behave = took
            await service.publish(2)
            await ill.has(1)
            assert ill.titles == titles(2)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_when_redis_is_back_each_event_was_told_once(
    own_redis: RedisServer, channel: str, fault: str
) -> None:
    with receiving() as phone:
        async with telling(own_redis.url, channel, rules(("phone", phone.url))) as service:
            await service.publish(1)
            await phone.has(1)
            if fault == "kill":
                own_redis.kill()
                await asyncio.sleep(1.5)
                own_redis.start()
            else:
                own_redis.freeze()
                await asyncio.sleep(1.5)
                own_redis.thaw()
            await service.publish(2)
            await phone.has(2)
            await service.publish(3)
            await phone.has(3)
            assert phone.titles == titles(1, 2, 3)


async def test_redis_is_killed_between_delivery_and_cursor_and_the_event_is_told_once(
    own_redis: RedisServer, channel: str
) -> None:
    with receiving() as phone:

        def killing(request: BaseHTTPRequestHandler) -> None:
            phone.behave = took
            own_redis.kill()
            took(request)

        async with telling(own_redis.url, channel, rules(("phone", phone.url))) as service:
            phone.behave = killing
            await service.publish(1)
            await phone.has(1)
            await asyncio.sleep(1.5)  # The lease is over by then.
            own_redis.start()
            await service.publish(2)
            await phone.has(2)
            assert phone.titles == titles(1, 2)


Start = Callable[..., ServiceProcess]


@pytest.fixture
def start(tmp_path: Path, cleanup: Callable[[Process], None]) -> Start:
    """Start replicas of the notify service, each a process."""

    def begin(redis_url: str, channel: str, known: str) -> ServiceProcess:
        port = free_port()
        replica = Replica(
            "notify",
            name=f"notify-{port}",
            port=port,
            log=tmp_path / f"notify-{port}.log",
            REDIS_URL=as_user("notify", redis_url),
            REDIS_EVENT_CHANNEL=channel,
            NOTIFY_RULES=known,
            LEASE_SECONDS="1",
            DRAIN_DELAY="0",
            DRAIN_WINDOW="0",
        )
        cleanup(replica)
        replica.start()
        return replica

    return begin


@contextlib.asynccontextmanager
async def publishing(redis_url: str, channel: str, *names: str) -> AsyncIterator[Publisher]:
    """Return a publisher when what is published will be told."""
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:
        await follows(redis, channel, *names)
        yield publisher


async def test_killed_between_delivery_and_cursor_it_tells_one_event_once_more_at_most(
    redis_url: str, channel: str, start: Start
) -> None:
    with receiving() as phone:
        known = rules(("killed", phone.url))
        first = start(redis_url, channel, known)
        async with publishing(redis_url, channel, "killed") as publisher:
            await publish(publisher, channel, 1)
            await phone.has(1)

            def killing(request: BaseHTTPRequestHandler) -> None:
                phone.behave = took
                took(request)
                os.kill(first.pid, signal.SIGKILL)

            phone.behave = killing
            for number in (2, 3, 4):
                await publish(publisher, channel, number)
            await phone.has(2)
            start(redis_url, channel, known)
            await has_all(phone, 4)
            times = Counter(phone.titles)
            assert times.keys() == set(titles(1, 2, 3, 4))
            assert sum(times.values()) <= 5
            assert list(dict.fromkeys(phone.titles)) == titles(1, 2, 3, 4)


async def test_of_two_replicas_one_tells_and_when_it_is_killed_the_other_goes_on(
    redis_url: str, channel: str, start: Start
) -> None:
    with receiving() as phone, receiving() as tablet:
        known = rules(("of_two", phone.url), ("of_two_b", tablet.url))
        replicas = [start(redis_url, channel, known) for _ in range(2)]
        async with publishing(redis_url, channel, "of_two", "of_two_b") as publisher:
            for number in range(5):
                await publish(publisher, channel, number)
            await phone.has(5)
            await tablet.has(5)
            assert phone.titles == tablet.titles == titles(*range(5))
            leading = next(one for one in replicas if leads(one))
            os.kill(leading.pid, signal.SIGKILL)
            for number in range(5, 10):
                await publish(publisher, channel, number)
            for one in (phone, tablet):
                await has_all(one, 10)
                assert len(one.got) <= 11
                assert list(dict.fromkeys(one.titles)) == titles(*range(10))


async def test_one_that_drains_hands_over_without_a_second_message(
    redis_url: str, channel: str, start: Start
) -> None:
    with receiving() as phone:
        known = rules(("drained", phone.url))
        first = start(redis_url, channel, known)
        answered = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with publishing(redis_url, channel, "drained") as publisher:

            def slowly(request: BaseHTTPRequestHandler) -> None:
                phone.behave = took
                first.signal(signal.SIGTERM)
                time.sleep(1.5)  # Long after it was told to end.
                took(request)
                loop.call_soon_threadsafe(answered.set)

            phone.behave = slowly
            second = start(redis_url, channel, known)
            await publish(publisher, channel, 1)
            await publish(publisher, channel, 2)
            await has_all(phone, 2)
            async with asyncio.timeout(10):
                await answered.wait()
            assert phone.titles == titles(1, 2)

            async def the_other_leads() -> bool:
                return leads(second)

            await until(the_other_leads)


def leads(replica: ServiceProcess) -> bool:
    """Return whether a replica leads."""
    return bool(ask(f"{replica.url}/status").json()["own"]["active"]["active"])


async def has_all(receiver: Receiver, count: int) -> None:
    """Wait until so many different messages were taken."""

    async def are_there() -> bool:
        return len(set(receiver.titles)) >= count

    await until(are_there)
