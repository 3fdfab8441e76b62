"""Changes of services and cameras: found, kept, told. Pure.

A change is written to Redis together with what is settled since, before it is told; so the next
leader tells what its predecessor may not have told. It has a key by which Redis refuses it a second
time.
"""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from hsi.logs import Throttled
from hsi.schemas import (
    CameraStatus,
    CameraStatusData,
    ServiceStatus,
    ServiceStatusData,
    channels,
)
from hsi.schemas.validation import encode
from hsi_service.home.cameras import CamerasAt, cameras_in
from services.system.camera_monitor import CameraLook, CameraMonitor
from services.system.health import HealthChange, HealthMonitor, HealthResult

logger = logging.getLogger(__name__)

MAX_UNTOLD = 1000
"""Changes that wait to be told, at most; the oldest go. One for each camera of the largest list."""
LISTED_FOR = timedelta(minutes=1)
"""After this the cameras are listed again though nothing changed."""
T = TypeVar("T")


class Observed(NamedTuple):
    """What one look at services and cameras found."""

    health: Mapping[str, HealthResult]
    """How each service is, and why; what `HealthMonitor` observes."""
    cameras: Mapping[str, CameraLook] | None = None
    """How each camera is; None where nobody knows."""


NOTHING_OBSERVED = Observed({})


class Change(Struct, frozen=True):
    """A change that may not have been told."""

    key: str
    """Its idempotency key."""
    message: str
    """As it is published."""


class Left(Struct, frozen=True):
    """What a leader leaves in Redis for the next one."""

    health: bytes | None
    """What it knows of services."""
    cameras: bytes | None
    changes: bytes | None
    """What it has found and may not have told."""


_changes = msgspec.json.Decoder(list[Change])


class Knowledge:
    """What the leader knows of services and cameras, and has not told yet."""

    def __init__(self) -> None:
        """Know nothing."""
        self.health = HealthMonitor()
        self.cameras = CameraMonitor()
        self.untold: list[Change] = []
        self._listed: CamerasAt | None = None
        """The cameras as they are left; None: nobody has seen any list of them."""
        self._spoilt = Throttled(logger)
        self._dropped = Throttled(logger)

    def adopt(self, left: Left) -> None:
        """Go on from what the last leader left; what cannot be read is nothing."""
        self.health.adopt(left.health)
        self._listed = self._read(channels.CAMERAS, left.cameras, cameras_in)
        self.cameras.adopt(self._listed.cameras if self._listed else ())
        self.untold = self._read(channels.SYSTEM_CHANGES, left.changes, _changes.decode) or []

    def observe(self, observed: Observed, at: datetime) -> tuple[int, int]:
        """Take one look at all of them.

        Args:
            observed: What was found.
            at: When (UTC).

        Returns:
            How many services and how many cameras have changed.

        """
        services = self.health.observe(observed.health)
        found: list[CameraStatusData] = []
        if observed.cameras is not None:
            found = self.cameras.observe(observed.cameras, at)
            self._list(at)
        messages: list[ServiceStatus | CameraStatus] = [
            *(_service_status(change, at) for change in services),
            *(CameraStatus(data=change, timestamp=at) for change in found),
        ]
        self.untold += [Change(secrets.token_hex(8), encode(one).decode()) for one in messages]
        if (excess := len(self.untold) - MAX_UNTOLD) > 0:
            self.untold = self.untold[-MAX_UNTOLD:]
            self._dropped.warning("too many changes wait to be told: the oldest go", count=excess)
        return len(services), len(found)

    def told(self, changes: Sequence[Change]) -> None:
        """Record that these were told."""
        self.untold = [change for change in self.untold if change not in changes]

    def exported(self) -> Left:
        """Return what is to be left for the next leader."""
        return Left(
            health=self.health.exported(),
            cameras=msgspec.json.encode(self._listed) if self._listed else None,
            changes=msgspec.json.encode(self.untold),
        )

    def _list(self, at: datetime) -> None:
        """List the cameras again where they are others, or the list is old."""
        cameras, listed = list(self.cameras.settled.values()), self._listed
        if listed is None or listed.cameras != cameras or (at - listed.at) >= LISTED_FOR:
            self._listed = CamerasAt(at=at, cameras=cameras)

    def _read(self, key: str, value: bytes | None, decode: Callable[[bytes], T]) -> T | None:
        try:
            return None if value is None else decode(value)
        except (ValueError, RecursionError) as error:  # Of its schema, its text, or its depth.
            self._spoilt.warning(f"the key {key} does not hold what it should: {error}"[:300])
            return None


def _service_status(change: HealthChange, at: datetime) -> ServiceStatus:
    return ServiceStatus(
        data=ServiceStatusData(
            service=change.service, status=change.health, message=change.message
        ),
        timestamp=at,
    )
