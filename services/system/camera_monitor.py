"""CameraMonitor: when the status of a camera has changed. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from hsi.schemas import CameraState, CameraStatusData
from hsi_service.home.cameras import CameraAt
from services.system.settling import CONFIRMATIONS, Row


class CameraLook(NamedTuple):
    """What one look at a camera found."""

    name: str
    status: CameraState


class _Pending(NamedTuple):
    """Looks in a row that say otherwise than what is settled."""

    row: Row
    since: datetime
    """When the first of them was."""


class CameraMonitor:
    """Follows the cameras; the same looks make the same changes, wherever it runs.

    The first look at a camera is no change: there is nothing that it changed from. What is settled
    is carried to the next leader by `settled` and `adopt`; looks that say otherwise begin again
    there.
    """

    def __init__(self) -> None:
        """Know no camera."""
        self._settled: dict[str, CameraAt] = {}
        self._pending: dict[str, _Pending] = {}

    def observe(self, looks: Mapping[str, CameraLook], at: datetime) -> list[CameraStatusData]:
        """Take one look at all cameras, by id; return what changed.

        Args:
            looks: Those that are not deleted: a camera that is not among them is forgotten.
            at: When they were looked at (UTC).

        """
        changes = []
        settled: dict[str, CameraAt] = {}
        pending: dict[str, _Pending] = {}
        for camera, look in looks.items():
            known = self._settled.get(camera)
            if known is None:
                known = CameraAt(id=camera, name=look.name, status=look.status, since=at)
            elif look.status != known.status:
                before = self._pending.get(camera)
                row = (before.row if before else Row()).after(is_good=look.status == "online")
                since = before.since if before and row.length > 1 else at
                if row.length >= CONFIRMATIONS:
                    known = msgspec.structs.replace(known, status=look.status, since=since)
                    changes.append(
                        CameraStatusData(
                            camera_id=camera, name=look.name, status=look.status, since=since
                        )
                    )
                else:
                    pending[camera] = _Pending(row, since)
            if look.name != known.name:
                known = msgspec.structs.replace(known, name=look.name)
            settled[camera] = known
        self._settled, self._pending = settled, pending
        return changes

    @property
    def settled(self) -> Mapping[str, CameraAt]:
        """What is settled, by id."""
        return self._settled

    def adopt(self, cameras: Iterable[CameraAt]) -> None:
        """Go on from what another replica has settled."""
        self._settled = {camera.id: camera for camera in cameras}
        self._pending = {}
