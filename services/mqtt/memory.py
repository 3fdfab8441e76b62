"""What Home Assistant was told, kept in Redis for the next replica, and over restarts.

Cameras that have a device, so that one that went while nobody was here is removed; and of each
event what was told, so that an update of it is no news.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from redis.exceptions import ResponseError

from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.seen import key_of
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi.verdict import UNENDED, Arrived
from services.mqtt.devices import Device, Devices
from services.mqtt.discovery import slug
from services.mqtt.states import Told

logger = logging.getLogger(__name__)
T = TypeVar("T")

TIMEOUT = 3.0
"""Seconds that one question to Redis may take."""
TOLD_FOR = UNENDED // 1000
"""Seconds for which it is known what was told of an event; none counts for longer."""
MAX_BYTES = 1024 * 1024
"""More than all devices ever take: what is larger was written by somebody else."""

_devices = msgspec.json.Decoder(dict[str, Device])
_told = msgspec.json.Decoder(Told)


class Memory:
    """Asks Redis. Every method raises `RedisError` or `OSError` where it does not answer.

    What somebody else has put into a key counts as nothing, and is replaced.
    """

    def __init__(self, redis_url: str) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.

        """
        self._redis = async_client(redis_url, name="mqtt-out", timeout=TIMEOUT)
        self._spoilt = SpoiltKeys(logger)

    async def devices(self) -> Devices:
        """Return the cameras that may have a device."""
        return await self._read(channels.MQTT_DEVICES, _devices.decode) or {}

    async def keep_devices(self, devices: Devices) -> None:
        """Remember the cameras that may have a device."""
        await self._redis.set(channels.MQTT_DEVICES, msgspec.json.encode(devices))

    async def told(self, event: Arrived) -> Told | None:
        """Return what was told of an event; None: nothing."""
        return await self._read(_key(event), _told.decode)

    async def keep_told(self, event: Arrived, told: Told) -> None:
        """Remember what was told of an event."""
        await self._redis.set(_key(event), msgspec.json.encode(told), ex=TOLD_FOR)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _read(self, key: str, decode: Callable[[bytes], T]) -> T | None:
        try:
            question: Awaitable[Any] = self._redis.get(key)
            value = await question
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(key, "expected a string")
            return None
        if value is None:
            return None
        try:
            if len(value) > MAX_BYTES:
                raise ValueError("it is too large")  # noqa: TRY301 (as what cannot be read)
            return decode(value)
        except (ValueError, RecursionError):
            self._spoilt.found(key, "it cannot be read, and is replaced")
            return None


def _key(event: Arrived) -> str:
    """Return the key of an event: its id and its camera's, for ids of two producers may meet."""
    camera = event.data.get("camera_id")
    identity = key_of(event.data, event.cursor) or "unknown"
    return channels.mqtt_told(f"{identity}:{slug(camera if isinstance(camera, str) else '')}")
