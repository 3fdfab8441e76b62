"""What may hang runs in a thread that holds nobody up."""

import asyncio
import threading

import pytest

from hsi_service.sources.thread import in_thread


async def test_its_result_comes_back_from_a_daemon_of_its_name() -> None:
    thread = await in_thread(threading.current_thread, name="gpu")
    assert (thread.name, thread.daemon) == ("gpu", True)


async def test_what_it_raises_is_raised_where_it_is_awaited() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0, name="gpu")


async def test_who_waits_may_give_up_and_the_result_that_comes_later_does_no_harm() -> None:
    hanging, ended = threading.Event(), threading.Event()

    def work() -> None:
        hanging.wait()
        ended.set()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await in_thread(work, name="gpu")
    hanging.set()
    assert await asyncio.to_thread(ended.wait, 10)
    await asyncio.sleep(0.05)  # an error of a callback would fail this test


def test_a_result_that_comes_after_the_loop_does_no_harm() -> None:
    hanging = threading.Event()

    async def give_up() -> threading.Thread:
        waiting = asyncio.ensure_future(in_thread(hanging.wait, name="late"))
        await asyncio.sleep(0)
        waiting.cancel()
        return next(one for one in threading.enumerate() if one.name == "late")

    thread = asyncio.run(give_up())
    hanging.set()
    thread.join(10)
    assert not thread.is_alive()
