"""The host that this runs on, by psutil; a container sees it where its /proc is mounted.

Its disk is a source of its own: one that hangs costs its own figures, and no others.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import psutil
from msgspec import Struct

from hsi_service.sources.thread import in_thread
from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import count, number

T = TypeVar("T")

_OWN_PROC = "/proc"


class HostFigures(Struct, frozen=True, kw_only=True):
    """One look at the host. What cannot be told is None."""

    cpu: float | None = None
    """Percent of all cores since the last look; None at the first."""
    memory_used: int | None = None
    """Bytes that are not available to programs, as `free` counts."""
    memory_total: int | None = None
    """Bytes."""


class DiskFigures(Struct, frozen=True, kw_only=True):
    """One look at a disk. All of it is None where there is none to fill, as in /proc."""

    used: int | None
    """Bytes, as `df` counts."""
    total: int | None
    """Bytes."""
    percent: float | None
    """Percent of what programs may use, as `df` says it; what is root's alone is not free."""


class CpuTimes(NamedTuple):
    """Seconds of all cores since the system started."""

    idle: float
    total: float

    def busy_since(self, before: "CpuTimes") -> float | None:
        """Return how busy the cores were meanwhile, in percent; None if no time went by."""
        total = self.total - before.total
        if total <= 0:
            return None
        return min(100.0, max(0.0, 100 * (1 - (self.idle - before.idle) / total)))


class _Question(Generic[T]):
    """What may hang is asked in a thread, and not again before it has answered."""

    def __init__(self, ask: Callable[[], T], *, name: str, of: str) -> None:
        self._ask = ask
        self._name = name
        self._of = of
        self._busy = False

    async def read(self) -> T:
        if self._busy:
            raise SourceError(f"{self._of} has not answered since an earlier reading")
        self._busy = True
        return await in_thread(self._read, name=self._name)

    def _read(self) -> T:
        try:
            return self._ask()
        except (OSError, ValueError, LookupError, psutil.Error) as error:
            raise SourceError(f"{self._of} cannot be asked: {type(error).__name__}") from error
        finally:
            self._busy = False


class Disk:
    """Looks at a disk."""

    def __init__(self, folder: str) -> None:
        """Set it up; nothing is asked yet.

        Args:
            folder: Folder whose file system counts.

        """
        self._folder = folder
        self._question = _Question(self._ask, name="disk", of="the disk")

    async def read(self) -> DiskFigures:
        """Return the disk's figures.

        Raises:
            SourceError: The system does not tell, or has hung since an earlier look.

        """
        return await self._question.read()

    def _ask(self) -> DiskFigures:
        found = psutil.disk_usage(self._folder)
        if not found.total:
            return DiskFigures(used=None, total=None, percent=None)
        return DiskFigures(
            used=count(found.used),
            total=count(found.total),
            percent=number(found.percent, most=100),
        )


class Host:
    """Looks at processors and memory."""

    def __init__(self, *, proc: str) -> None:
        """Set it up; nothing is asked yet.

        Args:
            proc: Folder where the host's /proc is mounted, if it is.

        """
        self._proc = proc if (Path(proc) / "stat").exists() else _OWN_PROC
        self._last: CpuTimes | None = None
        self._question = _Question(self._ask, name="host", of="the system")

    async def read(self) -> HostFigures:
        """Return the figures of processors and memory.

        Raises:
            SourceError: The system does not tell, or has hung since an earlier look.

        """
        return await self._question.read()

    def _ask(self) -> HostFigures:
        psutil.PROCFS_PATH = self._proc
        cpu = self._cpu()
        memory = psutil.virtual_memory()
        return HostFigures(
            cpu=number(cpu, most=100),
            memory_used=count(memory.total - memory.available),
            memory_total=count(memory.total),
        )

    def _cpu(self) -> float | None:
        times = psutil.cpu_times()
        found = times._asdict()
        # A guest's time is in its host's already.
        total = sum(value for name, value in found.items() if not name.startswith("guest"))
        now = CpuTimes(idle=found["idle"] + found.get("iowait", 0.0), total=total)
        before, self._last = self._last, now
        return None if before is None else now.busy_since(before)
