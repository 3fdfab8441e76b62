"""What a run of the benchmark found: its JSON, its table, and the README's paragraph. Pure."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from bench.summary import median, percentile, ratio, short, spread

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
    """Our deliveries per CPU second over the reference's, as tests/test_fanout_guard.py has it."""


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


def table(results: Results) -> str:
    """Return everything as Markdown."""
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in results.versions.items())
    runs = max((len(row.runs) for row in results.rows.values()), default=0)
    parts = [
        f"# {results.name}",
        f"{results.made}, {results.minutes:.0f} minutes, {runs} interleaved runs"
        + (", quick: shorter measurements than usual" if results.quick else "")
        + f".\nMachine: {machine}.\nVersions: {versions}.",
        "Medians (least to greatest). bench/README.md says how each figure is made.",
    ]
    for title, columns in _TABLES:
        found = (_line(row, columns) for row in results.rows.values())
        lines = [line for line in found if line]
        if lines:
            head = ["", *(name for name, *_ in columns)]
            parts.append(f"## {title}")
            parts.append("\n".join([_cells(head), _cells(["---"] * len(head)), *lines]))
    parts += _delays(results)
    parts += _stalled(results)
    parts += _notes(results)
    return "\n\n".join(parts) + "\n"


Column = tuple[str, Callable[[Run], float | None], float]
_TABLES: tuple[tuple[str, tuple[Column, ...]], ...] = (
    (
        "Saturated: 1,000 deliveries a second, 1,000 clients, 330 bytes, by batch",
        tuple((f"{batch}", rate(batch), 1e-3) for batch in BATCHES),
    ),
    (
        "Saturated: the server's CPU, µs per delivery, by batch",
        tuple((f"{batch}", cpu(batch), 1) for batch in BATCHES),
    ),
    (
        "Paced: the server's CPU, µs per delivery, by number of clients",
        tuple((f"{clients:,}", crowd(clients), 1) for clients in CROWDS),
    ),
    (
        "Connections",
        (
            ("KB per idle connection, of 5,000", memory, 1),
            ("of 10,000", memory_of_many, 1),
            ("handshakes/s", handshakes, 1),
        ),
    ),
)


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _line(row: Row, columns: Iterable[Column]) -> str | None:
    cells = [spread(medians(row, figure), scale) for _, figure, scale in columns]
    return _cells([row.title, *cells]) if any(cell != "-" for cell in cells) else None


def _delays(results: Results) -> list[str]:
    lines: list[str] = []
    for row in results.rows.values():
        cells = [
            _within(delay(row, size, percent), medians(row, paced(size, f"p{percent}")))
            for size in SIZES
            for percent in PERCENTS
        ]
        if any(cell != "-" for cell in cells):
            lines.append(_cells([row.title, *cells]))
    if not lines:
        return []
    head = ["", *(f"{size:,}: p{percent}" for size in SIZES for percent in PERCENTS)]
    return [
        "## Paced: publish to last client of 1,000, milliseconds, by bytes per message",
        "Of all runs' messages together (least to greatest of a run).",
        "\n".join([_cells(head), _cells(["---"] * len(head)), *lines]),
    ]


def _within(value: float | None, runs: Sequence[float]) -> str:
    """Return a figure with the least and the greatest of its runs."""
    if value is None:
        return "-"
    return f"{short(value)} ({short(min(runs))} to {short(max(runs))})"


def _stalled(results: Results) -> list[str]:
    lines: list[str] = []
    for row in results.rows.values():
        for who in sorted({who for run in row.runs for who in run.stalled}):
            pairs = [run.stalled[who] for run in row.runs if who in run.stalled]
            without = median([pair.p99_without for pair in pairs])
            got = [pair.p99 for pair in pairs if pair.p99 is not None]
            if len(got) < len(pairs):
                with_them, change = "nothing arrives any more", "-"
            else:
                with_them, change = short(median(got)), short(ratio(median(got), without))
            lines.append(_cells([row.title, who, short(without), with_them, change]))
    if not lines:
        return []
    head = ["", "stalled", "p99 without", "p99 with", "ratio"]
    return [
        "## Clients that never read: publish to last of the others, ms",
        "\n".join([_cells(head), _cells(["---"] * len(head)), *lines]),
    ]


def _notes(results: Results) -> list[str]:
    notes: list[str] = []
    for row in results.rows.values():
        if row.absent:
            notes.append(f"{row.title} is not here: {row.absent}.")
        for number, run in enumerate(row.runs, 1):
            notes += [
                f"{row.title}, run {number}, batch {batch}: does not count, {found.why_not}."
                for batch, found in run.saturated.items()
                if found.why_not
            ]
            notes += [
                f"{row.title}, run {number}, {figure}: failed, {why}."
                for figure, why in run.failures.items()
            ]
            if run.handshakes and run.handshakes.core < SATURATED:
                notes.append(
                    f"{row.title}, run {number}, handshakes: its core was "
                    f"{run.handshakes.core:.0%} busy, so this is a lower bound."
                )
    return ["## What does not count, and why", "\n".join(f"- {note}" for note in notes)] * bool(
        notes
    )


def paragraph(results: Results) -> str:
    """Return what the README says: figures of one committed run, and where they are from."""

    def of(name: str, figure: Callable[[Run], float | None]) -> float | None:
        row = results.rows.get(name)
        return median(medians(row, figure)) if row else None

    def slow(name: str) -> float | None:
        row = results.rows.get(name)
        return delay(row, EVENT_SIZE, 99) if row else None

    def times(other: str, title: str) -> str | None:
        row = results.rows.get(other)
        if row is None or row.absent:
            return f"{title} is not on that machine"
        found = ratio(of("ours", rate(20)), of(other, rate(20)))
        return f"{short(found)} times {title}" if found is not None else None

    rates = [
        f"{_thousands(found)} deliveries/s in batches of {batch}"
        for batch in BATCHES
        if (found := of("ours", rate(batch))) is not None
    ]
    compared = [
        text
        for text in (times("seed", "the loop of the seed"), times("nchan", "Nchan"))
        if text is not None
    ]
    in_batches = f"In batches of 20: {'; '.join(compared)}. " if compared else ""
    columns: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("deliveries/s, batch of 1", lambda name: _thousands(of(name, rate(1)))),
        ("batch of 20", lambda name: _thousands(of(name, rate(20)))),
        ("CPU per delivery, paced", lambda name: f"{short(of(name, paced(330, 'cpu')))} µs"),
        ("last of 1,000 clients, p99", lambda name: f"{short(slow(name))} ms"),
        ("per connection", lambda name: f"{short(of(name, memory))} KB"),
        ("handshakes/s", lambda name: short(of(name, handshakes))),
    )
    head = ["one core", *(title for title, _ in columns)]
    lines = [_cells(head), _cells(["---", *["---:"] * len(columns)])]
    for name, row in results.rows.items():
        if not row.absent:
            lines.append(_cells([row.title, *(cell(name) for _, cell in columns)]))
    runs = max((len(row.runs) for row in results.rows.values()), default=0)
    machine = results.machine
    text = (
        f"On one core of {machine.get('cpu', 'some machine')} (kernel {machine.get('kernel')}, "
        f"Python {machine.get('python')}), with 1,000 clients and a {EVENT_SIZE}-byte event: "
        f"{', '.join(rates) or 'no saturated figure of ours counts in this run'}. "
        f"{in_batches}"
        f"Medians of {runs} interleaved run{'s' * (runs != 1)}{' (a quick one)' * results.quick}; "
        f"a dash: not saturated, or not alone on its core, so it does not count. `make bench` "
        f"makes them on your machine; [all figures](bench/results/{results.name}/table.md), "
        f"[plot](bench/results/{results.name}/plot.svg)."
    )
    return f"{_wrap(text)}\n\n" + "\n".join(lines)


def _thousands(value: float | None) -> str:
    return "-" if value is None else f"{round(value / 1000):,} k"


def _wrap(text: str, width: int = 100) -> str:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


def into_readme(readme: str, text: str) -> str:
    """Return the README with the paragraph between its markers.

    Raises:
        ValueError: A marker is missing.

    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the README has no markers for the benchmark")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def from_readme(readme: str) -> str:
    """Return the paragraph that the README has."""
    return readme.partition(BEGIN)[2].partition(END)[0].strip()
