"""`make bench`, or a part of it: `python -m bench --help`."""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bench import (
    attackers,
    attacks,
    collector,
    compression,
    continuity,
    dashboard,
    fanout,
    home_assistant,
    joblogs,
    latency,
    reconnects,
    report,
    results,
    start,
    storm,
    subscribers,
)
from bench import regression as guard
from bench.cores import BenchError
from bench.plot import svg
from bench.rows import ROWS

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench/results"
README = ROOT / "README.md"
GUARD_ROUNDS = 5
PARTS = {
    "start": start.main,
    "latency": latency.main,
    "home_assistant": home_assistant.main,
    "continuity": continuity.main,
    "joblogs": joblogs.main,
    "collector": collector.main,
    "dashboard": dashboard.main,
    "subscribers": subscribers.main,
    "storm": storm.main,
    "compression": compression.main,
}
"""What prints its figures, and keeps none."""


def run_fanout(arguments: argparse.Namespace) -> None:
    """Measure the fan-out, and write what was found.

    Raises:
        BenchError: This machine cannot do it.

    """
    every = set(arguments.only) == set(fanout.FIGURES) and len(arguments.rows) == len(ROWS)
    name = arguments.name or (
        "partial" if not every else "quick" if arguments.quick else results.COMMITTED
    )
    found = fanout.measure(
        name,
        runs=arguments.runs,
        quick=arguments.quick,
        figures=arguments.only,
        rows=arguments.rows,
    )
    if every:
        fanout.say("guard")
        found.guard = [round(ratio, 2) for ratio in guard.ratios(GUARD_ROUNDS)]
    folder = RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    write(found, folder)
    print(report.table(found))
    print(f"In {folder.relative_to(ROOT)}, after {found.minutes} minutes.")
    if name == results.COMMITTED:
        write_readme()


def write(found: results.Results, folder: Path) -> None:
    """Write the table and the plot."""
    (folder / "table.md").write_text(report.table(found))
    (folder / "plot.svg").write_bytes(svg(found))


def write_readme() -> None:
    """Write the README's paragraph from the committed run, and its table and plot anew."""
    committed = RESULTS / results.COMMITTED / "results.json"
    found = msgspec.json.decode(committed.read_bytes(), type=results.Results)
    write(found, committed.parent)
    README.write_text(report.into_readme(README.read_text(), report.paragraph(found)))
    print(f"README.md has the figures of {committed.relative_to(ROOT)}.")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what",
        nargs="?",
        default="all",
        choices=("all", *PARTS, "attacks", "fanout", "guard", "readme"),
    )
    parser.add_argument("--runs", type=int, default=None, help="interleaved runs (5; quick: 1)")
    parser.add_argument("--quick", action="store_true", help="one short run")
    parser.add_argument("--name", help="of the folder in bench/results")
    parser.add_argument("--only", type=_list_of(fanout.FIGURES), default=list(fanout.FIGURES))
    names = [row.name for row in ROWS]
    parser.add_argument("--rows", type=_list_of(names), default=names)
    every = list(attackers.ATTACKS)
    parser.add_argument("--attacks", type=_list_of(every), default=every)
    arguments = parser.parse_args()
    arguments.runs = arguments.runs or (1 if arguments.quick else 5)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, measure in PARTS.items():
                if arguments.what in {"all", name}:
                    measure(Path(folder))
            if arguments.what == "attacks":
                attacks.main(Path(folder), arguments.attacks)
        if arguments.what in {"all", "storm"}:
            reconnects.main(runs=arguments.runs, quick=arguments.quick)
        if arguments.what in {"all", "fanout"}:
            run_fanout(arguments)
        if arguments.what == "guard":
            print(*(f"{ratio:.2f}" for ratio in guard.ratios(GUARD_ROUNDS)))
        if arguments.what == "readme":
            write_readme()
    except BenchError as error:
        sys.exit(f"error: {error}")


class _list_of:  # noqa: N801 (argparse shows the type's name)
    """Reads `one,two` from the command line."""

    def __init__(self, choices: Iterable[str]) -> None:
        self.choices = list(choices)

    def __call__(self, text: str) -> list[str]:
        """Return the names, in our order.

        Raises:
            argparse.ArgumentTypeError: One is unknown.

        """
        asked = text.split(",")
        if unknown := set(asked) - set(self.choices):
            choices = ", ".join(self.choices)
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not one of {choices}")
        return [choice for choice in self.choices if choice in asked]


if __name__ == "__main__":
    main()
