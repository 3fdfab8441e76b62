"""A job's handler on the root logger: its own job's lines alone, and gone with the job."""

import asyncio
import contextvars
import gc
import logging
import threading
import weakref
from collections.abc import Iterator

import pytest

from hsi.joblogs import JobLogEmitter, JobLogHandler
from tests.job_logs import said

ROOT = logging.getLogger()


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    before, level = list(ROOT.handlers), ROOT.level
    ROOT.setLevel(logging.INFO)
    yield
    ROOT.handlers[:] = before
    ROOT.setLevel(level)


def attached() -> list[logging.Handler]:
    return [handler for handler in ROOT.handlers if isinstance(handler, JobLogHandler)]


def lines(redis_url: str, job_id: str) -> list[str]:
    return [line for line in said(redis_url, job_id) if not line.startswith("end: ")]


def test_two_jobs_in_threads_of_one_process_have_their_own_lines(
    redis_url: str, job_id: str
) -> None:
    both = threading.Barrier(2)

    def work(name: str) -> None:
        with JobLogEmitter(redis_url, f"{job_id}-{name}") as emitter:
            ROOT.addHandler(emitter.handler())
            both.wait(10)
            for number in range(3):
                ROOT.info("%s %d", name, number)
            both.wait(10)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in ("a", "b"):
        assert lines(redis_url, f"{job_id}-{name}") == [f"{name} {number}" for number in range(3)]


async def test_two_jobs_in_tasks_of_one_process_have_their_own_lines(
    redis_url: str, job_id: str
) -> None:
    both = asyncio.Barrier(2)

    async def work(name: str) -> None:
        async with JobLogEmitter(redis_url, f"{job_id}-{name}") as emitter:
            ROOT.addHandler(emitter.handler())
            await both.wait()
            ROOT.info("%s here", name)
            await asyncio.to_thread(ROOT.info, "%s in a thread", name)
            await asyncio.create_task(say(name))
            await both.wait()

    async def say(name: str) -> None:
        ROOT.info("%s in a task", name)

    await asyncio.gather(work("a"), work("b"))
    for name in ("a", "b"):
        assert lines(redis_url, f"{job_id}-{name}") == [
            f"{name} here",
            f"{name} in a thread",
            f"{name} in a task",
        ]


def test_a_job_within_a_job_has_its_own_lines(redis_url: str, job_id: str) -> None:
    outer_id, inner_id = f"{job_id}-outer", f"{job_id}-inner"
    with JobLogEmitter(redis_url, outer_id) as outer:
        ROOT.addHandler(outer.handler())
        ROOT.info("before")
        with JobLogEmitter(redis_url, inner_id) as inner:
            ROOT.addHandler(inner.handler())
            ROOT.info("within")
        ROOT.info("after")
    assert lines(redis_url, outer_id) == ["before", "after"]
    assert lines(redis_url, inner_id) == ["within"]


def test_what_a_thread_of_nobody_logs_is_the_jobs_that_runs(redis_url: str, job_id: str) -> None:
    with JobLogEmitter(redis_url, job_id) as emitter:
        ROOT.addHandler(emitter.handler())
        thread = threading.Thread(target=ROOT.info, args=("from a thread",))
        thread.start()
        thread.join()
    assert lines(redis_url, job_id) == ["from a thread"]


def test_a_context_that_outlives_its_job_is_nobodys(redis_url: str, job_id: str) -> None:
    with JobLogEmitter(redis_url, f"{job_id}-first"):
        left_over = contextvars.copy_context()
    with JobLogEmitter(redis_url, job_id) as emitter:
        ROOT.addHandler(emitter.handler())
        left_over.run(ROOT.info, "of a worker that stayed")
    assert lines(redis_url, job_id) == ["of a worker that stayed"]


@pytest.mark.parametrize("ends_by", ["block", "close"])
def test_a_handler_goes_with_its_job_and_nothing_is_left(
    redis_url: str, job_id: str, ends_by: str
) -> None:
    named = logging.getLogger(f"job.{job_id}")
    gone: list[weakref.ref[object]] = []
    for number in range(3):
        emitter = JobLogEmitter(redis_url, f"{job_id}-{number}")
        handler = emitter.handler()
        gone += [weakref.ref(handler), weakref.ref(emitter)]
        ROOT.addHandler(handler)
        named.addHandler(handler)
        if ends_by == "block":
            with emitter:
                ROOT.info("ready")
        else:
            emitter.begin()
            ROOT.info("ready")
            emitter.close("completed")
        assert (attached(), named.handlers) == ([], [])
        assert lines(redis_url, f"{job_id}-{number}") == ["ready"]
    del emitter, handler
    gc.collect()
    assert [one() for one in gone] == [None] * len(gone)
