"""Which cameras Home Assistant has a device for. Pure.

A camera that is listed has one for as long as it is listed. One that only events tell of, as in a
home without a database, has one from its first event on, until it has had none for `UNLISTED_FOR`.
What the list does not say is no reason to remove anything: where it is not known, nothing goes.
"""

from collections.abc import Mapping

from msgspec import Struct

from services.mqtt.discovery import Camera

UNLISTED_FOR = 7 * 86_400_000
"""Milliseconds without an event after which a camera that no list has is gone."""
RENEWED_AFTER = 3_600_000
"""Milliseconds after which an event of such a camera is remembered again, and no sooner."""
MAX_UNLISTED = 100
"""Such cameras: `camera_id` is what producers write, and a mistake must not make a device each."""


class Device(Struct, frozen=True):
    """What is remembered of a camera that has a device."""

    name: str
    listed: bool
    at: int
    """When it had its last event, in ms since 1970; of one that is listed nobody asks."""


Devices = Mapping[str, Device]
"""By the cameras' ids."""


def renewed(
    devices: Devices, listed: Mapping[str, str], now: int | None, *, is_whole: bool
) -> Devices:
    """Return the devices as the list of cameras and the time have them.

    Args:
        devices: As they were.
        listed: Names by id of cameras that are listed.
        now: Milliseconds since 1970; None: not known.
        is_whole: Whether those are all that are listed.

    """
    of_list = {camera: Device(name, listed=True, at=0) for camera, name in sorted(listed.items())}
    others = {
        camera: device
        for camera, device in devices.items()
        if camera not in of_list
        and (not is_whole if device.listed else now is None or now - device.at <= UNLISTED_FOR)
    }
    return of_list | others


def with_event(devices: Devices, camera: str, at: int) -> Devices:
    """Return the devices after an event of a camera; the same ones if it changes nothing.

    Args:
        devices: As they were.
        camera: Its id; empty: nobody knows which.
        at: When the event came, in ms since 1970.

    """
    known = devices.get(camera)
    if not camera or (known and (known.listed or at - known.at <= RENEWED_AFTER)):
        return devices
    if known is None and sum(not one.listed for one in devices.values()) >= MAX_UNLISTED:
        return devices
    return {**devices, camera: Device("", listed=False, at=at)}


def cameras_of(devices: Devices) -> list[Camera]:
    """Return the cameras that have a device, as Home Assistant is told of them."""
    return [
        Camera(id=camera, name=device.name, listed=device.listed)
        for camera, device in devices.items()
    ]
