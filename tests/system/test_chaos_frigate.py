"""Frigate's bad day: a broker, Redis and both replicas of the mqtt service fail under load.

Each tracked object is told of from its beginning to its end, each change once and in order.
"""

import asyncio
import json
import random
import signal
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from local.processes import Process, free_port
from local.service import ServiceProcess
from tests.mosquitto import Mosquitto, running
from tests.servers import RedisServer, as_user
from tests.services.mqtt.stories import changed, story

SEED = 20261127
OBJECTS = 150
AT_ONCE = 10
"""Objects that are in sight at the same time."""
STORY = [payload for place, payload in enumerate(story("events", "0.17")) if place != 3]
"""Four messages, of which each tells something new."""


def a_day(chance: random.Random) -> list[bytes]:
    """Return the messages of all objects, each one's in their order, and some of them twice."""
    waiting = [
        [changed(payload, id=f"{number}.5-a") for payload in STORY] for number in range(OBJECTS)
    ]
    in_sight = [waiting.pop(0) for _ in range(AT_ONCE)]
    day = []
    while in_sight:
        messages = chance.choice(in_sight)
        day += [messages.pop(0)] * chance.choice((1, 1, 1, 2))
        if not messages:
            in_sight.remove(messages)
            in_sight += [waiting.pop(0)] if waiting else []
    return day


class BadDay:
    """What happens, in this order, while messages flow."""

    def __init__(
        self,
        redis: RedisServer,
        mosquitto: Mosquitto,
        replicas: list[ServiceProcess],
        chance: random.Random,
    ) -> None:
        self._redis = redis
        self._mosquitto = mosquitto
        self._replicas = replicas
        self._chance = chance

    async def go_on(self) -> None:
        for happen in (
            self._kill_redis,
            self._kill_a_replica,
            self._freeze_the_broker,
            self._refuse_writes,
            self._restart_the_broker,
            self._let_a_replica_go,
            self._freeze_redis,
            self._kill_a_replica,
        ):
            await happen()
            await asyncio.sleep(self._chance.uniform(0.5, 2))

    async def _kill_redis(self) -> None:
        self._redis.kill()
        await asyncio.sleep(self._chance.uniform(0.5, 3))
        self._redis.start()

    async def _freeze_redis(self) -> None:
        self._redis.freeze()
        await asyncio.sleep(5)
        self._redis.thaw()

    async def _refuse_writes(self) -> None:
        async with Redis.from_url(self._redis.url) as redis:
            await redis.config_set("min-replicas-to-write", 3)
            await asyncio.sleep(self._chance.uniform(1, 3))
            await redis.config_set("min-replicas-to-write", 0)

    async def _freeze_the_broker(self) -> None:
        self._mosquitto.freeze()
        await asyncio.sleep(4)
        self._mosquitto.thaw()

    async def _restart_the_broker(self) -> None:
        self._mosquitto.stop()
        await asyncio.sleep(self._chance.uniform(0.2, 1))
        self._mosquitto.start()

    async def _kill_a_replica(self) -> None:
        replica = self._replicas[0]
        self._replicas.reverse()
        replica.kill()
        await asyncio.sleep(self._chance.uniform(0.2, 1))
        replica.spawn()

    async def _let_a_replica_go(self) -> None:
        replica = self._replicas[0]
        replica.signal(signal.SIGTERM)
        assert await replica.wait() == 0
        replica.spawn()


async def publish(mosquitto: Mosquitto, messages: list[bytes]) -> None:
    """Publish as a patient Frigate would: each message until the broker has it."""
    waiting = list(messages)
    while waiting:
        try:
            async with mosquitto.client("frigate") as frigate:
                while waiting:
                    await frigate.publish("frigate/events", waiting[0], qos=1)
                    waiting.pop(0)
                    await asyncio.sleep(0.03)
        except aiomqtt.MqttError:
            await asyncio.sleep(0.1)


async def told(redis_url: str, channel: str) -> list[dict[str, Any]]:
    async with Redis.from_url(redis_url) as redis:
        entries: Any = await redis.xrange(channels.history(channel))
    return [json.loads(fields[b"m"])["data"] for _, fields in entries]


@pytest.mark.chaos
@pytest.mark.timeout(240)
async def test_every_change_of_every_object_is_told_once_and_in_order(
    own_redis: RedisServer, channel: str, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    chance = random.Random(SEED)
    with running(tmp_path / "mosquitto", persistence=True) as mosquitto:
        replicas = []
        for _ in range(2):
            port = free_port()
            replica = ServiceProcess(
                "mqtt",
                name=f"mqtt-{port}",
                port=port,
                log=tmp_path / f"mqtt-{port}.log",
                REDIS_URL=as_user("mqtt", own_redis.url),
                REDIS_EVENT_CHANNEL=channel,
                LEASE_SECONDS="2",
                DRAIN_DELAY="0",
                DRAIN_WINDOW="0",
                **mosquitto.settings,
            )
            cleanup(replica)
            replica.start()
            replicas.append(replica)
        async with asyncio.timeout(30):
            while not any("connected with the broker" in each.log_tail() for each in replicas):
                await asyncio.sleep(0.1)

        day = a_day(chance)
        happening = asyncio.create_task(
            BadDay(own_redis, mosquitto, replicas, chance).go_on(), name="bad day"
        )
        await publish(mosquitto, day)
        await happening
        async with asyncio.timeout(90):
            while len(await told(own_redis.url, channel)) < OBJECTS * len(STORY):
                await asyncio.sleep(0.5)
        await asyncio.sleep(2)

        heard = defaultdict(list)
        for event in await told(own_redis.url, channel):
            heard[event["batch_id"]].append((event["summary"], "ended_at" in event))
    assert heard.keys() == {f"{number}.5-a" for number in range(OBJECTS)}
    assert set(map(tuple, heard.values())) == {
        (
            ("Person seen by front door", False),
            ("Person in the driveway (front door)", False),
            ("Person in the driveway and the porch (front door)", False),
            ("Ada in the driveway and the porch (front door)", True),
        )
    }
