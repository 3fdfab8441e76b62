"""Tasks end, whatever swallows a cancellation."""

import asyncio
import gc

import pytest

from hsi import tasks


async def stubborn(deaf: int) -> None:
    """Take no notice of so many cancellations."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if deaf == 0:
                raise
            deaf -= 1


async def test_a_task_that_swallows_a_cancellation_ends_by_the_next() -> None:
    started = [asyncio.create_task(stubborn(deaf)) for deaf in (0, 1, 2)]
    await asyncio.sleep(0)
    await tasks.cancel_and_wait(*started)
    assert all(task.cancelled() for task in started)


async def test_what_has_ended_and_nothing_at_all_are_ended_at_once() -> None:
    done = asyncio.create_task(asyncio.sleep(0))
    await done
    await tasks.cancel_and_wait(done)
    await tasks.cancel_and_wait()


async def test_what_a_task_raised_stays_with_it_and_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail() -> None:
        raise ValueError("of its own")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await tasks.cancel_and_wait(task)
    with pytest.raises(ValueError, match="of its own"):
        task.result()
    failed = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await tasks.cancel_and_wait(failed)
    del failed
    gc.collect()
    assert not caplog.records


async def test_a_task_that_never_ends_is_named_and_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "RETRY_AFTER", 0.001)
    task = asyncio.create_task(stubborn(tasks.MAX_CANCELS), name="deaf")
    await asyncio.sleep(0)
    await tasks.cancel_and_wait(task)
    assert not task.done()
    assert caplog.records[-1].__dict__["tasks"] == ["deaf"]
    task.cancel()
    await asyncio.wait([task])
