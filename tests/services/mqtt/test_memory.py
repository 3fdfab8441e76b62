"""What Home Assistant was told outlives the process, and is nobody else's."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hsi.schemas import channels
from hsi.verdict import Arrived
from services.mqtt.devices import Device
from services.mqtt.memory import MAX_BYTES, TOLD_FOR, Memory
from services.mqtt.states import Told
from tests.servers import RedisServer, as_user

DEVICES = {"front door": Device("باب", listed=True, at=0), "yard": Device("", listed=False, at=7)}
TOLD = Told("high", ended=False)


def event(number: int | None, camera: object = "yard", cursor: str = "9-9") -> Arrived:
    return Arrived(9, {"event_id": number, "camera_id": camera}, cursor)


async def test_devices_and_what_was_told_are_known_to_the_next_replica(
    own_redis: RedisServer,
) -> None:
    url = as_user("mqtt", own_redis.url)
    one, other = Memory(url), Memory(url)
    assert await one.devices() == {}
    assert await one.told(event(7)) is None
    await one.keep_devices(DEVICES)
    await one.keep_told(event(7), TOLD)
    assert await other.devices() == DEVICES
    assert await other.told(event(7, cursor="10-10")) == TOLD
    # Ids of two producers may meet, and an event without one is known by its cursor.
    assert await other.told(event(7, camera="porch")) is None
    await other.keep_told(event(None, cursor="11-11", camera=None), TOLD)
    assert await one.told(event(None, cursor="12-12", camera=None)) is None
    async with Redis.from_url(own_redis.url) as redis:
        keys = [key async for key in redis.scan_iter("mqtt:told:*")]
        assert [0 < await redis.ttl(key) <= TOLD_FOR for key in keys] == [True, True]
        for spoilt in (b"not JSON", b"[" * 100_000, b"1", b" " * (MAX_BYTES + 1)):
            for key in (channels.MQTT_DEVICES, *keys):
                await redis.set(key, spoilt)
            assert await one.devices() == {}
            assert await one.told(event(7)) is None
        await redis.delete(channels.MQTT_DEVICES)
        await redis.lpush(channels.MQTT_DEVICES, "a list")
        assert await one.devices() == {}
    await one.keep_devices(DEVICES)
    assert await other.devices() == DEVICES
    own_redis.kill()
    with pytest.raises((RedisError, OSError)):
        await one.devices()
    await one.aclose()
    await other.aclose()
