"""What is aimed at, as ratios of medians to the fastest peers, and what a run found. Pure."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from bench.results import (
    PERCENTS,
    SIZES,
    Results,
    Run,
    cpu,
    cpu_of_handshake,
    crowd,
    delay,
    handshakes,
    medians,
    memory,
    memory_of_many,
)
from bench.summary import median, ratio, short

AT_MOST_OF_BUN = {1: 0.75, 5: 0.5, 20: 0.33}
"""CPU per delivery, saturated, by batch."""
AT_MOST_OF_REFERENCE = {1000: 1.05, 10_000: 1.15}
"""CPU per delivery, paced, by clients."""
AT_LEAST_OF_BASELINE = 4
"""Handshakes a second, of the checkout that BASELINE names."""


class Target(NamedTuple):
    """One ratio: this project's figure to another's."""

    what: str
    other: str
    found: float | None
    """None: one of the two is missing."""
    bound: str
    """In words; empty: an aim, and no bound."""
    is_met: bool | None
    """None: it cannot be told, or there is no bound."""
    others_own: float | None = None
    """The same ratio of the peer that it is compared with in words."""


def targets(results: Results) -> Iterator[Target]:
    """Yield every ratio that can be told."""

    def of(name: str, figure: Callable[[Run], float | None]) -> float | None:
        row = results.rows.get(name)
        return median(medians(row, figure)) if row else None

    def slow(name: str, size: int, percent: float) -> float | None:
        row = results.rows.get(name)
        return delay(row, size, percent) if row else None

    def most(
        what: str, other: str, found: float | None, bound: float, own: float | None = None
    ) -> Target:
        met = None if found is None else found <= bound
        return Target(what, other, found, f"at most {bound:g}", met, own)

    for batch, bound in AT_MOST_OF_BUN.items():
        figure = cpu(batch)
        found = ratio(of("ours", figure), of("bun", figure))
        yield most(f"CPU per delivery, saturated, batch of {batch}", "bun", found, bound)
    for clients, bound in AT_MOST_OF_REFERENCE.items():
        figure = crowd(clients)
        reference = of("reference", figure)
        found, own = ratio(of("ours", figure), reference), ratio(of("bun", figure), reference)
        what = f"CPU per delivery, paced, {clients:,} clients"
        yield most(what, "reference", found, bound, own)
    for what, figure in (("5,000", memory), ("10,000", memory_of_many)):
        found = ratio(of("ours", figure), of("bun", figure))
        yield most(f"memory per connection, of {what}", "bun", found, 1)
    for size in SIZES:
        for percent in PERCENTS:
            found = ratio(slow("ours", size, percent), slow("bun", size, percent))
            yield most(f"publish to last, {size:,} bytes, p{percent}", "bun", found, 1)
    found = ratio(of("ours", handshakes), of("baseline", handshakes))
    met = None if found is None else found >= AT_LEAST_OF_BASELINE
    bound_in_words = f"at least {AT_LEAST_OF_BASELINE}"
    yield Target("handshakes/s", "baseline", found, bound_in_words, met)
    for other in ("picows", "bun"):
        found = ratio(of("ours", handshakes), of(other, handshakes))
        yield Target("handshakes/s", other, found, "", None)
        found = ratio(of("ours", cpu_of_handshake), of(other, cpu_of_handshake))
        yield Target("CPU per handshake", other, found, "", None)


def table(results: Results) -> str:
    """Return the ratios that can be told as a table in Markdown; empty without Bun."""
    peer = results.rows.get("bun")
    if peer is None or not peer.runs:
        return ""
    lines = ["| ours over | | ratio | target |", "| --- | --- | ---: | --- |"]
    for target in targets(results):
        if target.found is None:
            continue
        own = f" (bun: {short(target.others_own)})" if target.others_own is not None else ""
        verdict = {True: ": met", False: ": **missed**", None: ""}[target.is_met]
        lines.append(
            f"| {target.other} | {target.what} | {short(target.found)}{own} "
            f"| {target.bound or 'none'}{verdict} |"
        )
    return "\n".join(lines)
