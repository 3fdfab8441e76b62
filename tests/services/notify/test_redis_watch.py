"""That Redis is away is told without Redis, and a heartbeat says that all is well."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from hsi.tasks import cancel_and_wait
from hsi_service.bus.lease import Lease
from hsi_service.logs import keep_addresses_out
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor
from services.notify import redis_watch
from services.notify.deliveries import Deliveries
from services.notify.follower import Pace
from services.notify.messages import Message
from services.notify.redis_watch import Heartbeat, RedisWatch
from services.notify.rules import Quiet, Rules
from services.notify.targets import DeliveryError
from tests.clients import until
from tests.servers import AiServer, RedisServer, as_user, says

SECRET = "s3cr3t"
ALWAYS = Quiet(start="00:00", end="00:00", critical=False)


class Phone:
    """A target in memory."""

    def __init__(self, name: str, rules: Rules | None = None, *, fails: int = 0) -> None:
        self.name = name
        self.rules = rules or Rules()
        self.got: list[Message] = []
        self.fails = fails

    async def deliver(self, message: Message) -> None:
        if self.fails:
            self.fails -= 1
            raise DeliveryError("HTTP 500")
        self.got.append(message)

    @property
    def titles(self) -> list[str]:
        return [one.title for one in self.got]


@contextlib.asynccontextmanager
async def watching(redis_url: str, *phones: Phone, leads: bool = True) -> AsyncIterator[RedisWatch]:
    """Watch a Redis; return when it was heard."""
    supervisor = Supervisor(Metrics())
    url = as_user("notify", redis_url)
    lease = Lease(url, "notify", duration=0.5)
    watch = RedisWatch(
        url,
        lease,
        targets=lambda: {one.name: one for one in phones},
        deliveries=Deliveries(supervisor),
        supervisor=supervisor,
        pace=Pace(first=0.05),
        patience=0.6,
        dashboard="",
        look=0.1,
    )

    async def is_heard() -> bool:
        return watch.is_heard and lease.held is leads

    tasks = [asyncio.create_task(watch.run())]
    if leads:
        tasks.append(asyncio.create_task(lease.run()))
    try:
        await until(is_heard)
        await watch.look()
        yield watch
    finally:
        await cancel_and_wait(*tasks)
        await supervisor.stop()
        await lease.give_up()
        await watch.aclose()


@pytest.mark.faults
async def test_who_led_last_tells_once_that_redis_is_away_and_once_that_it_is_back(
    own_redis: RedisServer,
) -> None:
    phone, flaky = Phone("phone"), Phone("flaky", fails=2)
    others = [
        Phone("not of this kind", Rules(kinds=("event",))),
        Phone("in quiet hours", Rules(quiet=(ALWAYS,))),
    ]
    async with watching(own_redis.url, phone, flaky, *others) as watch:
        own_redis.kill()

        async def are_told() -> bool:
            return bool(phone.got and flaky.got)

        await until(are_told)
        assert phone.got[0].kind == "redis"
        assert phone.got[0].level == "critical"
        assert not watch.is_heard
        own_redis.start()

        async def are_told_again() -> bool:
            return len(phone.got) == len(flaky.got) == 2

        await until(are_told_again)
        await watch.look()
    assert phone.titles == ["Nobody watches: Redis is not heard", "Redis is heard again"]
    assert phone.got[0].tag == phone.got[1].tag
    assert [one.got for one in others] == [[], []]


@pytest.mark.faults
async def test_who_did_not_lead_tells_nothing_nor_does_who_led_of_a_short_outage(
    own_redis: RedisServer,
) -> None:
    silent, patient = Phone("silent"), Phone("patient")
    async with watching(own_redis.url, silent, leads=False):
        own_redis.kill()
        await asyncio.sleep(1)
        own_redis.start()
    async with watching(own_redis.url, patient):
        own_redis.kill()
        await asyncio.sleep(0.1)
        own_redis.start()
        await asyncio.sleep(1)
    assert silent.got == patient.got == []


class Odd(Phone):
    """A target whose rules fail."""

    @property
    def rules(self) -> Rules:
        raise ZeroDivisionError("by design")

    @rules.setter
    def rules(self, _: Rules) -> None: ...


@pytest.mark.faults
async def test_a_target_that_fails_oddly_takes_no_news_from_others(
    own_redis: RedisServer,
) -> None:
    odd, phone = Odd("odd"), Phone("phone")
    async with watching(own_redis.url, odd, phone):
        own_redis.kill()

        async def is_told() -> bool:
            return bool(phone.got)

        await until(is_told)
    assert odd.got == []


async def test_a_heartbeat_is_asked_while_all_is_well_and_never_named(
    ai_server: AiServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    keep_addresses_out()
    ai_server.behaviours[f"/{SECRET}"] = says({})
    well = [False]
    beat = Heartbeat(f"{ai_server.url}/{SECRET}", is_well=lambda: well[0], interval=0.02)
    task = asyncio.create_task(beat.run())
    await asyncio.sleep(0.1)
    assert ai_server.asked == []
    well[0] = True

    async def beats() -> bool:
        return len(ai_server.asked) >= 2

    await until(beats)
    await cancel_and_wait(task)
    ai_server.behaviours.clear()
    await beat.beat()
    ai_server.stop()
    await beat.beat()
    assert "the heartbeat is refused" in caplog.text
    assert SECRET not in caplog.text


def test_a_minute_lies_between_two_heartbeats_and_two_until_people_are_told() -> None:
    assert redis_watch.BEAT == 60
    assert datetime.now(UTC).tzinfo is UTC
