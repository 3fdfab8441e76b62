"""Two cores of this machine, and what a program uses of one. Linux only: its scheduler tells."""

import contextlib
import os
import platform
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import psutil

_NANOSECONDS = 1e9


class BenchError(RuntimeError):
    """Something that makes a measurement impossible; its text says what."""


class Cores(NamedTuple):
    """Who runs where."""

    load: int
    """Load generator, feeder and Redis."""
    server: int
    """The server, alone."""

    @classmethod
    def choose(cls) -> Self:
        """Take two of the cores that this process may use, not two threads of one if it can be.

        Raises:
            BenchError: There are not two.

        """
        if not hasattr(os, "sched_getaffinity"):
            raise BenchError("needs Linux: each server is measured alone on one core")
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) < 2:  # noqa: PLR2004 (one for the server, one for the load)
            raise BenchError("needs two cores: one for the server, one for the load generator")
        apart = [core for core in usable[1:] if core not in _siblings(usable[0])]
        return cls(load=usable[0], server=(apart or usable[1:])[0])


def _siblings(core: int) -> set[int]:
    path = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    if not path.exists():
        return {core}
    siblings: set[int] = set()
    for part in path.read_text().strip().split(","):
        first, _, last = part.partition("-")
        siblings |= set(range(int(first), int(last or first) + 1))
    return siblings


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Be on one core for a while; what is started meanwhile stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_descriptors(wanted: int) -> int:
    """Raise the limit of open files, for this process and what it starts; return what it is now.

    Raises:
        BenchError: It cannot be raised so far.

    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if 0 <= hard < wanted:
            raise BenchError(f"needs {wanted} open files; the hard limit is {hard} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(soft, wanted)


def processes_of(pid: int) -> list[int]:
    """Return a program's processes: nginx's worker counts too."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


class Usage(NamedTuple):
    """What was used until now; the difference of two is what was used between."""

    wall: float
    cpu: float
    """Seconds that the server ran, all processes and threads (the scheduler's accounting)."""
    waited: float
    """Seconds that it wanted to run and others did."""
    generator: float
    """Seconds that the load generator ran."""
    server_core: float
    """Seconds that the server's core was busy, with whatever."""
    interrupts: float
    """Seconds of them in interrupts, where some kernels count the network's half of the work."""
    load_core: float
    """Seconds that the other core was busy."""

    @classmethod
    def now(cls, pids: list[int], cores: Cores) -> Self:
        """Read the accounts."""
        cpu = waited = 0
        for pid in pids:
            for task in Path(f"/proc/{pid}/task").iterdir():
                ran, wait, _ = (task / "schedstat").read_text().split()
                cpu += int(ran)
                waited += int(wait)
        busy = psutil.cpu_times(percpu=True)
        return cls(
            wall=time.perf_counter(),
            cpu=cpu / _NANOSECONDS,
            waited=waited / _NANOSECONDS,
            generator=time.process_time(),
            server_core=_busy(busy[cores.server]),
            interrupts=busy[cores.server].irq + busy[cores.server].softirq,
            load_core=_busy(busy[cores.load]),
        )

    def since(self, before: "Usage") -> "Usage":
        """Return what was used between."""
        return Usage(*(now - then for now, then in zip(self, before, strict=True)))


def _busy(times: object) -> float:
    names = ("user", "nice", "system", "irq", "softirq", "steal")  # user holds the guests' time
    return float(sum(getattr(times, name) for name in names))


def memory(pids: list[int]) -> int:
    """Return bytes of memory, what is shared with others in proportion (PSS)."""
    return sum(int(psutil.Process(pid).memory_full_info().pss) for pid in pids)


def describe() -> dict[str, str]:
    """Return what this machine is."""
    with Path("/proc/cpuinfo").open() as lines:
        models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
