"""What a run of the benchmark found: its JSON, its table, and the README's paragraph. Pure."""

from collections.abc import Callable

import msgspec

from bench.summary import percentile

SATURATED = 0.95
"""Share of its core that a saturated server uses, at least; otherwise the row does not count."""
STOLEN = 0.05
"""Share of the time that others may take from it."""
BATCHES = (1, 5, 20)
SIZES = (100, 330, 4096, 65536)
PERCENTS = (50, 99)
EVENT_SIZE = 330
"""Bytes of a security event: the size of the golden one."""
CROWDS = (100, 1000, 10_000)
COMMITTED = "two-core"
"""Name of the run that the README and the guard of `make test` read."""
BEGIN, END = "<!-- benchmark: made by `python -m bench readme` -->", "<!-- end of benchmark -->"


class Saturated(msgspec.Struct, forbid_unknown_fields=True):
    """One saturated measurement."""

    rate: float
    """Deliveries a second."""
    cpu: float
    """Microseconds of the server's CPU per delivery."""
    core: float
    """Share of the time that the server's core was busy."""
    own: float
    """Share of the time that the server ran, or interrupts on its core did."""
    stolen: float
    """Share of the time that the server wanted its core and others had it."""
    load_core: float
    """Share of the time that the other core was busy: load generator, feeder, Redis."""

    @property
    def why_not(self) -> str | None:
        """Say why it does not count, or None if it does."""
        if self.core < SATURATED:
            if self.load_core > self.core:
                return f"the load generator was the bottleneck (its core {self.load_core:.0%} busy)"
            return f"its core was {self.core:.0%} busy"
        if self.stolen > STOLEN:
            return f"other programs had {self.stolen:.0%} of its core"
        if self.own < SATURATED - STOLEN:
            return f"it used {self.own:.0%} of its core, and other programs the rest"
        return None


class Paced(msgspec.Struct, forbid_unknown_fields=True):
    """One measurement at a fixed rate."""

    cpu: float
    """Microseconds of the server's CPU per delivery."""
    p50: float
    """Milliseconds from publishing until the last client has the whole message: the median."""
    p99: float
    """The 99th percentile."""
    delays: list[float]
    """Those of all messages, the least first."""


class Handshakes(msgspec.Struct, forbid_unknown_fields=True):
    """Many clients that come at once."""

    rate: float
    """Handshakes a second."""
    core: float
    """Share of the time that the server's core was busy."""
    cpu: float | None = None
    """Microseconds of the server's CPU for each; earlier runs have not kept it."""


class Stalled(msgspec.Struct, forbid_unknown_fields=True):
    """Some clients that never read, and what the others notice: ms to the last of them."""

    p50_without: float
    p99_without: float
    p50: float | None
    """None: the others got nothing any more."""
    p99: float | None


class Run(msgspec.Struct, forbid_unknown_fields=True):
    """One run of one server; what was not measured, or failed, is missing."""

    saturated: dict[str, Saturated] = {}
    """By batch size."""
    paced: dict[str, Paced] = {}
    """By message size, with 1,000 clients."""
    crowds: dict[str, float] = {}
    """Microseconds of CPU per delivery, paced, by number of clients."""
    memory: float | None = None
    """Bytes per idle connection, of 5,000."""
    memory_of_many: float | None = None
    """The same, of 10,000."""
    handshakes: Handshakes | None = None
    stalled: dict[str, Stalled] = {}
    """By who stalls: "1 of 1000", "200 of 2000"."""
    failures: dict[str, str] = {}
    """What went wrong, by figure."""


class Row(msgspec.Struct, forbid_unknown_fields=True):
    """One server, or why it was not measured."""

    title: str
    runs: list[Run] = []
    absent: str | None = None


class Results(msgspec.Struct, forbid_unknown_fields=True):
    """One invocation of the benchmark."""

    name: str
    made: str
    """When, UTC."""
    minutes: float
    quick: bool
    figures: list[str]
    machine: dict[str, str]
    versions: dict[str, str]
    rows: dict[str, Row]
    guard: list[float] = []
    """Our deliveries per CPU second over the reference's, as the regression test measures them."""


def medians(row: Row, figure: Callable[[Run], float | None]) -> list[float]:
    """Return a figure of every run that has it.

    None of our figures can be 0; one that is was measured at a process that does not do the work.
    """
    return [value for run in row.runs if (value := figure(run))]


def rate(batch: int) -> Callable[[Run], float | None]:
    """Return how to get saturated deliveries/s, of a run in which they count."""

    def get(run: Run) -> float | None:
        found = run.saturated.get(str(batch))
        return found.rate if found and not found.why_not else None

    return get


def cpu(batch: int) -> Callable[[Run], float | None]:
    """Return how to get CPU per delivery of a saturated server."""

    def get(run: Run) -> float | None:
        found = run.saturated.get(str(batch))
        return found.cpu if found else None

    return get


def paced(size: int, name: str) -> Callable[[Run], float | None]:
    """Return how to get one of a paced measurement's figures."""

    def get(run: Run) -> float | None:
        found = run.paced.get(str(size))
        return None if found is None else float(getattr(found, name))

    return get


def delay(row: Row, size: int, percent: float) -> float | None:
    """Return a percentile of the delays of all runs' messages, in milliseconds.

    Of one run's fifty messages the 99th percentile is the slowest: a matter of luck.
    """
    runs = (run.paced.get(str(size)) for run in row.runs)
    delays = [delay for found in runs if found for delay in found.delays]
    return percentile(delays, percent) if delays else None


def crowd(clients: int) -> Callable[[Run], float | None]:
    """Return how to get CPU per delivery with so many clients."""
    return lambda run: run.crowds.get(str(clients))


def memory(run: Run) -> float | None:
    """Return KB per connection."""
    return None if run.memory is None else run.memory / 1000


def memory_of_many(run: Run) -> float | None:
    """Return KB per connection, of 10,000."""
    return None if run.memory_of_many is None else run.memory_of_many / 1000


def handshakes(run: Run) -> float | None:
    """Return handshakes/s."""
    return run.handshakes.rate if run.handshakes else None


def cpu_of_handshake(run: Run) -> float | None:
    """Return microseconds of CPU per handshake."""
    return run.handshakes.cpu if run.handshakes else None
