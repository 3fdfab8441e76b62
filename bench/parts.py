"""What the benchmarks run."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from local.processes import Process, free_port
from local.redis import EmbeddedRedis
from local.service import ServiceProcess

EVENT = (Path(__file__).parent.parent / "tests/golden/event.json").read_bytes()


@contextlib.contextmanager
def running(*processes: Process) -> Iterator[None]:
    """Run programs side by side."""
    try:
        for process in processes:
            process.spawn()
        for process in processes:
            process.wait_ready()
        yield
    finally:
        for process in reversed(processes):
            process.stop()


def events_service(redis: EmbeddedRedis, folder: Path, *, channel: str) -> ServiceProcess:
    """Return a replica of the events service."""
    port = free_port()
    return ServiceProcess(
        "events",
        name=f"events-{port}",
        port=port,
        log=folder / f"events-{port}.log",
        REDIS_URL=redis.url,
        REDIS_EVENT_CHANNEL=channel,
        MAX_CONNECTIONS="0",
        MAX_CONNECTIONS_PER_IP="0",
        HANDSHAKE_RATE_LIMIT="0",
        DRAIN_DELAY="0",
        DRAIN_WINDOW="0",
    )
