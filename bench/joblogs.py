"""What a job pays for its log: in the thread that logs, and in its run time."""

import hashlib
import logging
import statistics
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.parts import running
from hsi.joblogs import JobLogEmitter
from local.processes import free_port
from local.redis import EmbeddedRedis

RUNS = 5
LINES = 20_000
BURST = 100_000
STEPS = 2000
"""Lines of the job whose run time is measured: each after about a millisecond of work."""
PATIENCE = 60


class Cost(NamedTuple):
    """What a job takes."""

    wall: float
    """Seconds until it is done."""
    cpu: float
    """Seconds of CPU in all of its threads: less the other programs' doing than the wall's."""


@contextmanager
def logging_to(output: Path | None, redis_url: str | None) -> Iterator[logging.Logger]:
    """Set up a logger of its own; leave it with everything sent."""
    logger = logging.getLogger(f"bench.{uuid.uuid4().hex}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    with ExitStack() as stack:
        if output is not None:
            stream = stack.enter_context(output.open("a"))
            logger.addHandler(logging.StreamHandler(stream))
        if redis_url is not None:
            emitter = JobLogEmitter(redis_url, uuid.uuid4().hex, patience=PATIENCE)
            logger.addHandler(stack.enter_context(emitter).handler())
        yield logger


def per_line(output: Path | None, redis_url: str | None) -> float:
    """Return the microseconds that a line costs the thread that logs it."""
    with logging_to(output, redis_url) as logger:
        began = time.perf_counter()
        for number in range(LINES):
            logger.info("Processing batch %d/%d", number, LINES, extra={"batch_id": "abc123"})
        return (time.perf_counter() - began) / LINES * 1e6


def job(logger: logging.Logger) -> Cost:
    """Work and log; return what it took."""
    began, used = time.perf_counter(), time.process_time()
    digest = b""
    for number in range(STEPS):
        for _ in range(2500):  # in Python, so that it holds the interpreter as jobs do
            digest = hashlib.sha256(digest).digest()
        logger.info("step %d of %d", number, STEPS, extra={"digest": digest.hex()})
    return Cost(time.perf_counter() - began, time.process_time() - used)


def run_time(output: Path, redis_url: str | None) -> Cost:
    """Return what the job takes."""
    with logging_to(output, redis_url) as logger:
        return job(logger)


def burst(redis_url: str) -> float:
    """Return the lines per second that one emitter brings to Redis, the last one included."""
    began = time.perf_counter()
    with JobLogEmitter(redis_url, uuid.uuid4().hex, patience=PATIENCE) as emitter:
        for number in range(BURST):
            emitter.info("Processing batch", number=number)
    return BURST / (time.perf_counter() - began)


def killed_meanwhile(redis: EmbeddedRedis, output: Path) -> Cost:
    """Return what the job takes if Redis is killed while it runs."""
    fault = threading.Timer(0.5, redis.kill)
    fault.start()
    with logging_to(output, redis.url) as logger:
        cost = job(logger)
        fault.join()
        redis.start()  # so that all of the log gets there, after all
    return cost


def main(folder: Path) -> None:
    """Measure and print."""
    redis = EmbeddedRedis(folder / "joblogs", port=free_port())
    output = folder / "job.log"
    with running(redis):
        rows = [
            (per_line(None, None), per_line(output, None), per_line(None, redis.url))
            for _ in range(RUNS + 1)
        ][1:]  # the first warms up
        nothing, stream, ours = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"\n{'µs per line, in the thread that logs':44} {'median':>8}")
        for name, figure in (
            ("no handler", nothing),
            ("StreamHandler, to a file", stream),
            ("the job's handler", ours),
        ):
            print(f"{name:44} {figure:8.2f}")
        speeds = [burst(redis.url) for _ in range(RUNS)]
        print(f"\nlines/s of one emitter, {BURST} lines: median {statistics.median(speeds):.0f}")
        times = [
            (
                run_time(output, None),
                run_time(output, redis.url),
                killed_meanwhile(redis, output),
            )
            for _ in range(RUNS + 1)
        ][1:]
        print(f"\n{'a job that logs, s':44} {'wall':>8} {'ratio':>8} {'CPU':>8} {'ratio':>8}")
        for column, name in enumerate(
            ("StreamHandler", "and its log", "and its log, Redis killed meanwhile")
        ):
            figures = []
            for kind in range(len(Cost._fields)):
                figures.append(statistics.median(row[column][kind] for row in times))
                figures.append(statistics.median(row[column][kind] / row[0][kind] for row in times))
            print(f"{name:44}", *(f"{figure:8.3f}" for figure in figures))
