"""A source may fail alone, and a round never outlives its limit."""

import asyncio
import logging
import time

import pytest

from hsi.tasks import cancel_and_wait
from hsi_service.sources import Reading, SourceError, TimeLimited


async def fine() -> int:
    return 7


async def fails() -> int:
    raise SourceError("it is dark")


async def hangs() -> int:
    await asyncio.Event().wait()
    return 0


async def broken() -> int:
    raise ZeroDivisionError("postgresql://user:hunter2@host")


async def test_what_works_is_read_and_what_does_not_says_why() -> None:
    sources = [TimeLimited(read.__name__, read, limit=0.2) for read in (fine, fails, hangs, broken)]
    assert await asyncio.gather(*(source.read() for source in sources)) == [
        Reading(7),
        Reading(None, "it is dark"),
        Reading(None, "no answer within 0.2 s"),
        Reading(None, "unexpected ZeroDivisionError"),
    ]
    assert [source.failures for source in sources] == [0, 1, 1, 1]


async def test_a_fault_is_logged_with_its_place_and_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = TimeLimited("broken", broken, limit=1)
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            await source.read()
    (record,) = caplog.records  # a hundred failures, one line
    assert "test_time_limited.py" in str(vars(record)["where"])
    assert "hunter2" not in str(vars(record))


async def test_one_that_ignores_being_cancelled_is_not_asked_twice_and_is_found_again() -> None:
    let_go = asyncio.Event()
    running = 0

    async def stubborn() -> int:
        nonlocal running
        running += 1
        assert running == 1
        try:
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue
        finally:
            running -= 1
        return 5

    source = TimeLimited("stubborn", stubborn, limit=0.05)
    began = time.monotonic()
    assert await source.read() == Reading(None, "no answer within 0.05 s")
    for _ in range(3):
        assert await source.read() == Reading(None, "still busy with the last time")
    assert time.monotonic() - began < 5
    let_go.set()
    await asyncio.sleep(0.01)
    assert await source.read() == Reading(5)


async def test_a_stray_cancellation_inside_is_a_failure_of_the_source_alone() -> None:
    async def cancelled() -> int:
        raise asyncio.CancelledError

    assert await TimeLimited("cancelled", cancelled, limit=1).read() == Reading(None, "cancelled")


async def test_a_round_that_is_cancelled_leaves_nothing_running() -> None:
    source = TimeLimited("hangs", hangs, limit=60)
    reading = asyncio.create_task(source.read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await cancel_and_wait(reading)
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if "source" in task.get_name()] == []


async def test_what_is_still_being_read_has_ended_once_it_is_closed() -> None:
    """Else it would make another connection after those that there are were closed."""
    ended = asyncio.Event()

    async def read() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # as redis-py can
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

    source = TimeLimited("slow", read, limit=0.01)
    assert (await source.read()).reason == "no answer within 0.01 s"
    assert not ended.is_set()
    await source.aclose()
    assert ended.is_set()
    await source.aclose()


async def test_one_that_was_never_read_can_be_closed() -> None:
    await TimeLimited("new", asyncio.Event().wait, limit=1).aclose()
