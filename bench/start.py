"""What a start takes: each service, from the start of its process until it says `ready`."""

import json
import os
import time
from pathlib import Path

from bench.cores import BenchError
from bench.summary import spread
from local.processes import START_TIMEOUT, free_port
from local.service import ServiceProcess

SERVICES = ("events", "joblogs", "system", "collector")
STARTS = 5
NOWHERE = "127.0.0.1:1"
"""Nobody is asked before a service is ready, so nobody needs to be there."""


def start(service: str, folder: Path) -> tuple[float, float]:
    """Start a service with everything configured, and end it; return seconds of the clock and CPU.

    Raises:
        BenchError: It does not say that it is ready.

    """
    log = folder / f"start-{service}.log"
    log.unlink(missing_ok=True)
    process = ServiceProcess(
        service,
        name=service,
        port=free_port(),
        log=log,
        REDIS_URL=f"redis://{NOWHERE}/0",
        DATABASE_URL=f"postgresql://u:p@{NOWHERE}/d",
        YOLO26_URL=f"http://{NOWHERE}",
        NEMOTRON_URL=f"http://{NOWHERE}",
        LOG_FORMAT="json",
        # As in an image: compiled once, when it was made.
        PYTHONDONTWRITEBYTECODE="",
        PYTHONPYCACHEPREFIX=str(folder / "pycache"),
    )
    process.spawn()
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while (found := seconds_in(log.read_text())) is None:
            if time.monotonic() > deadline or process.exit_status() is not None:
                raise BenchError(f"{service} did not start: {process.log_tail()}")
            time.sleep(0.01)
        return found
    finally:
        process.kill()


def seconds_in(log: str) -> tuple[float, float] | None:
    """Return what the line `ready` says, in seconds of the clock and CPU; None: not there yet."""
    for line in log.splitlines(keepends=True):
        if line.endswith("\n") and '"ready"' in line:
            fields = json.loads(line)
            return fields["seconds_to_start"], fields["cpu_seconds_to_start"]
    return None


def main(folder: Path) -> None:
    """Measure and print."""
    print(f"Start of the process to ready, {STARTS} starts, with {os.cpu_count()} cores")
    for service in SERVICES:
        start(service, folder)  # Compiles what has changed.
        starts = [start(service, folder) for _ in range(STARTS)]
        walls, cpus = zip(*starts, strict=True)
        print(f"  {service:10} {spread(walls)} s, {spread(cpus)} s of CPU")
