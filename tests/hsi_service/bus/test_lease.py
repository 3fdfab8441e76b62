"""One leads: never two at once, whatever sleeps, freezes or dies."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import AsyncIterator, Sequence

import pytest
from redis.asyncio import Redis

from hsi.tasks import cancel_and_wait
from hsi_service.bus.lease import TRIES, Lease
from tests.clients import until
from tests.servers import RedisServer

DURATION = 0.8
SLACK = 5.0
"""Seconds that this machine may be busy with something else."""


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex}"


@contextlib.asynccontextmanager
async def running(*leases: Lease) -> AsyncIterator[None]:
    """Run them, and look at every tick that there is one holder at most."""

    async def look() -> None:
        while True:
            assert sum(lease.held for lease in leases) <= 1
            await asyncio.sleep(0.001)

    looking = asyncio.create_task(look())
    tasks = [asyncio.create_task(lease.run()) for lease in leases]
    try:
        yield
        assert not looking.done() or looking.exception() is None, looking.exception()
    finally:
        await cancel_and_wait(looking, *tasks)
        for lease in leases:
            await lease.give_up()


async def one_leads(leases: Sequence[Lease]) -> Lease:
    async def leads() -> bool:
        return any(lease.held for lease in leases)

    await until(leads, within=10)
    return next(lease for lease in leases if lease.held)


async def test_one_of_many_leads_and_keeps_leading(redis_url: str, name: str) -> None:
    leases = [Lease(redis_url, name, duration=DURATION) for _ in range(5)]
    async with running(*leases):
        await one_leads(leases)
        async with Redis.from_url(redis_url) as redis:
            await asyncio.sleep(3 * DURATION)
            assert await redis.exists(f"lease:{name}")
        # A busy machine may cost a lease; going round would be a fault.
        assert sum(lease.taken for lease in leases) <= 3


async def test_another_takes_over_from_a_killed_holder_in_the_leases_time_and_one_try(
    redis_url: str, name: str
) -> None:
    program = (
        "import asyncio, sys\n"
        "from hsi_service.bus.lease import Lease\n"
        "async def main():\n"
        "    lease = Lease(sys.argv[1], sys.argv[2], duration=float(sys.argv[3]))\n"
        "    asyncio.create_task(lease.run())\n"
        "    while not lease.held:\n"
        "        await asyncio.sleep(0.01)\n"
        "    print('leads', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(  # noqa: ASYNC220 (a moment; what it says is read in a thread)
        [sys.executable, "-c", program, redis_url, name, str(DURATION)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert await asyncio.to_thread(holder.stdout.readline) == b"leads\n"
        lease = Lease(redis_url, name, duration=DURATION)
        async with running(lease):
            await asyncio.sleep(DURATION)
            assert not lease.held
            holder.kill()
            began = time.monotonic()
            await one_leads([lease])
            assert time.monotonic() - began < DURATION * (1 + 1 / TRIES) + SLACK


async def test_what_is_given_up_is_free_at_once(redis_url: str, name: str) -> None:
    patient = Lease(redis_url, name, duration=60)
    async with running(patient), Redis.from_url(redis_url) as redis:
        await one_leads([patient])
        await patient.give_up()
        assert not patient.held
        assert await redis.exists(f"lease:{name}") == 0
        following = Lease(redis_url, name, duration=DURATION)
        async with running(following):
            await one_leads([following])
        assert not patient.held


async def test_who_does_not_hold_it_gives_up_nothing_of_the_holders(
    redis_url: str, name: str
) -> None:
    holder, other = (Lease(redis_url, name, duration=60) for _ in range(2))
    async with running(holder):
        await one_leads([holder])
        await other.give_up()
        async with Redis.from_url(redis_url) as redis:
            assert await redis.exists(f"lease:{name}")


async def test_redis_frozen_ends_it_in_time_and_thawed_one_leads_again(
    own_redis: RedisServer, name: str
) -> None:
    leases = [Lease(own_redis.url, name, duration=DURATION) for _ in range(3)]
    async with running(*leases):
        for _ in range(2):
            holder = await one_leads(leases)
            own_redis.freeze()

            async def ended(holder: Lease = holder) -> bool:
                return not holder.held

            await until(ended)
            await asyncio.sleep(DURATION)
            assert not any(lease.held for lease in leases)
            own_redis.thaw()
            await one_leads(leases)


async def test_redis_killed_is_the_same(own_redis: RedisServer, name: str) -> None:
    leases = [Lease(own_redis.url, name, duration=DURATION) for _ in range(3)]
    async with running(*leases):
        holder = await one_leads(leases)
        own_redis.kill()

        async def ended() -> bool:
            return not holder.held

        await until(ended)
        await asyncio.to_thread(own_redis.start)
        await one_leads(leases)


async def test_a_holder_whose_event_loop_slept_knows_it_when_it_wakes(
    redis_url: str, name: str
) -> None:
    loop = asyncio.new_event_loop()
    sleeper = Lease(redis_url, name, duration=DURATION)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    woke = threading.Event()
    found: list[bool] = []

    def sleep() -> None:
        time.sleep(3 * DURATION)
        # The first thing that it does, before it could have asked Redis.
        found.append(sleeper.held)
        woke.set()

    task = asyncio.run_coroutine_threadsafe(sleeper.run(), loop)
    other = Lease(redis_url, name, duration=DURATION)
    try:
        await one_leads([sleeper])
        async with running(other):
            loop.call_soon_threadsafe(sleep)
            await one_leads([other])
            assert not sleeper.held
            assert await asyncio.to_thread(woke.wait, 30)
        assert found == [False]
        await one_leads([sleeper])  # and it is none the worse for it
    finally:
        task.cancel()
        await asyncio.to_thread(asyncio.run_coroutine_threadsafe(sleeper.give_up(), loop).result)
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join)
        loop.close()


async def test_the_clock_is_redis_whatever_this_machines_says(
    redis_url: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = Lease(redis_url, name, duration=DURATION, wall=lambda: time.time() + 20.25)
    right = Lease(redis_url, name, duration=DURATION)

    async def both_have_asked() -> bool:
        return None not in (ahead.redis_clock.skew, right.redis_clock.skew)

    with caplog.at_level(logging.WARNING):
        async with running(ahead, right):
            await until(both_have_asked)
            assert ahead.redis_clock() == pytest.approx(right.redis_clock(), abs=0.3)
            assert ahead.redis_clock.skew == pytest.approx(20.25, abs=0.3)
            await asyncio.sleep(DURATION)
    said = [record for record in caplog.records if "clock" in record.message]
    assert [record.__dict__["ahead_s"] for record in said] == pytest.approx([20.25], abs=0.3)
