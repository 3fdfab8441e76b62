"""A stage says how long it took, in microseconds, and whatever becomes of Redis."""

import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from hsi.latency import (
    FIELD,
    MAX_SAMPLES,
    WINDOW,
    LatencyRecorder,
    Timed,
)
from hsi.schemas import channels
from hsi_service.sources import SourceError
from services.collector.latencies import Latencies, Latency, Window, latency_of
from tests.clients import until
from tests.servers import RedisServer, busy, close_connections

NOW = 10_000_000
"""Milliseconds; later than the entries of these tests."""


@pytest.fixture
def stage() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def start_recorder() -> Iterator[Callable[[str], LatencyRecorder]]:
    started: list[LatencyRecorder] = []

    def start(redis_url: str) -> LatencyRecorder:
        started.append(LatencyRecorder(redis_url))
        return started[-1]

    yield start
    for recorder in started:
        recorder.close(patience=10)


async def figures(redis_url: str, stage: str) -> Latency | None:
    latencies = Latencies(redis_url, name="test", stages=[stage])
    try:
        return (await latencies.read())[stage]
    except SourceError:  # a busy machine
        return None
    finally:
        await latencies.aclose()


def test_percentiles_are_interpolated() -> None:
    assert latency_of([]) is None
    assert latency_of([7.0]) == Latency(avg=7, p95=7, p99=7, samples=1)
    # What numpy.percentile says of 0 to 100 and of two values.
    assert latency_of([float(n) for n in range(101)]) == Latency(
        avg=50, p95=95, p99=99, samples=101
    )
    two = latency_of([0.0, 10.0])
    assert two is not None
    assert (two.avg, two.p95, two.p99) == pytest.approx((5, 9.5, 9.9))


@pytest.mark.parametrize("rubbish", [None, "", "fast", "nan", "inf", "-1", "1e300", {}])
def test_rubbish_in_a_stream_is_no_sample(rubbish: object) -> None:
    window = Window()
    window.add("1000-0", "5.0", NOW)
    window.add("1000-1", rubbish, NOW)
    assert window.last == "1000-1"
    assert window.latency(1000) == Latency(avg=5, p95=5, p99=5, samples=1)


def test_a_sample_counts_for_five_minutes() -> None:
    window = Window()
    window.add("1000-0", "5", NOW)
    window.add("2000-0", "7", NOW)
    end = 1000 + int(WINDOW * 1000)
    assert [window.latency(now) and window.latency(now).samples for now in (end, end + 1)] == [2, 1]  # type: ignore[union-attr]  # its and
    assert window.latency(end + 1001) is None


def test_a_sample_of_the_future_ages_like_all_others() -> None:
    window = Window()
    window.add(f"{2**63}-0", "5", NOW)
    assert window.latency(NOW) == Latency(avg=5, p95=5, p99=5, samples=1)
    assert window.latency(NOW + int(WINDOW * 1000) + 1) is None


async def test_what_stages_say_is_read_as_it_was(
    redis_url: str, stage: str, start_recorder: Callable[[str], LatencyRecorder]
) -> None:
    samples = [float(n % 97) for n in range(3000)]  # more than a page
    recorder = start_recorder(redis_url)
    for sample in samples:
        recorder.record(stage, sample)

    async def all_there() -> bool:
        found = await figures(redis_url, stage)
        return found is not None and found.samples == len(samples)

    await until(all_there, within=30)
    found = await figures(redis_url, stage)
    assert found is not None
    assert found.avg == pytest.approx(statistics.fmean(samples))
    with Redis.from_url(redis_url) as redis:
        assert 0 < redis.ttl(channels.latency(stage)) <= 3600


async def test_a_later_reading_brings_only_what_is_new_and_notices_a_wiped_redis(
    redis_url: str, stage: str
) -> None:
    key = channels.latency(stage)
    latencies = Latencies(redis_url, name="test", stages=[stage, "never"])
    with Redis.from_url(redis_url) as redis:
        assert await latencies.read() == {stage: None, "never": None}
        for values in ((10,), (20,)):
            for value in values:
                redis.xadd(key, {FIELD: value})
            found = (await latencies.read())[stage]
        assert found is not None
        assert (found.avg, found.samples) == (15, 2)
        redis.delete(key)
        earlier = int(time.time() * 1000) - 60_000
        redis.xadd(key, {FIELD: 99}, id=f"{earlier}-0")  # a clock that is behind
        found = (await latencies.read())[stage]
        assert found == Latency(avg=99, p95=99, p99=99, samples=1)
        redis.delete(key)
        redis.set(key, "something else")
        await latencies.read()
        redis.delete(key)
    await latencies.aclose()


async def test_without_redis_reading_says_so() -> None:
    latencies = Latencies("redis://127.0.0.1:1/0", name="test", stages=["yolo26"])
    with pytest.raises(SourceError, match="Redis cannot be reached"):
        await latencies.read()
    await latencies.aclose()


async def test_reading_goes_on_over_a_closed_connection_and_names_a_busy_script(
    own_redis: RedisServer, stage: str
) -> None:
    latencies = Latencies(own_redis.url, name="test", stages=[stage])
    assert await latencies.read() == {stage: None}
    close_connections(own_redis.url)
    assert await latencies.read() == {stage: None}
    with busy(own_redis.url), pytest.raises(SourceError, match="Redis is busy with a script"):
        await latencies.read()
    assert await latencies.read() == {stage: None}
    await latencies.aclose()


def test_a_redis_url_that_cannot_work_costs_one_line_and_no_sample_raises() -> None:
    program = "from hsi.latency import record_latency as r; r('yolo26', 1); r('yolo26', 2)"
    environment = os.environ | {"REDIS_URL": "redis://:hunter2@h?tls=true"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    [line] = done.stderr.splitlines()
    assert line.startswith("latencies are not recorded: REDIS_URL: tls: not known")


def test_a_stage_keeps_a_bounded_number_of_samples(redis_url: str, stage: str) -> None:
    recorder = LatencyRecorder(redis_url)
    with Redis.from_url(redis_url) as redis:
        with redis.pipeline(transaction=False) as commands:
            for _ in range(MAX_SAMPLES + 500):
                commands.xadd(channels.latency(stage), {FIELD: 1})
            commands.execute()
        recorder.record(stage, 1)
        recorder.close(patience=30)
        assert redis.xlen(channels.latency(stage)) <= MAX_SAMPLES + 200  # trimmed by the node
        redis.delete(channels.latency(stage))


async def test_blocks_functions_and_coroutines_are_timed_unless_they_raise() -> None:
    said: list[tuple[str, float]] = []

    def record(stage: str, milliseconds: float) -> None:
        said.append((stage, milliseconds))

    with Timed(record, "block"):
        time.sleep(0.01)  # noqa: ASYNC251 (something that takes its time)

    @Timed(record, "function")
    def function(value: int) -> int:
        return value + 1

    @Timed(record, "coroutine")
    async def coroutine(value: int) -> int:
        return value + 2

    assert function(1) == 2
    assert await coroutine(1) == 3
    with pytest.raises(ZeroDivisionError), Timed(record, "failing"):
        1 / 0  # noqa: B018
    assert [stage for stage, _ in said] == ["block", "function", "coroutine"]
    assert said[0][1] >= 10


@pytest.mark.parametrize("rubbish", [float("nan"), float("inf"), -1, 1e12, "12", None, True])
def test_what_is_no_duration_breaks_nothing(rubbish: object) -> None:
    recorder = LatencyRecorder("redis://127.0.0.1:1/0")
    recorder.record("yolo26", rubbish)  # type: ignore[arg-type]
    recorder.record("", 1)
    recorder.record("x" * 1000, 1)
    recorder.close()


async def test_samples_outlive_an_outage_and_the_stage_never_waits(
    own_redis: RedisServer, stage: str, start_recorder: Callable[[str], LatencyRecorder]
) -> None:
    recorder = start_recorder(own_redis.url)
    own_redis.kill()
    began = time.perf_counter()
    for _ in range(1000):
        recorder.record(stage, 12.5)
    assert time.perf_counter() - began < 1  # a guard: it takes milliseconds
    own_redis.start()

    async def all_there() -> bool:
        found = await figures(own_redis.url, stage)
        return found is not None and found.samples >= 1000

    await until(all_there, within=30)


def test_a_short_program_leaves_its_samples_behind(redis_url: str, stage: str) -> None:
    program = f"""
import os
from hsi.latency import record_latency, timed
record_latency({stage!r}, 45.2)
with timed({stage!r}):
    pass
"""
    environment = os.environ | {"REDIS_URL": redis_url}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    with Redis.from_url(redis_url) as redis:
        assert redis.xlen(channels.latency(stage)) == 2


def test_a_child_sends_its_own_samples_and_not_its_parents(redis_url: str, stage: str) -> None:
    program = f"""
import os
from hsi.latency import LatencyRecorder
recorder = LatencyRecorder({redis_url!r})
recorder.record({stage!r}, 1)
if (child := os.fork()) == 0:
    recorder.record({stage!r}, 2)
    recorder.close(10)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
recorder.close(10)
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=60)
    with Redis.from_url(redis_url) as redis:
        assert redis.xlen(channels.latency(stage)) == 2
