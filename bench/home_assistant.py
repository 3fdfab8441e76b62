"""How soon Home Assistant hears: from Frigate's message, or an event in Redis, to its topic."""

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiomqtt
from redis.asyncio import Redis

from bench.cores import BenchError
from bench.latency import row
from bench.parts import running
from hsi.publishing import LIBRARY
from hsi.schemas import channels
from hsi.schemas.base import now
from local.frigate import recorded
from local.mosquitto import USER, MissingError, Mosquitto
from local.processes import free_port
from local.redis import EmbeddedRedis
from local.service import ServiceProcess

EVENTS = 200
PAUSE = 0.1
"""Seconds between two events: the delay is that of an idle home, not of a queue."""
TIMEOUT = 30.0
CHANNEL = channels.SECURITY_EVENTS

Tell = Callable[[], Awaitable[None]]


class Home:
    """A broker and Redis, with Frigate on one side and Home Assistant on the other."""

    def __init__(self, client: aiomqtt.Client, redis: Redis) -> None:
        self._client = client
        self._redis = redis
        self._numbers = itertools.count(1)  # An event that was told before is no news.
        self._sighting: dict[str, Any] = recorded()[0]["payload"]

    async def frigate_tells(self) -> None:
        """Publish what Frigate does when it sees something new."""
        after = {**self._sighting["after"], "id": f"{time.time():.6f}-{next(self._numbers)}"}
        after |= {"start_time": time.time(), "frame_time": time.time(), "end_time": None}
        message = {"type": "new", "before": after, "after": after}
        await self._client.publish("frigate/events", json.dumps(message), qos=0)

    async def redis_tells(self) -> None:
        """Publish an event with history."""
        number = next(self._numbers)
        data = {"id": number, "event_id": number, "batch_id": "b", "camera_id": "front_door"}
        data |= {"risk_score": 75, "risk_level": "high", "summary": f"Person {number}"}
        data |= {"started_at": now().isoformat()}
        keys = channels.history(CHANNEL), channels.number(CHANNEL)
        message = json.dumps({"type": "event", "data": data})
        await self._redis.fcall("hsi_publish_v2", 2, *keys, CHANNEL, "", "", "", "", message)

    async def begins(self) -> None:
        """Wait until the service tells what happens."""
        await self._redis.function_load(LIBRARY, replace=True)
        async with asyncio.timeout(TIMEOUT):
            while not await self._redis.exists(channels.consumer("mqtt:out")):  # noqa: ASYNC110 (Redis sets no Event)
                await asyncio.sleep(0.05)

    async def delays(self, topic: str, tell: Tell) -> list[float]:
        """Have events happen one by one; return the seconds until the topic tells of each."""
        await self._client.subscribe(topic, qos=0)
        measured = []
        messages = aiter(self._client.messages)
        for _ in range(EVENTS):
            began = time.perf_counter()
            await tell()
            async with asyncio.timeout(TIMEOUT):
                await anext(messages)
            measured.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)
        await self._client.unsubscribe(topic)
        return measured


async def measure(broker: Mosquitto, redis_url: str) -> None:
    """Print the delays."""
    async with (
        Redis.from_url(redis_url) as redis,
        aiomqtt.Client("127.0.0.1", broker.port, username=USER, password=broker.password) as client,
    ):
        home = Home(client, redis)
        await home.begins()
        await home.delays("hsi/camera/+/event", home.redis_tells)  # Warms up; it is not counted.
        for name, tell in (
            ("event in Redis to Home Assistant's topic", home.redis_tells),
            ("Frigate's message to Home Assistant's topic", home.frigate_tells),
        ):
            print(row(name, await home.delays("hsi/camera/+/event", tell)))


def main(folder: Path) -> None:
    """Measure and print.

    Raises:
        BenchError: There is no mosquitto.

    """
    try:
        broker = Mosquitto(folder / "mosquitto", port=free_port())
    except MissingError as error:
        raise BenchError(str(error)) from None
    redis = EmbeddedRedis(folder / "redis", port=free_port())
    with running(broker, redis):
        service = ServiceProcess(
            "mqtt",
            name="mqtt",
            port=free_port(),
            log=folder / "mqtt.log",
            REDIS_URL=redis.url,
            MQTT_URL=broker.url,
            MQTT_USERNAME=USER,
            MQTT_PASSWORD=broker.password,
        )
        with running(service):
            print(f"{'milliseconds':44} {'median':>8} {'p99':>8}")
            asyncio.run(measure(broker, redis.url))
