"""One replica works, while it holds the lease: it ends with it, and goes on when it is back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from hsi import tasks
from hsi.tasks import cancel_and_wait
from hsi_service.bus import active
from hsi_service.bus.active import Active, EndedError
from hsi_service.bus.lease import Lease
from tests.clients import until

QUICK = 0.05
"""Seconds: nobody notices, and a look at the lease from time to time would take longer."""


class Held:
    """A lease that a test gives and takes."""

    def __init__(self) -> None:
        self.until = 0.0
        self._turned = asyncio.Event()

    @property
    def held(self) -> bool:
        return self.remaining() > 0

    def remaining(self) -> float:
        return max(0.0, self.until - asyncio.get_running_loop().time())

    async def turned(self) -> None:
        await self._turned.wait()

    def give(self, seconds: float = 3600) -> None:
        self._turn(asyncio.get_running_loop().time() + seconds)

    def take(self) -> None:
        self._turn(0)

    def _turn(self, to: float) -> None:
        self.until = to
        self._turned.set()
        self._turned = asyncio.Event()


class Work:
    """Counts its runs, and how many of them there are at once."""

    def __init__(
        self, during: Callable[[], Awaitable[object]] = lambda: asyncio.sleep(3600)
    ) -> None:
        self.runs = self.now = self.most = 0
        self._during = during

    async def run(self) -> None:
        self.runs += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self._during()
        finally:
            self.now -= 1


@contextlib.asynccontextmanager
async def running(lease: Held, work: Work) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(Active(lease).run(work.run))
    try:
        yield task
    finally:
        await cancel_and_wait(task)


@pytest.fixture
def lease() -> Held:
    return Held()


async def test_without_the_lease_it_does_nothing(lease: Held) -> None:
    work = Work()
    async with running(lease, work):
        await asyncio.sleep(2 * QUICK)
    assert work.runs == 0


async def test_it_works_from_when_the_lease_is_held_and_until_it_is_cancelled(lease: Held) -> None:
    work = Work()
    async with running(lease, work) as task:
        lease.give()
        await until(lambda: is_true(work.now == 1), within=5)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
    assert (work.runs, work.now) == (1, 0)


async def is_true(value: bool) -> bool:
    return value


async def test_a_lease_that_is_lost_ends_the_work_at_once_and_one_that_is_back_begins_it_again(
    lease: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(active, "LONGEST_SLEEP", 3600)  # It is woken, and not by looking.
    work = Work()
    async with running(lease, work):
        for run in (1, 2, 3):
            lease.give()
            await until(lambda: is_true(work.now == 1), within=5)
            assert work.runs == run
            lease.take()
            await until(lambda: is_true(work.now == 0), within=5)


async def test_a_lease_that_runs_out_by_itself_ends_the_work_in_its_time(lease: Held) -> None:
    work = Work()
    async with running(lease, work):
        lease.give(2 * QUICK)
        await until(lambda: is_true(work.now == 1), within=5)
        await until(lambda: is_true(work.now == 0), within=5)
        assert not lease.held


async def test_a_lease_that_is_prolonged_leaves_the_work_alone(lease: Held) -> None:
    work = Work()
    async with running(lease, work):
        for _ in range(5):
            lease.give(10 * QUICK)
            await asyncio.sleep(QUICK)
        assert (work.runs, work.now) == (1, 1)


async def test_work_that_raises_is_raised(lease: Held) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("by design")

    async with running(lease, Work(fail)) as task:
        lease.give()
        with pytest.raises(ZeroDivisionError, match="by design"):
            await task


async def test_work_that_raises_while_it_is_cancelled_is_raised(lease: Held) -> None:
    async def fail_at_the_end() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            raise ZeroDivisionError("while closing")

    work = Work(fail_at_the_end)
    async with running(lease, work) as task:
        lease.give()
        await until(lambda: is_true(work.now == 1), within=5)
        lease.take()
        with pytest.raises(ZeroDivisionError, match="while closing"):
            await task


async def test_work_that_returns_is_an_error(lease: Held) -> None:
    async with running(lease, Work(lambda: asyncio.sleep(0))) as task:
        lease.give()
        with pytest.raises(EndedError):
            await task


async def test_work_that_a_stray_cancels_ends_as_a_cancelled_task(lease: Held) -> None:
    async def cancel_itself() -> None:
        raise asyncio.CancelledError

    async with running(lease, Work(cancel_itself)) as task:
        lease.give()
        await asyncio.wait({task})
        assert task.cancelled()  # The Supervisor tells of it, and begins again.


async def test_work_that_swallows_a_cancellation_is_cancelled_once_more(
    lease: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "RETRY_AFTER", 0.02)

    async def swallow_one() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    work = Work(swallow_one)
    async with running(lease, work):
        lease.give()
        await until(lambda: is_true(work.now == 1), within=5)
        lease.take()
        await until(lambda: is_true(work.now == 0), within=5)


async def test_work_that_does_not_end_is_not_begun_a_second_time(
    lease: Held, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tasks, "RETRY_AFTER", 0.002)
    let_go = asyncio.Event()

    async def go_on() -> None:
        while not let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await let_go.wait()

    work = Work(go_on)
    async with running(lease, work):
        lease.give()
        await until(lambda: is_true(work.now == 1), within=5)
        lease.take()
        await until(lambda: is_true("tasks do not end" in caplog.text), within=5)
        lease.give()
        await until(lambda: is_true(caplog.text.count("tasks do not end") > 1), within=5)
        assert (work.runs, work.now) == (1, 1)
        let_go.set()
        await until(lambda: is_true(work.runs > 1), within=5)
        assert work.most == 1


async def test_a_lease_in_redis_that_is_given_up_ends_the_work(
    redis_url: str, channel: str
) -> None:
    lease, work = Lease(redis_url, channel, duration=30), Work()
    keeping = asyncio.create_task(lease.run())
    working = asyncio.create_task(Active(lease).run(work.run))
    try:
        await until(lambda: is_true(work.now == 1), within=10)
        await lease.give_up()
        await until(lambda: is_true(work.now == 0), within=5)
    finally:
        await cancel_and_wait(keeping, working)
