"""The fan-out benchmark: every server alone on one core, everything else on the other."""

import contextlib
import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import redis

from bench import connections, results
from bench.cores import (
    BenchError,
    Cores,
    Usage,
    allow_descriptors,
    describe,
    memory,
    on_core,
    processes_of,
)
from bench.frames import Messages, WrongDeliveryError
from bench.load import Load
from bench.parts import running
from bench.results import BATCHES, CROWDS, EVENT_SIZE, SIZES
from bench.rows import DESCRIPTORS, ROWS, Row, those_here, versions
from bench.servers.redis_channel import CHANNEL
from bench.summary import percentile
from local.processes import NotReadyError, Process, free_port
from local.redis import EmbeddedRedis

CLIENTS = 1000
RATE = 20.0
"""Messages a second, paced, with 1,000 clients; with others, as many deliveries a second."""
IDLE = 5000
"""Connections among which memory is divided."""
WARM_CLIENTS = 20
FIGURES = ("saturated", "paced", "crowds", "connections", "stalled")
_SUBSCRIBE_TIMEOUT = 5.0
_STOP_TIMEOUT = 2.0
"""Seconds; some wait long for a client that does not read."""
_FILLERS = 10
"""Messages of 64 KB that fill the buffers of those who do not read."""
_MICRO = 1e6
_MILLI = 1e3


class Durations(NamedTuple):
    """How long each measurement takes."""

    warm: float
    saturated: float
    paced: float
    """Seconds of 330 bytes with 1,000 clients, and of what stalled clients are compared by."""
    others: float
    """Seconds of each other paced measurement."""


USUAL = Durations(warm=0.3, saturated=1.0, paced=2.5, others=2.5)
QUICK = Durations(warm=0.2, saturated=0.6, paced=1.5, others=1.0)


class Bench:
    """What all measurements share: a Redis on the load generator's core, and a folder."""

    def __init__(self, redis_url: str, folder: Path, cores: Cores, durations: Durations) -> None:
        self.redis_url = redis_url
        self._folder = folder
        self.cores = cores
        self._durations = durations

    @contextlib.contextmanager
    def serving(self, row: Row, *, channel: str = CHANNEL) -> Iterator[tuple[Load, list[int]]]:
        """Start a server alone on its core; give clients and publishers for it, and its processes.

        Raises:
            BenchError: It is not on this machine.
            NotReadyError: It did not come up.

        """
        with (
            self.started(row, channel=channel) as server,
            Load(
                connections.address(server.url),
                connections.address(server.url if row.publish_path else self.redis_url),
                channel=row.publish_path or channel,
                over_http=bool(row.publish_path),
                subprotocol=row.subprotocol,
            ) as clients,
        ):
            yield clients, processes_of(server.pid)

    @contextlib.contextmanager
    def started(self, row: Row, *, channel: str = CHANNEL) -> Iterator[Process]:
        """Start a server alone on its core.

        Raises:
            BenchError: It is not on this machine.
            NotReadyError: It did not come up.

        """
        server = row.start(self._folder, self.redis_url, channel)
        with on_core(self.cores.server):
            server.spawn()
        try:
            server.wait_ready()
            self._wait_for_workers(row, server.pid)
            yield server
        finally:
            server.stop(_STOP_TIMEOUT)

    def _wait_for_workers(self, row: Row, pid: int) -> None:
        """Wait until a server has all of its processes: nginx listens before its worker is there.

        Raises:
            BenchError: It has not.

        """
        deadline = time.monotonic() + _SUBSCRIBE_TIMEOUT
        while len(processes_of(pid)) < row.processes:
            if time.monotonic() > deadline:
                raise BenchError(f"{row.name} has no {row.processes} processes")
            time.sleep(0.01)

    def wait_until_subscribed(self, row: Row, *, channel: str = CHANNEL) -> None:
        """Wait until a server that reads Redis does.

        Raises:
            BenchError: It does not.

        """
        if row.publish_path:
            return
        deadline = time.monotonic() + _SUBSCRIBE_TIMEOUT
        with redis.Redis.from_url(self.redis_url) as client:
            while not client.pubsub_numsub(channel)[0][1]:
                if time.monotonic() > deadline:
                    raise BenchError("the server did not subscribe")
                time.sleep(0.01)

    # --- measurements, each with a server that was just started or has idle clients ---

    def saturated(
        self, clients: Load, pids: list[int], batch: int, durations: Durations | None = None
    ) -> results.Saturated:
        """Measure deliveries a second."""
        durations = durations or self._durations
        found = clients.saturate(
            Messages(EVENT_SIZE),
            batch,
            warm=durations.warm,
            seconds=durations.saturated,
            pids=pids,
            cores=self.cores,
        )
        used = found.used
        return results.Saturated(
            rate=found.deliveries / used.wall,
            cpu=used.cpu / max(1, found.deliveries) * _MICRO,
            core=used.server_core / used.wall,
            own=(used.cpu + used.interrupts) / used.wall,
            stolen=used.waited / used.wall,
            load_core=used.load_core / used.wall,
        )

    def paced(
        self, clients: Load, pids: list[int], *, size: int, rate: float, seconds: float
    ) -> results.Paced:
        """Measure CPU per delivery, and the time to the last client."""
        count = max(2, round(rate * seconds))
        found = clients.pace(Messages(size), rate, count, pids=pids, cores=self.cores)
        return results.Paced(
            cpu=found.used.cpu / found.deliveries * _MICRO,
            p50=percentile(found.delays, 50) * _MILLI,
            p99=percentile(found.delays, 99) * _MILLI,
            delays=sorted(round(delay * _MILLI, 2) for delay in found.delays),
        )

    def thousand(self, row: Row, figures: Sequence[str], run: results.Run) -> None:
        """Measure what 100 and 1,000 clients show."""
        seconds = self._durations
        with self.serving(row) as (clients, pids):
            clients.connect(CROWDS[0])
            self.wait_until_subscribed(row)
            self._warm(clients, pids)
            if "crowds" in figures:
                rate = RATE * CLIENTS / CROWDS[0]
                run.crowds[str(CROWDS[0])] = self.paced(
                    clients, pids, size=EVENT_SIZE, rate=rate, seconds=seconds.others
                ).cpu
            clients.connect(CLIENTS - CROWDS[0])
            self._warm(clients, pids)
            if "saturated" in figures:
                for batch in BATCHES:
                    run.saturated[str(batch)] = self.saturated(clients, pids, batch)
            if "paced" in figures:
                for size in SIZES:
                    usual = size == EVENT_SIZE
                    run.paced[str(size)] = found = self.paced(
                        clients,
                        pids,
                        size=size,
                        rate=RATE,
                        seconds=seconds.paced if usual else seconds.others,
                    )
                    if usual:
                        run.crowds[str(CLIENTS)] = found.cpu
            if "stalled" in figures:
                clients.connect(1, narrow=True)
                self._stall(clients, pids, 1, run)

    def many(self, row: Row, run: results.Run) -> None:
        """Measure handshakes, memory per connection, and 10,000 clients."""
        with self.serving(row) as (clients, pids):
            clients.connect(WARM_CLIENTS)
            self.wait_until_subscribed(row)
            self._warm(clients, pids)
            before = memory(pids)
            began = Usage.now(pids, self.cores)
            connected = clients.connect(IDLE)
            used = Usage.now(pids, self.cores).since(began)
            run.handshakes = results.Handshakes(
                rate=connected / used.wall,
                core=used.server_core / used.wall,
                cpu=used.cpu / connected * _MICRO,
            )
            time.sleep(0.5)  # What a handshake leaves behind is freed a little later.
            run.memory = (memory(pids) - before) / connected
            clients.connect(CROWDS[-1] - WARM_CLIENTS - IDLE)
            time.sleep(0.5)
            run.memory_of_many = (memory(pids) - before) / (clients.clients - WARM_CLIENTS)
            self._warm(clients, pids)
            rate = RATE * CLIENTS / CROWDS[-1]
            seconds = self._durations.others
            run.crowds[str(CROWDS[-1])] = self.paced(
                clients, pids, size=EVENT_SIZE, rate=rate, seconds=seconds
            ).cpu

    def tenth(self, row: Row, run: results.Run) -> None:
        """Let 10 % of 2,000 clients stall."""
        with self.serving(row) as (clients, pids):
            clients.connect(2 * CLIENTS - CLIENTS // 5)
            clients.connect(CLIENTS // 5, narrow=True)
            self.wait_until_subscribed(row)
            self._warm(clients, pids)
            self._stall(clients, pids, CLIENTS // 5, run)

    def _warm(self, clients: Load, pids: list[int]) -> None:
        self.paced(clients, pids, size=EVENT_SIZE, rate=RATE, seconds=0.1)

    def _stall(self, clients: Load, pids: list[int], count: int, run: results.Run) -> None:
        """Compare the others' delays with and without clients that never read."""
        total = clients.clients
        seconds = self._durations.paced

        def measure() -> results.Paced:
            return self.paced(clients, pids, size=EVENT_SIZE, rate=RATE, seconds=seconds)

        without = measure()
        clients.stall(count)
        found: results.Paced | None = None
        with contextlib.suppress(connections.StuckError):
            clients.prime(Messages(65536), _FILLERS)
            found = measure()
        run.stalled[f"{count} of {round(total, -2)}"] = results.Stalled(
            p50_without=without.p50,
            p99_without=without.p99,
            p50=found.p50 if found else None,
            p99=found.p99 if found else None,
        )


@contextlib.contextmanager
def bench(durations: Durations, *, descriptors: int = DESCRIPTORS) -> Iterator[Bench]:
    """Put this process and a Redis on one core; the other one is for servers.

    Args:
        durations: How long each measurement takes.
        descriptors: Files that each program must be able to have open.

    Raises:
        BenchError: This machine cannot do it.

    """
    cores = Cores.choose()
    allow_descriptors(descriptors)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary, on_core(cores.load):
        folder = Path(temporary)
        database = EmbeddedRedis(folder / "redis", port=free_port(), durable=False)
        # The collector would stop the load generator in the middle of a measurement.
        collected = gc.isenabled()
        gc.disable()
        try:
            with running(database):
                yield Bench(database.url, folder, cores, durations)
        finally:
            if collected:
                gc.enable()


def measure_run(one: Bench, row: Row, figures: Sequence[str], run: results.Run) -> None:
    """Measure one server once; what fails is noted, and the rest goes on."""
    stages: list[tuple[str, Callable[[], None]]] = []
    if {"saturated", "paced", "crowds", "stalled"} & set(figures):
        stages.append(("100 and 1,000 clients", lambda: one.thousand(row, figures, run)))
    if {"connections", "crowds"} & set(figures):
        stages.append(("5,000 and 10,000 clients", lambda: one.many(row, run)))
    if "stalled" in figures:
        stages.append(("2,000 clients", lambda: one.tenth(row, run)))
    for name, stage in stages:
        try:
            stage()
        except (BenchError, WrongDeliveryError, NotReadyError, OSError) as error:
            run.failures[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        gc.collect()


def measure(
    name: str, *, runs: int, quick: bool, figures: Sequence[str], rows: Sequence[str]
) -> results.Results:
    """Measure everything, run by run, every server in each.

    Args:
        name: Of the results.
        runs: How often.
        quick: Shorter measurements.
        figures: Which ones, of FIGURES.
        rows: Which servers, by name.

    Raises:
        BenchError: This machine cannot do it.

    """
    began = time.monotonic()
    found = results.Results(
        name=name,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%MZ"),
        minutes=0,
        quick=quick,
        figures=list(figures),
        machine=describe(),
        versions=versions(),
        rows={row.name: results.Row(row.title) for row in ROWS if row.name in rows},
    )
    present, absent = those_here(row for row in ROWS if row.name in rows)
    for missing, why in absent.items():
        found.rows[missing].absent = why
        say(f"{found.rows[missing].title} is left out: {why}")
    with bench(QUICK if quick else USUAL) as one:
        for number in range(1, runs + 1):
            for row in present:
                say(f"run {number} of {runs}: {row.name}")
                run = results.Run()
                measure_run(one, row, figures, run)
                for figure, why in run.failures.items():
                    say(f"  {figure}: {why}")
                found.rows[row.name].runs.append(run)
    found.minutes = round((time.monotonic() - began) / 60, 1)
    return found


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)
