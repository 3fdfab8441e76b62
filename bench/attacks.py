"""What an attack costs the others: innocent clients beside it, and beside a busy core.

For each attack one replica, 100 innocent clients and 20 messages a second: first beside a process
that burns a core and sends nothing, then beside the attacker. What is compared is thus what is
sent, and not that another program runs.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.attackers import ATTACKS, BURN, JOB, Attack
from bench.connections import address
from bench.cores import BenchError, allow_descriptors
from bench.innocents import Innocents, Watched
from bench.rows import DESCRIPTORS, KEY
from bench.summary import percentile, short
from hsi.keys import digest, key_protocol
from hsi.schemas import channels
from hsi.sync_publisher import SyncPublisher
from local.processes import free_port
from local.redis import EmbeddedRedis
from local.service import ServiceProcess

CLIENTS = 100
SECONDS = 4.0
HISTORY = 10_000
MESSAGE_BYTES = 3000
RATIO = 2.0
"""How much slower the slowest events may be than beside a busy core."""
MAX_MEMORY = 512 * 1024 * 1024
"""Bytes that a pod may take."""
_MIB = 1024 * 1024
_CHANNEL = "attacked"


class Share(NamedTuple):
    """What a process had of a core for a while, and what it lacked."""

    ran: float
    waited: float
    """Share of the time that it wanted to run and others did: with a large one, it is the machine
    that is measured."""

    def __str__(self) -> str:
        return f"{self.ran:.0%} (+{self.waited:.0%})"


class Attacked(NamedTuple):
    """What an attack did."""

    beside_a_burner: Watched
    beside_the_attacker: Watched
    memory: int
    """Bytes, the most that the replica had (RSS)."""
    lines: int
    """Of log, while the attack was under way."""
    stay: int
    """Descriptors that the replica had more at its end."""
    did: dict[str, int]
    before: "Share"
    during: "Share"

    @property
    def ratio(self) -> float:
        """p99 beside the attacker to that beside the burner."""
        return percentile(self.beside_the_attacker.delays, 99) / percentile(
            self.beside_a_burner.delays, 99
        )

    @property
    def holds(self) -> bool:
        """Whether the others hardly notice, and the pod stays."""
        return self.ratio <= RATIO and self.memory <= MAX_MEMORY


def measure(attack: Attack, folder: Path, *, seconds: float) -> Attacked:
    """Attack a replica of its own.

    Raises:
        BenchError: An innocent client was closed, or hears nothing any more.

    """
    redis = EmbeddedRedis(folder / f"redis-{attack.name}", port=free_port(), durable=False)
    channel, target = _CHANNEL, "/ws/events"
    if attack.service == "joblogs":
        channel, target = channels.job_logs(JOB), f"/ws/jobs/{JOB}/logs?tail=0"
    port = free_port()
    service = ServiceProcess(
        attack.service,
        name=f"attacked-{attack.service}",
        port=port,
        log=folder / f"{attack.name}.log",
        REDIS_URL=redis.url,
        REDIS_EVENT_CHANNEL=channel,
        API_KEYS=digest(KEY.encode()).hex(),
        HEARTBEAT_INTERVAL="3600",  # What comes is only what is published.
        DRAIN_DELAY="0",
        DRAIN_WINDOW="0",
    )
    with ExitStack() as stack:
        redis.spawn()
        stack.callback(redis.stop)
        redis.wait_ready()
        if attack.history:
            _write_history(redis.url, channel)
        service.spawn()
        stack.callback(service.stop)
        service.wait_ready()
        innocents = stack.enter_context(
            Innocents(
                address(service.url),
                address(redis.url),
                channel=channel,
                target=target,
                subprotocol=key_protocol(KEY),
            )
        )
        innocents.come(CLIENTS)
        with _attacking(BURN, service.url, seconds), _sharing(service.pid) as usual:
            before = innocents.watch(seconds)
        innocents.rest(0.5)
        process = psutil.Process(service.pid)
        lines, descriptors = _lines(service.log), process.num_fds()
        # It goes on after the last message, so that the end is looked at while it is there.
        with _attacking(attack.name, service.url, seconds + 1) as attacker:
            with _sharing(service.pid) as attacked:
                during = innocents.watch(seconds)
            stay = process.num_fds() - descriptors
            did = json.loads(attacker.communicate(timeout=60)[0] or "{}")
        return Attacked(
            before,
            during,
            _peak(service.pid),
            _lines(service.log) - lines,
            stay,
            did,
            usual(),
            attacked(),
        )


@contextmanager
def _attacking(name: str, url: str, seconds: float) -> "Iterator[subprocess.Popen[str]]":
    """Attack, from when it has begun."""
    attacker = subprocess.Popen(
        [sys.executable, "-m", "bench.attackers", name, url, str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with attacker:
        try:
            if attacker.stdout is None or not attacker.stdout.readline():
                raise BenchError(f"the attacker {name} did not start")
            yield attacker
        finally:
            attacker.kill()


@contextmanager
def _sharing(pid: int) -> Iterator[Callable[[], Share]]:
    """Give what tells, afterwards, what a process had of a core meanwhile."""
    found = Share(0, 0)
    began, before = time.perf_counter(), _scheduled(pid)
    yield lambda: found
    took = time.perf_counter() - began
    found = Share(*((now - then) / took for now, then in zip(_scheduled(pid), before, strict=True)))


def _scheduled(pid: int) -> tuple[float, float]:
    """Return the seconds that a process ran, and those that it waited to, in all threads."""
    ran = waited = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        ran_now, waited_now, _ = (task / "schedstat").read_text().split()
        ran += int(ran_now)
        waited += int(waited_now)
    return ran / 1e9, waited / 1e9


def _write_history(redis_url: str, channel: str) -> None:
    text = json.dumps(
        {
            "type": "log",
            "data": {
                "timestamp": "2026-01-01T00:00:00Z",
                "level": "INFO",
                "message": "x" * MESSAGE_BYTES,
            },
        }
    )
    with SyncPublisher(redis_url, history_length=HISTORY, history_bytes=64 * _MIB) as publisher:
        for _ in range(HISTORY // 500):
            publisher.publish_many(channel, [text.encode()] * 500)


def _lines(log: Path) -> int:
    return log.read_bytes().count(b"\n")


def _peak(pid: int) -> int:
    """Return the most memory that a process had (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise BenchError("this system does not say how much memory a process had")


def line(attack: Attack, found: Attacked) -> str:
    """Return a row of the table."""
    before, during = found.beside_a_burner, found.beside_the_attacker
    return (
        f"  {attack.name:24}"
        f" p50 {short(percentile(before.delays, 50)):>5} then"
        f" {short(percentile(during.delays, 50)):>5},"
        f" p99 {short(percentile(before.delays, 99)):>5} then"
        f" {short(percentile(during.delays, 99)):>5} ms: {short(found.ratio):>5} times;"
        f" /health/live {short(max(before.probes))} then {short(max(during.probes))} ms;"
        f" CPU {found.before} then {found.during};"
        f" {found.memory / _MIB:.0f} MiB; {found.lines} lines; {found.stay} stay"
        f" ({found.did.get('connections', 0):,} connections,"
        f" {found.did.get('bytes', 0) / _MIB:,.1f} MiB)" + ("" if found.holds else "  << too much")
    )


def main(folder: Path, names: Sequence[str]) -> None:
    """Measure and print.

    Raises:
        BenchError: This machine cannot do it, or too much was noticed by the others.

    """
    allow_descriptors(DESCRIPTORS)
    print(
        f"{CLIENTS} innocent clients, beside a process that burns a core and beside an attacker. "
        "/health/live: the slowest. CPU: the replica's share of a core (and its wait for one)."
    )
    failed = []
    for name in names:
        try:
            found = measure(ATTACKS[name], folder, seconds=SECONDS)
        except BenchError as error:
            print(f"  {name:24} {error}  << too much", flush=True)
            failed.append(name)
            continue
        print(line(ATTACKS[name], found), flush=True)
        if not found.holds:
            failed.append(name)
    if failed:
        raise BenchError(f"the others notice too much of {', '.join(failed)}")
