"""Where a service is in its life, which its health checks tell."""

import os
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

_IMPORTED = time.monotonic()
STAT = "/proc/self/stat"
_STARTED_AT = 19
"""Place of the start, in clock ticks since boot, behind the name in STAT (proc(5))."""


def seconds_since_process_start() -> float:
    """Return how long this process has existed, the imports of its modules included.

    The kernel tells it on Linux; elsewhere, seconds since this module was imported.
    """
    with suppress(OSError, ValueError, IndexError, AttributeError):
        # The name stands in parentheses, and may hold spaces and parentheses itself.
        fields = Path(STAT).read_text().rpartition(")")[2].split()
        started = int(fields[_STARTED_AT]) / os.sysconf("SC_CLK_TCK")
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
    return time.monotonic() - _IMPORTED


class Phase(StrEnum):
    """The phases of a service's life, in order."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


class Lifecycle:
    """A service's phase; it only ever moves on."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self._born = time.monotonic()

    def started(self) -> None:
        """Begin to serve."""
        if self.phase is Phase.STARTING:
            self.phase = Phase.READY

    def drain(self) -> None:
        """Begin to end: clients that ask now are told to ask another replica."""
        self.phase = Phase.DRAINING

    @property
    def draining(self) -> bool:
        """Tell whether new clients are refused."""
        return self.phase is Phase.DRAINING

    @property
    def uptime(self) -> float:
        """Seconds since the process began to set itself up."""
        return time.monotonic() - self._born

    def why_not_ready(self) -> str:
        """Return the reason in words; empty when it is ready."""
        match self.phase:
            case Phase.STARTING:
                return "starting"
            case Phase.DRAINING:
                return "draining: this replica restarts or goes away"
            case Phase.READY:
                return ""
