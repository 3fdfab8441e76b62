"""What happens after a third of the pods is lost: a simulation, with what clients and pods ship.

A pod does handshakes one after the other, and each resumes from the one Redis. What these take is
measured; the rest is a queue. Who waits for too long gives up and comes back later, a full pod
refuses, and lost pods are replaced after a while. Chance is seeded, so every run is alike.
"""

import asyncio
import heapq
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from bench.parts import EVENT, running
from bench.results import COMMITTED, Results, handshakes, medians
from bench.summary import percentile
from hsi.publisher import Publisher
from hsi.schemas.cursor import Cursor
from hsi_service.bus.history import History
from hsi_service.settings import Settings
from local.processes import free_port
from local.redis import EmbeddedRedis

SEED = 20261125
CONNECT_TIMEOUT = 10.0
"""Seconds that a client waits for a handshake (dashboard: backoff.ts)."""
LONGEST_DELAY = 30.0
LOST = 3
"""One of so many pods is lost, at once."""
REPLACED_AFTER = 15.0
"""Seconds until a lost pod is replaced: scheduled, started, and found by the ingress."""
REFUSING = 5.0
"""How many refusals, or attempts whose client has left, cost as much as a handshake."""
READS = 2000
MISSED = 10
"""Messages that a client has missed when it comes back."""

Delay = Callable[[random.Random, int], float]


def shipped(chance: random.Random, attempt: int) -> float:
    """Return what the dashboard waits: 1, 2, 4 … 30 s, each up to half shorter."""
    return without_jitter(chance, attempt) * chance.uniform(0.5, 1)


def without_jitter(_: random.Random, attempt: int) -> float:
    """Return the same, for all clients alike."""
    return min(LONGEST_DELAY, 2.0 ** min(attempt, 9))


def at_once(chance: random.Random, _: int) -> float:
    """Return no more than 0.1 s: what a naive client waits."""
    return chance.uniform(0, 0.1)


class Costs(NamedTuple):
    """Seconds of a core."""

    handshake: float
    """Of a pod, for a client that comes back; reading what it missed included."""
    resume: float
    """Of Redis."""


class Outcome(NamedTuple):
    """What clients of the lost pods went through; times in seconds after the loss."""

    half: float
    """When half of them were back."""
    last: float
    """When all were."""
    attempts: float
    """Per client."""
    peak: float
    """Attempts in the busiest tenth of a second, of all clients together."""


class Server:
    """Does one thing after the other, in the order of their coming."""

    def __init__(self, room: int = 0, free_at: float = 0) -> None:
        self.free_at = free_at
        self.room = room
        """How many clients more it takes."""

    def work(self, at: float, cost: float) -> float:
        """Do something that is asked for now; return when it is done."""
        self.free_at = max(at, self.free_at) + cost
        return self.free_at


def simulate(
    *, clients: int, pods: int, most: int, delay: Delay, window: float, costs: Costs
) -> Outcome:
    """Lose a third of the pods, and see their clients come back to the others.

    Args:
        clients: Of all pods together.
        pods: Before the loss.
        most: Clients that a pod takes (MAX_CONNECTIONS).
        delay: What a client waits before its first, second, … attempt.
        window: Seconds over which connections are closed; 0: all at once, as by a crash.
        costs: What a client costs that comes back.

    """
    chance = random.Random(SEED)  # noqa: S311 (a simulation)
    each, lost = clients // pods, pods // LOST
    left = [Server(most - each) for _ in range(pods - lost)]
    replaced = [*left, *(Server(most, REPLACED_AFTER) for _ in range(lost))]
    redis = Server()
    away = each * lost
    coming = [(chance.uniform(0, window) + delay(chance, 0), number, 0) for number in range(away)]
    heapq.heapify(coming)
    back: list[float] = []
    tenths: Counter[int] = Counter()
    # The ingress goes round, whatever waits where.
    turns = itertools.cycle(left), itertools.cycle(replaced)
    while coming:
        at, number, attempt = heapq.heappop(coming)
        tenths[int(at * 10)] += 1
        pod = next(turns[at >= REPLACED_AFTER])
        if pod.room and pod.free_at + costs.handshake - at <= CONNECT_TIMEOUT:
            pod.room -= 1
            back.append(redis.work(pod.work(at, costs.handshake), costs.resume))
            continue
        answered = pod.work(at, costs.handshake / REFUSING)
        again = min(answered, at + CONNECT_TIMEOUT) + delay(chance, attempt + 1)
        heapq.heappush(coming, (again, number, attempt + 1))
    return Outcome(
        half=percentile(back, 50),
        last=max(back),
        attempts=tenths.total() / away,
        peak=max(tenths.values()),
    )


async def costs_of_resuming(redis_url: str) -> Costs:
    """Measure what it takes to read what a client missed, here and in Redis, in seconds of CPU."""
    channel = "security_events:bench-storm"
    async with Publisher(redis_url) as publisher, Redis.from_url(redis_url) as redis:
        cursors = [(await publisher.publish(channel, EVENT)).cursor for _ in range(2 * MISSED)]
        after = Cursor.parse(cursors[MISSED - 1])
        history = History(redis_url, name="bench")
        await history.read(channel, after)

        async def used() -> tuple[float, float]:
            info = await redis.info("cpu")
            return time.process_time(), info["used_cpu_user"] + info["used_cpu_sys"]

        before = await used()
        await asyncio.gather(*(history.read(channel, after) for _ in range(READS)))
        ours, its = ((then - now) / READS for then, now in zip(await used(), before, strict=True))
        await history.aclose()
    return Costs(handshake=ours, resume=its)


def cost_of_handshake() -> float:
    """Return a handshake's seconds of a core, by the committed run."""
    file = Path(__file__).parent / "results" / COMMITTED / "results.json"
    found = msgspec.json.decode(file.read_bytes(), type=Results)
    return 1 / percentile(medians(found.rows["ours"], handshakes), 50)


SCENES = (
    ("10,000 clients, 3 pods, killed", 10_000, 3, 0.0),
    ("10,000 clients, 3 pods, drained over 20 s", 10_000, 3, 20.0),
    ("24,000 clients, 3 pods, killed: no room for all until replaced", 24_000, 3, 0.0),
    ("1,000,000 clients, 150 pods, killed", 1_000_000, 150, 0.0),
    ("1,000,000 clients, 150 pods, drained over 20 s", 1_000_000, 150, 20.0),
    ("1,000,000 clients, 120 pods, killed: no room for all", 1_000_000, 120, 0.0),
)
STRATEGIES: tuple[tuple[str, Delay], ...] = (
    ("as shipped", shipped),
    ("no jitter", without_jitter),
    ("at once", at_once),
)


def main(folder: Path) -> None:
    """Simulate and print."""
    redis = EmbeddedRedis(folder / "storm", port=free_port())
    with running(redis):
        resuming = asyncio.run(costs_of_resuming(redis.url))
    costs = resuming._replace(handshake=cost_of_handshake() + resuming.handshake)
    print(
        "Losing a third of the pods, simulated. Measured: a client that comes back takes "
        f"{costs.handshake * 1e6:.0f} µs of a pod and {costs.resume * 1e6:.0f} µs of Redis."
    )
    for title, clients, pods, window in SCENES:
        print(f"  {title}")
        for name, delay in STRATEGIES:
            found = simulate(
                clients=clients,
                pods=pods,
                most=Settings().max_connections,
                delay=delay,
                window=window,
                costs=costs,
            )
            print(
                f"    {name:11} half back {found.half:5.1f} s, all {found.last:5.1f} s; "
                f"{found.attempts:6.2f} attempts each, {found.peak:9,.0f} in the busiest 0.1 s"
            )
