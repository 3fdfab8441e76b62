"""A job's log: every line once and in order, an honest end, and a job that never waits."""

import asyncio
import functools
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from hsi.joblogs import JobLogEmitter
from hsi.joblogs.buffer import LineBuffer
from hsi.joblogs.emitter import status_of
from hsi.joblogs.sender import MAX_JOBS
from hsi.publisher import Publisher
from hsi.schemas import EndStatus, channels
from hsi.schemas.cursor import Cursor
from hsi.schemas.job_ids import InvalidJobIdError
from tests.clients import golden
from tests.job_logs import history, said, state
from tests.servers import RedisServer

PATIENCE = 60
"""Seconds: for tests that want everything to arrive."""


@pytest.mark.parametrize("level", ["warning", "WARNING", logging.WARNING])
def test_a_handlers_level_may_be_written_in_any_case(level: int | str) -> None:
    emitter = JobLogEmitter("redis://127.0.0.1:1/0", "import-7")
    assert emitter.handler(level).level == logging.WARNING


HOUR = 3600


@pytest.fixture
def logger(job_id: str) -> Iterator[logging.Logger]:
    logger = logging.getLogger(f"job.{job_id}")
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.handlers.clear()


async def test_a_line_is_published_and_kept_as_the_seed_has_it(redis_url: str, job_id: str) -> None:
    with Redis.from_url(redis_url) as redis, redis.pubsub() as pubsub:
        pubsub.subscribe(channels.job_logs(job_id))
        assert pubsub.get_message(timeout=5)
        async with JobLogEmitter(redis_url, job_id) as emitter:
            await emitter.info("Processing batch 2/3", batch_id="abc123")
        heard = [pubsub.get_message(timeout=5) for _ in range(2)]
    line, end = history(redis_url, job_id)
    assert [json.loads(message["data"]) for message in heard if message] == [line, end]
    example = json.loads(golden("log"))
    assert line["data"].pop("timestamp").endswith("Z")
    del example["data"]["timestamp"]
    assert line == {"cursor": line["cursor"]} | example
    assert end == {
        "cursor": end["cursor"],
        "type": "end",
        "data": {"job_id": job_id, "status": "completed"},
    }


async def test_lines_keep_the_order_of_the_calls_awaited_or_not(
    redis_url: str, job_id: str
) -> None:
    async with JobLogEmitter(redis_url, job_id) as emitter:
        for number in range(0, 1000, 2):
            await emitter.debug(str(number))
            emitter.critical(str(number + 1))
        await asyncio.gather(*(emitter.warning(str(number)) for number in range(1000, 1010)))
    assert said(redis_url, job_id) == [*map(str, range(1010)), "end: completed"]


def test_threads_share_an_emitter(redis_url: str, job_id: str) -> None:
    def work(name: int) -> None:
        for number in range(500):
            emitter.info("line", thread=name, number=number)

    with JobLogEmitter(redis_url, job_id) as emitter:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    *lines, _ = history(redis_url, job_id)
    for name in range(8):
        mine = [line["data"]["context"] for line in lines]
        assert [one["number"] for one in mine if one["thread"] == name] == list(range(500))


def test_ordinary_logging_streams_unchanged(
    redis_url: str, job_id: str, logger: logging.Logger
) -> None:
    with JobLogEmitter(redis_url, job_id) as emitter:
        logger.addHandler(emitter.handler(logging.INFO))
        logger.debug("left out")
        logger.info("batch %d of %d", 2, 3, extra={"batch_id": "abc123"})
        logger.log(35, "between two levels")
        try:
            raise ValueError("no such camera")
        except ValueError:
            logger.exception("cannot go on")
    *lines, _ = [message["data"] for message in history(redis_url, job_id)]
    assert [(line["level"], line["message"].splitlines()[0]) for line in lines] == [
        ("INFO", "batch 2 of 3"),
        ("WARNING", "between two levels"),
        ("ERROR", "cannot go on"),
    ]
    assert lines[0]["context"] == {"logger": logger.name, "batch_id": "abc123"}
    assert lines[2]["message"].startswith("cannot go on\nTraceback (most recent call last):\n")
    assert lines[2]["message"].endswith("\nValueError: no such camera")
    logger.info("after the end")  # a handler that stays where it was does no harm
    assert len(history(redis_url, job_id)) == 4


def test_what_cannot_be_logged_does_no_harm(
    redis_url: str, job_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record = logging.makeLogRecord({"msg": "%d", "args": ("not a number",)})
    with JobLogEmitter(redis_url, job_id) as emitter:
        emitter.handler().handle(record)
    assert "--- Logging error ---" in capsys.readouterr().err  # as every handler of logging does
    assert said(redis_url, job_id) == ["end: completed"]


def test_a_handlers_own_format_is_honoured(
    redis_url: str, job_id: str, logger: logging.Logger
) -> None:
    with JobLogEmitter(redis_url, job_id) as emitter:
        handler = emitter.handler()
        handler.setFormatter(logging.Formatter("<%(levelname)s> %(message)s"))
        logger.addHandler(handler)
        logger.info("ready")
    assert said(redis_url, job_id)[0] == "<INFO> ready"


def test_what_the_sending_itself_logs_is_not_sent(
    own_redis: RedisServer, job_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Else each failed attempt would be one more line to send."""
    own_redis.kill()
    root = logging.getLogger()
    with JobLogEmitter(own_redis.url, job_id, patience=PATIENCE) as emitter:
        root.addHandler(handler := emitter.handler(logging.INFO))
        try:
            with caplog.at_level(logging.DEBUG):
                root.warning("the job's own")
                wait_for(lambda: "cannot send the log of job" in caplog.text)
                own_redis.start()
                emitter.flush(PATIENCE)
        finally:
            root.removeHandler(handler)
    assert said(own_redis.url, job_id) == ["the job's own", "end: completed"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (None, "completed"),
        (SystemExit(), "completed"),
        (SystemExit(0), "completed"),
        (SystemExit(3), "failed"),
        (SystemExit("no"), "failed"),
        (ValueError("boom"), "failed"),
        (KeyboardInterrupt(), "cancelled"),
        (asyncio.CancelledError(), "cancelled"),
    ],
)
def test_how_the_block_ends_is_how_the_job_ends(
    error: BaseException | None, status: EndStatus
) -> None:
    assert status_of(error) == status


def test_a_job_that_crashes_says_why(redis_url: str, job_id: str) -> None:
    with pytest.raises(ValueError, match="boom"), JobLogEmitter(redis_url, job_id):
        raise ValueError("boom")
    line, end = history(redis_url, job_id)
    assert line["data"]["level"] == "ERROR"
    assert line["data"]["message"].startswith("the job failed: ValueError: boom\nTraceback")
    assert end["data"]["status"] == state(redis_url, job_id)["status"] == "failed"


async def test_a_job_that_is_cancelled_says_so(redis_url: str, job_id: str) -> None:
    async def work() -> None:
        async with JobLogEmitter(redis_url, job_id) as emitter:
            await emitter.info("working")
            working.set()
            await asyncio.sleep(60)

    working = asyncio.Event()
    task = asyncio.create_task(work())
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert said(redis_url, job_id) == ["working", "end: cancelled"]
    assert state(redis_url, job_id)["status"] == "cancelled"


def test_a_jobs_state_says_that_it_runs_and_how_it_ended(redis_url: str, job_id: str) -> None:
    with Redis.from_url(redis_url) as redis:
        with JobLogEmitter(redis_url, job_id) as emitter:
            emitter.info("ready")
            assert emitter.flush()
            running = state(redis_url, job_id)
            score = redis.zscore(channels.JOBS, job_id)
        emitter.close("failed", exit_code=9)  # it has ended; this changes nothing
        ended = state(redis_url, job_id)
        assert HOUR - 60 < redis.ttl(channels.job(job_id)) <= HOUR
    assert running == {
        "job_id": job_id,
        "status": "running",
        "started_at": running["started_at"],
    }
    assert abs(score - time.time()) < 60
    assert ended == running | {
        "status": "completed",
        "completed_at": ended["completed_at"],
        "ends": 1,
    }
    assert running["started_at"] <= ended["completed_at"] <= "9"


def test_what_another_producer_keeps_of_the_job_stays(redis_url: str, job_id: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.set(channels.job(job_id), '{"status":"pending","tags":[],"big":12345678901234567890}')
        with JobLogEmitter(redis_url, job_id):
            pass
        after = state(redis_url, job_id)
        assert (after["status"], after["tags"]) == ("completed", [])
        assert after["big"] == 12345678901234567890


@pytest.mark.parametrize("kind", ["text", "hash"])
def test_what_is_no_jobs_state_is_not_destroyed(redis_url: str, job_id: str, kind: str) -> None:
    with Redis.from_url(redis_url) as redis:
        key = channels.job(job_id)
        if kind == "text":
            redis.set(key, "somebody's own")
        else:
            redis.hset(key, "somebody's", "own")
        with JobLogEmitter(redis_url, job_id) as emitter:
            emitter.info("ready")
        assert redis.type(key) == (b"string" if kind == "text" else b"hash")
    assert said(redis_url, job_id) == ["ready", "end: completed"]


def test_without_a_block_it_only_adds_lines(redis_url: str, job_id: str) -> None:
    emitter = JobLogEmitter(redis_url, job_id)
    emitter.info("ready")
    emitter.close("completed")
    assert said(redis_url, job_id) == ["ready"]
    assert state(redis_url, job_id) is None
    with Redis.from_url(redis_url) as redis:
        assert redis.zscore(channels.JOBS, job_id) is not None


def test_a_log_is_gone_an_hour_after_its_last_line(redis_url: str, job_id: str) -> None:
    with JobLogEmitter(redis_url, job_id):
        pass
    log = channels.job_logs(job_id)
    with Redis.from_url(redis_url) as redis:
        for key in (channels.history(log), channels.number(log)):
            assert HOUR - 60 < redis.ttl(key) <= HOUR


def test_the_index_keeps_the_jobs_that_began_last(own_redis: RedisServer, job_id: str) -> None:
    with Redis.from_url(own_redis.url) as redis:
        redis.zadd(channels.JOBS, {str(number): number for number in range(1, MAX_JOBS + 50)})
        with JobLogEmitter(own_redis.url, job_id):
            pass
        kept: Any = redis.zrange(channels.JOBS, 0, -1)
    assert len(kept) == MAX_JOBS
    assert (kept[0], kept[-1]) == (b"51", job_id.encode())


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidJobIdError):
        JobLogEmitter("redis://127.0.0.1:1/0", "1:logs}:history")


def test_a_hundred_thousand_lines_as_fast_as_one_can(redis_url: str, job_id: str) -> None:
    count = 100_000
    began = time.monotonic()
    with JobLogEmitter(redis_url, job_id, patience=PATIENCE) as emitter:
        for number in range(count):
            emitter.info("line", number=number)
        logged = time.monotonic() - began
    assert time.monotonic() - began < 60
    assert logged < 30
    *lines, end = history(redis_url, job_id)
    numbers = [line["data"]["context"]["number"] for line in lines]
    assert len(numbers) >= 9_999
    assert numbers == list(range(numbers[0], count))  # none missing, none dropped
    assert Cursor.parse(end["cursor"]).number == count + 1  # type: ignore[union-attr]


def test_redis_killed_and_restarted_while_a_job_logs(own_redis: RedisServer, job_id: str) -> None:
    with JobLogEmitter(own_redis.url, job_id, patience=PATIENCE) as emitter:
        for number in range(3000):
            if number in {1000, 2000}:
                emitter.flush(0.01)  # with or without some on their way
                own_redis.kill()
            if number in {1500, 2500}:
                own_redis.start()
            emitter.info(str(number))
    assert said(own_redis.url, job_id) == [*map(str, range(3000)), "end: completed"]
    assert state(own_redis.url, job_id)["status"] == "completed"


def test_a_frozen_redis_doubles_nothing_and_holds_up_nobody(
    own_redis: RedisServer, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent to a frozen Redis is executed when it thaws, and so are the retries."""
    monkeypatch.setattr("hsi.joblogs.sender.TIMEOUT", 0.2)
    with JobLogEmitter(own_redis.url, job_id, patience=PATIENCE) as emitter:
        emitter.info("0")
        assert emitter.flush(PATIENCE)
        own_redis.freeze()
        began = time.monotonic()
        for number in range(1, 5000):
            emitter.info(str(number))
        assert time.monotonic() - began < 5
        time.sleep(1.5)  # several attempts
        own_redis.thaw()
    assert said(own_redis.url, job_id) == [*map(str, range(5000)), "end: completed"]


def test_what_had_to_be_dropped_is_said_where_it_is_missing(
    own_redis: RedisServer, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = functools.partial(LineBuffer, max_lines=100)
    monkeypatch.setattr("hsi.joblogs.sender.LineBuffer", small)
    with JobLogEmitter(own_redis.url, job_id, patience=PATIENCE) as emitter:
        emitter.info("0")
        assert emitter.flush(PATIENCE)
        own_redis.kill()
        for number in range(1, 1000):
            emitter.info(str(number))
        own_redis.start()
    lines = said(own_redis.url, job_id)
    gaps = [n for n, line in enumerate(lines) if line.startswith("dropped ")]
    expected = 0
    for line, message in zip(lines[:-1], history(own_redis.url, job_id), strict=False):
        if line.startswith("dropped "):
            expected += message["data"]["context"]["dropped"]
        else:
            assert int(line) == expected
            expected += 1
    # One, or two where the sending thread took some lines in the middle.
    assert 1 <= len(gaps) <= 2
    assert (expected, lines[-1]) == (1000, "end: completed")


def test_a_redis_that_lost_everything_gets_what_follows(
    own_redis: RedisServer, job_id: str
) -> None:
    with JobLogEmitter(own_redis.url, job_id, patience=PATIENCE) as emitter:
        with Redis.from_url(own_redis.url) as redis:
            emitter.info("lost")
            assert emitter.flush(PATIENCE)
            redis.flushall()
            redis.function_flush()
        emitter.info("kept")
        assert emitter.flush(PATIENCE)
    assert said(own_redis.url, job_id) == ["kept", "end: completed"]


def test_closing_waits_no_longer_than_its_patience_and_goes_on_trying(
    own_redis: RedisServer, job_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.kill()
    with JobLogEmitter(own_redis.url, job_id, patience=0.2) as emitter:
        emitter.info("late")
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert "Redis does not have the last 2 lines of its log" in caplog.text
    own_redis.start()
    wait_for(lambda: (state(own_redis.url, job_id) or {}).get("status") == "completed")
    assert said(own_redis.url, job_id) == ["late", "end: completed"]


def test_who_logs_after_the_end_is_told_once(
    redis_url: str, job_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    with JobLogEmitter(redis_url, job_id) as emitter:
        pass
    for _ in range(3):
        emitter.info("too late")
    assert caplog.text.count("logged after its end") == 1
    assert said(redis_url, job_id) == ["end: completed"]


def test_a_signal_may_be_logged_in_the_middle_of_a_line(redis_url: str, job_id: str) -> None:
    script = """
import signal, sys, time
from hsi.joblogs import JobLogEmitter
handled = 0
def handler(*_):
    global handled
    handled += 1
    emitter.info("signal")
signal.signal(signal.SIGALRM, handler)
with JobLogEmitter(*sys.argv[1:], patience=60) as emitter:
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        emitter.info("line")
        if not handled % 100:
            emitter.flush(1)
    signal.setitimer(signal.ITIMER_REAL, 0)
"""
    subprocess.run([sys.executable, "-c", script, redis_url, job_id], check=True, timeout=60)
    lines = said(redis_url, job_id)
    assert lines[-1] == "end: completed"
    assert {"signal", "line"} <= set(lines)


def test_lines_before_the_block_do_not_hide_that_it_runs(redis_url: str, job_id: str) -> None:
    emitter = JobLogEmitter(redis_url, job_id)
    emitter.info("before")
    assert emitter.flush(PATIENCE)
    with emitter:
        wait_for(lambda: (state(redis_url, job_id) or {}).get("status") == "running")
    assert said(redis_url, job_id) == ["before", "end: completed"]


def test_a_child_process_is_a_sender_of_its_own(redis_url: str, job_id: str) -> None:
    script = """
import os, sys
from hsi.joblogs import JobLogEmitter
with JobLogEmitter(*sys.argv[1:], patience=60) as emitter:
    emitter.info("before")
    emitter.flush(60)
    if os.fork() == 0:
        emitter.info("child")
        sys.exit()  # leaves the block, and must not end the job
    os.wait()
    emitter.info("after")
"""
    subprocess.run([sys.executable, "-c", script, redis_url, job_id], check=True, timeout=60)
    assert said(redis_url, job_id) == ["before", "child", "after", "end: completed"]


def test_what_was_logged_last_is_sent_before_the_program_ends(redis_url: str, job_id: str) -> None:
    script = """
import logging, sys
from hsi.joblogs import JobLogEmitter
logging.getLogger().addHandler(JobLogEmitter(*sys.argv[1:], patience=60).handler())
logging.error("the last words")
"""
    subprocess.run([sys.executable, "-c", script, redis_url, job_id], check=True, timeout=60)
    assert said(redis_url, job_id) == ["the last words"]


async def test_the_function_and_that_of_events_count_together(redis_url: str, job_id: str) -> None:
    channel = channels.job_logs(job_id)
    async with Publisher(redis_url) as publisher:
        emitter = JobLogEmitter(redis_url, job_id)
        for number in range(3):
            await emitter.info(str(number))
            assert emitter.flush(PATIENCE)
            await publisher.publish(channel, golden("log"))
        emitter.close()
    cursors = [Cursor.parse(message["cursor"]) for message in history(redis_url, job_id)]
    assert [cursor.number for cursor in cursors if cursor] == [1, 2, 3, 4, 5, 6]


def test_a_clock_that_steps_back_or_a_lost_counter_does_not_stop_lines(
    redis_url: str, job_id: str
) -> None:
    log = channels.job_logs(job_id)
    future = 10**13
    with Redis.from_url(redis_url) as redis:
        redis.xadd(channels.history(log), {"m": golden("log")}, id=f"{future}-4")
        with JobLogEmitter(redis_url, job_id) as emitter:
            emitter.info("one")
            emitter.info("two")
            assert emitter.flush(PATIENCE)
            redis.delete(channels.number(log))
        cursors = [message["cursor"] for message in history(redis_url, job_id)]
    assert cursors == [f"{future}-{number}" for number in (4, 5, 6, 7)]


def wait_for(condition: Callable[[], bool], *, within: float = 30) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
