"""What the collector reads from the environment, beside what all services and sources do."""

from typing import Annotated

from msgspec import Meta

from hsi.settings import SettingsError
from hsi_service.settings import Seconds
from hsi_service.sources import SourceSettings
from services.collector.alerts import rules_with
from services.collector.containers import named
from services.collector.raised import AFTER

MIN_LOOKUPS = 300
"""Our own services look up more in a Redis that is theirs alone. A database that has just started
has read everything for the first time."""
_ADDRESSES = {
    "postgresql": "DATABASE_URL",
    "yolo26": "YOLO26_URL",
    "nemotron": "NEMOTRON_URL",
}
"""Where the sources are that there need not be."""
Interval = Annotated[float, Meta(ge=0.5, le=3600)]


class CollectorSettings(SourceSettings, frozen=True, kw_only=True):
    """Settings of the collector."""

    broadcast_interval: Interval = 5
    """Seconds between two rounds."""
    containers: tuple[str, ...] = ()
    """Containers: as `name=url`, probed by HTTP; `kubernetes`, the pods of our namespace; `redis`,
    `postgresql`, `yolo26` and `nemotron`, or `name=` and one of them, as the collector finds it."""
    host_proc: str = "/host/proc"
    """Where the host's /proc is mounted; where it is not, our own counts."""
    host_disk: str = "/"
    """Folder whose file system is the host's disk."""
    alert_thresholds: tuple[str, ...] = ()
    """Other thresholds than the usual ones (R50), as `metric=warning/critical`."""
    alert_after: Seconds = AFTER
    """Seconds that a figure must be beyond a threshold, or back, without a break."""
    alert_min_lookups: Annotated[int, Meta(ge=1)] = MIN_LOOKUPS
    """Lookups below which a hit ratio is no alert: in all, and for Redis also in a minute."""

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        super().__post_init__()
        rules_with(self.alert_thresholds)
        try:
            names = named(self.containers)
        except ValueError as error:
            raise SettingsError(f"CONTAINERS: {error}") from None
        for source, variable in _ADDRESSES.items():
            if source in names.own.values() and not getattr(self, variable.lower()):
                raise SettingsError(f"CONTAINERS: {source}: no {variable} is set")
