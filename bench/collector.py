"""What the collector costs: the CPU of a round, and its memory over many."""

import asyncio
import gc
import statistics
import time
from pathlib import Path

import psutil

from bench.parts import running
from hsi_service.metrics import Metrics
from local.ai import StandIn
from local.postgres import TABLES, EmbeddedPostgres
from local.processes import free_port
from local.redis import EmbeddedRedis
from services.collector.performance import PerformanceCollector
from services.collector.settings import CollectorSettings

WARM_UP = 100
ROUNDS = 1000
INTERVAL = 0.5
"""Seconds: it decides how long a round may take, and these follow each other without a pause."""
_MIB = 1024**2


async def rounds(settings: CollectorSettings) -> tuple[list[float], list[int]]:
    """Return the milliseconds of CPU of each round, and memory before and after, in bytes."""
    collector = PerformanceCollector(settings, Metrics())
    leading = asyncio.create_task(collector.lease.run())
    process = psutil.Process()
    for _ in range(WARM_UP):
        await collector.round()
    gc.collect()
    memory, used = [process.memory_info().rss], []
    for _ in range(ROUNDS):
        before = time.process_time()
        await collector.round()
        used.append((time.process_time() - before) * 1000)
    gc.collect()
    memory.append(process.memory_info().rss)
    leading.cancel()
    await asyncio.gather(leading, return_exceptions=True)
    await collector.lease.give_up()
    await collector.aclose()
    return used, memory


def main(folder: Path) -> None:
    """Measure and print."""
    redis = EmbeddedRedis(folder / "collector", port=free_port())
    postgres = EmbeddedPostgres(folder / "collector-postgres", port=free_port())
    yolo26 = StandIn("yolo26", port=free_port(), log=folder / "yolo26.log")
    nemotron = StandIn("nemotron", port=free_port(), log=folder / "nemotron.log")
    with running(redis, postgres, yolo26, nemotron):
        postgres.execute(TABLES)
        settings = CollectorSettings(
            redis_url=redis.url,
            database_url=postgres.url,
            yolo26_url=yolo26.url,
            nemotron_url=nemotron.url,
            containers=tuple(f"{name}={yolo26.url}/health" for name in "abcd"),
            broadcast_interval=INTERVAL,
            alert_after=3600,  # a busy machine is none of its business
        )
        used, (before, after) = asyncio.run(rounds(settings))
    worst = statistics.quantiles(used, n=100)[98]
    print(f"\n{'a round of the collector':44} {'median':>8} {'p99':>8}")
    print(f"{'CPU, ms':44} {statistics.median(used):8.2f} {worst:8.2f}")
    print(
        f"memory after {WARM_UP} rounds: {before / _MIB:.1f} MiB;"
        f" after {ROUNDS} more: {after / _MIB:.1f} MiB"
    )
