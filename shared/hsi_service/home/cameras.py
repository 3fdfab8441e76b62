"""How each camera is, and since when, as the leader of the system service leaves it. Pure."""

from datetime import datetime

import msgspec
from msgspec import Struct

from hsi.schemas import CameraState, CameraStatusData

MAX_CAMERAS = 1000
"""Cameras that are followed, at most: the first ones by name."""


class CameraAt(Struct, frozen=True, kw_only=True):
    """A camera, and how it is."""

    id: str
    """What an event calls `camera_id`."""
    name: str
    """For people."""
    status: CameraState
    since: datetime
    """Since when it was found so (UTC): at the latest since then."""


class CamerasAt(Struct, frozen=True, kw_only=True):
    """What the key `channels.CAMERAS` holds."""

    at: datetime
    """When it was written (UTC)."""
    cameras: list[CameraAt]


_decoder = msgspec.json.Decoder(CamerasAt)


def cameras_in(value: bytes) -> CamerasAt:
    """Return what the key holds.

    Raises:
        ValueError: It is not what belongs there.

    """
    try:
        return _decoder.decode(value)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def camera_of(change: CameraStatusData) -> CameraAt:
    """Return the camera as a message says that it is."""
    return CameraAt(id=change.camera_id, name=change.name, status=change.status, since=change.since)
