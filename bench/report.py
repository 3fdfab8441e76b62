"""The results as text: the table, and the README's paragraph."""

from collections.abc import Callable, Iterable, Sequence

from bench.results import (
    BATCHES,
    BEGIN,
    CROWDS,
    END,
    EVENT_SIZE,
    PERCENTS,
    SATURATED,
    SIZES,
    Results,
    Row,
    Run,
    cpu,
    cpu_of_handshake,
    crowd,
    delay,
    handshakes,
    medians,
    memory,
    memory_of_many,
    paced,
    rate,
)
from bench.summary import median, ratio, short, spread
from bench.targets import table as ratios


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
    if compared := ratios(results):
        parts += ["## Ours over the fastest peers: ratios of medians", compared]
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
    (
        "Handshakes: the server's CPU",
        (("µs for each", cpu_of_handshake, 1),),
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
        if row is None:
            return None
        if row.absent:
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
        for text in (
            times("seed", "the loop of the seed"),
            times("nchan", "Nchan"),
            times("bun", "Bun (uWebSockets, in C++)"),
        )
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
        # An earlier checkout is for those who work on it.
        if not row.absent and name != "baseline":
            lines.append(_cells([row.title, *(cell(name) for _, cell in columns)]))
    runs = max((len(row.runs) for row in results.rows.values()), default=0)
    machine = results.machine
    text = (
        f"On one core of {machine.get('cpu', 'some machine')} (kernel {machine.get('kernel')}, "
        f"Python {machine.get('python')}), with 1,000 clients and a {EVENT_SIZE}-byte event: "
        f"{', '.join(rates) or 'no saturated figure of this project counts in this run'}. "
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
