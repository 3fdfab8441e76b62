"""The host that this runs on, by psutil; a container sees it where its /proc is mounted."""

from pathlib import Path
from typing import NamedTuple

import psutil
from msgspec import Struct

from hsi_service.sources.thread import in_thread
from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import count, number

_OWN_PROC = "/proc"


class HostFigures(Struct, frozen=True, kw_only=True):
    """One look at the host. What cannot be told is None."""

    cpu: float | None = None
    """Percent of all cores since the last look; None at the first."""
    memory_used: int | None = None
    """Bytes that are not available to programs, as `free` counts."""
    memory_total: int | None = None
    """Bytes."""
    disk_used: int | None = None
    """Bytes, as `df` counts."""
    disk_total: int | None = None
    """Bytes."""
    disk_percent: float | None = None
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


class Host:
    """Looks at the host, in a thread: a disk that hangs must not hang us."""

    def __init__(self, *, proc: str, disk: str) -> None:
        """Prepare.

        Args:
            proc: Folder where the host's /proc is mounted, if it is.
            disk: Folder whose file system counts.

        """
        self._proc = proc if (Path(proc) / "stat").exists() else _OWN_PROC
        self._disk = disk
        self._last: CpuTimes | None = None
        self._busy = False

    async def read(self) -> HostFigures:
        """Look.

        Raises:
            SourceError: The system does not tell, or has hung since an earlier look.

        """
        if self._busy:
            raise SourceError("the system has not answered since an earlier reading")
        self._busy = True
        return await in_thread(self._read, name="host")

    def _read(self) -> HostFigures:
        try:
            psutil.PROCFS_PATH = self._proc
            cpu = self._cpu()
            memory = psutil.virtual_memory()
        except (OSError, ValueError, LookupError, psutil.Error) as error:
            raise SourceError(f"the system cannot be asked: {type(error).__name__}") from error
        else:
            return self._figures(cpu, memory.total, memory.available)
        finally:
            self._busy = False

    def _figures(self, cpu: float | None, total: int, available: int) -> HostFigures:
        figures = HostFigures(
            cpu=number(cpu, most=100),
            memory_used=count(total - available),
            memory_total=count(total),
        )
        try:
            disk = psutil.disk_usage(self._disk)
        except OSError:
            return figures
        return HostFigures(
            cpu=figures.cpu,
            memory_used=figures.memory_used,
            memory_total=figures.memory_total,
            disk_used=count(disk.used),
            disk_total=count(disk.total),
            disk_percent=number(disk.percent, most=100),
        )

    def _cpu(self) -> float | None:
        times = psutil.cpu_times()
        found = times._asdict()
        # A guest's time is in its host's already.
        total = sum(value for name, value in found.items() if not name.startswith("guest"))
        now = CpuTimes(idle=found["idle"] + found.get("iowait", 0.0), total=total)
        before, self._last = self._last, now
        return None if before is None else now.busy_since(before)
