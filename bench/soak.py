"""`make soak`: 5,000 clients that come and go. Memory and descriptors stay flat."""

import gc
import statistics
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil
import pygal

from bench.cores import BenchError, Usage, memory
from bench.fanout import USUAL, bench, say
from bench.frames import Messages
from bench.plot import STYLE
from bench.results import EVENT_SIZE
from bench.rows import ROWS

CLIENTS = 5000
CHURN = 250
"""Clients that leave, and as many that come, in each round: half of them without a word."""
RATE = 2.0
"""Messages a second, each to all clients."""
ROUND = 5.0
"""Seconds in which messages are sent before some leave again."""
WARM = 0.2
"""Part of the time after which everything has been as large as it gets."""
GROWTH = 1.03
"""Times that the second half may be of the first."""
_MIB = 1024**2


class Sample(NamedTuple):
    """What the service held after a round, with all clients connected."""

    minute: float
    memory: int
    """Bytes, what is shared in proportion (PSS)."""
    descriptors: int


class Found(msgspec.Struct):
    """What came of it."""

    clients: int
    churned: int
    """Clients that came and left."""
    deliveries: int
    cpu_s: float
    samples: list[Sample]
    empty_before: int
    """Bytes without any client."""
    empty_after: int

    def growth(self, figure: str) -> float:
        """Return the median of the second half over that of the first, after warming up."""
        values = [getattr(sample, figure) for sample in self.samples]
        values = values[round(len(values) * WARM) :]
        half = len(values) // 2
        return float(statistics.median(values[half:]) / statistics.median(values[:half]))


def soak(minutes: float) -> Found:
    """Let clients come, hear and go; every message is counted at every client.

    Raises:
        BenchError: This machine cannot do it.
        WrongDeliveryError: A client did not get exactly what was published.

    """
    row = next(row for row in ROWS if row.name == "ours")
    samples: list[Sample] = []
    churned = deliveries = 0
    with bench(USUAL) as one, one.serving(row) as (clients, pids):
        service = psutil.Process(pids[0])
        clients.connect(1)
        one.wait_until_subscribed(row)
        empty_before = memory(pids)
        clients.connect(CLIENTS - 1)
        began = Usage.now(pids, one.cores)
        until = began.wall + minutes * 60
        while time.perf_counter() < until:
            count = round(RATE * ROUND)
            paced = clients.pace(Messages(EVENT_SIZE), RATE, count, pids=pids, cores=one.cores)
            deliveries += paced.deliveries
            samples.append(
                Sample((time.perf_counter() - began.wall) / 60, memory(pids), service.num_fds())
            )
            churned += clients.leave(CHURN)
            clients.connect(CHURN)
            gc.collect()
            if len(samples) % 20 == 0:
                last = samples[-1]
                say(
                    f"{last.minute:.1f} min: {last.memory / _MIB:.1f} MiB, {last.descriptors} files"
                )
        used = Usage.now(pids, one.cores).since(began)
        clients.leave(clients.clients - 4)
        time.sleep(5)  # The service looks for what remains of those that left every second.
        empty_after = memory(pids)
    return Found(
        CLIENTS, churned, deliveries, round(used.cpu, 1), samples, empty_before, empty_after
    )


def svg(found: Found) -> bytes:
    """Return memory and descriptors over time."""
    chart = pygal.XY(
        title=f"{found.clients:,} clients, {found.churned:,} came and left",
        style=STYLE,
        width=1000,
        height=400,
        js=[],
        no_prefix=True,
        legend_at_bottom=True,
        dots_size=1,
        include_x_axis=True,
        x_title="minutes",
        secondary_range=(0, found.clients * 1.5),
        x_value_formatter=lambda value: f"{value:.0f}",
        value_formatter=lambda value: f"{value:,.0f}",
    )
    chart.add("memory, MiB (PSS)", [(s.minute, s.memory / _MIB) for s in found.samples])
    chart.add("descriptors", [(s.minute, s.descriptors) for s in found.samples], secondary=True)
    image: bytes = chart.render()
    return image


def main(folder: Path, minutes: float) -> None:
    """Soak, write what was found, and end with status 1 if something grew."""
    found = soak(minutes)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_bytes(msgspec.json.encode(found) + b"\n")
    (folder / "plot.svg").write_bytes(svg(found))
    growth = {figure: found.growth(figure) for figure in ("memory", "descriptors")}
    print(
        f"{minutes:.0f} minutes, {found.clients:,} clients, {found.churned:,} came and left, "
        f"{found.deliveries:,} deliveries, {found.cpu_s:.0f} s of CPU.\n"
        f"Second half over first: memory {growth['memory']:.3f}, "
        f"descriptors {growth['descriptors']:.3f}. "
        f"Without clients: {found.empty_before / _MIB:.1f} MiB before, "
        f"{found.empty_after / _MIB:.1f} MiB after."
    )
    if max(growth.values()) > GROWTH:
        sys.exit(f"error: something grew more than {GROWTH - 1:.0%}")


if __name__ == "__main__":
    try:
        main(
            Path(__file__).parent / "results/soak",
            float(sys.argv[1]) if len(sys.argv) > 1 else 30,
        )
    except BenchError as error:
        sys.exit(f"error: {error}")
