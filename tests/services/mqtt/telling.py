"""A home that Home Assistant is told of, from Redis to a real broker."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from hsi.publishing import LIBRARY
from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from hsi_service.home import Home
from hsi_service.skeleton.service import Service
from services.mqtt.broker import Broker
from services.mqtt.outgoing import HomeAssistantOut
from services.mqtt.settings import MqttSettings
from tests.clients import golden, meanwhile, until
from tests.home_assistant import Config, HomeAssistant
from tests.mosquitto import Mosquitto
from tests.servers import as_user

CHANNEL = channels.SECURITY_EVENTS
URL = "https://home.example"
AT = "2026-11-27T00:00:00Z"


class House:
    """What happens, in Redis."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.cameras: dict[str, str] = {}
        self.states: dict[str, str] = {}

    async def begins(self) -> None:
        """Have the function that publishes, and know that nothing has happened for long."""
        await self.redis.function_load(LIBRARY, replace=True)
        seconds, _ = await self.redis.time()
        await self.redis.set(channels.since(CHANNEL), (seconds - 3600) * 1000)

    async def happens(self, event_id: int, camera: str = "front_door", **data: Any) -> str:
        """Publish an event with history; return its cursor."""
        told = {"event_id": event_id, "camera_id": camera, "risk_level": "high", "risk_score": 75}
        told |= {"summary": f"Event {event_id}", "started_at": AT} | data
        message = json.dumps({"type": "event", "data": told})
        keys = channels.history(CHANNEL), channels.number(CHANNEL)
        arguments = (CHANNEL, "", "", "", "", message)
        published = await self.redis.fcall("hsi_publish_v2", 2, *keys, *arguments)
        return str(published[2].decode())

    async def has(self, **cameras: str) -> None:
        """Have these cameras, by name, and no others; all are online."""
        self.cameras = cameras
        listed = [
            {"id": camera, "name": name, "status": self.states.get(camera, "online"), "since": AT}
            for camera, name in cameras.items()
        ]
        await self.redis.set(channels.CAMERAS, json.dumps({"at": AT, "cameras": listed}))
        await self.is_well()

    async def is_well(self, **changes: Any) -> None:
        """Tell a status."""
        total = len(self.cameras)
        gpu = {"name": "A", "utilization": 38.5, "temperature": 65}
        data = {
            "gpu": gpu | {"memory_used": 1, "memory_total": 2, "power_usage": 90},
            "queues": {"detection_queue": 0, "analysis_queue": 3, "dlq_total": 0},
            "cameras": {"total": total, "online": total, "offline": 0} if total else None,
            "services": {"yolo26": "healthy", "nemotron": "healthy", "redis": "healthy"},
        } | changes
        message = {"type": "system_status", "data": data, "timestamp": AT}
        await self.redis.publish(channels.SYSTEM_STATUS, json.dumps(message))

    async def raises(self, *alerts: Config) -> None:
        """Tell figures, with all alerts that are raised."""
        update = json.loads(golden("performance_update"))
        update["data"]["raised"] = alerts
        await self.redis.publish(channels.PERFORMANCE_UPDATE, json.dumps(update))

    async def goes_on(self) -> None:
        """Tell a status every second."""
        while True:
            with contextlib.suppress(RedisError):  # A test may end it.
                await self.is_well()
            await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def house(redis_url: str) -> AsyncIterator[House]:
    """Have a home of which statuses are told."""
    async with Redis.from_url(redis_url) as redis:
        found = House(redis)
        await found.begins()
        async with meanwhile(found.goes_on()):
            yield found


class Telling:
    """The service's part that tells, put together as the service does."""

    def __init__(self, redis_url: str, broker: Mosquitto, **settings: Any) -> None:
        url = as_user("mqtt", redis_url)
        self.settings = MqttSettings(
            redis_url=url, mqtt_url=broker.url, dashboard_url=URL, **settings
        )
        self.service = Service("mqtt", self.settings)
        self.home = Home(self.service, self.settings)
        self.broker = Broker(
            broker.address(),
            self.service.metrics,
            status_topic=f"{self.settings.mqtt_topic}/status",
        )
        self.out = HomeAssistantOut(self.service, self.settings, self.home, self.broker)

    def count(self, kind: str) -> float:
        """Return how many messages of a kind were published."""
        name = "hsi_home_assistant_messages_total"
        return self.service.metrics.registry.get_sample_value(name, {"kind": kind}) or 0


@contextlib.asynccontextmanager
async def telling(redis_url: str, broker: Mosquitto, **settings: Any) -> AsyncIterator[Telling]:
    """Tell Home Assistant of the home of a Redis."""
    found = Telling(redis_url, broker, **settings)
    async with (
        found.service.lifespan(None),  # type: ignore[arg-type]  # no application is needed
        meanwhile(found.home.run()),
        meanwhile(found.broker.run()),
        meanwhile(found.out.run()),
    ):
        yield found


class Listener(HomeAssistant):
    """Home Assistant at a broker."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, bytes, bool]] = []
        """All that came: topic, payload, and whether the broker had kept it."""

    def count(self, topic: str) -> int:
        return sum(heard == topic for heard, _, _ in self.heard)

    def of(self, event_id: int) -> list[Config]:
        """Return what was told of an event."""
        return [told for told in self.told if told["event_id"] == event_id]

    async def waits_for(self, condition: Callable[[], bool], *, within: float = 10) -> None:
        async def check() -> bool:
            return condition()

        await until(check, within=within)

    async def shows_state(self, entity: str, state: str, *, within: float = 10) -> None:
        """Wait until an entity shows a state."""
        try:
            await self.waits_for(
                lambda: entity in self.entities and self.shows(entity).state == state,
                within=within,
            )
        except TimeoutError:
            found = self.shows(entity) if entity in self.entities else None
            raise AssertionError(f"{entity} shows {found}, not {state}") from None


@contextlib.asynccontextmanager
async def listening(broker: Mosquitto) -> AsyncIterator[Listener]:
    """Listen at a broker, from when all that it holds has come."""
    found = Listener()
    async with broker.client() as client:

        async def listen() -> None:
            async for message in client.messages:
                topic, payload = str(message.topic), message.payload
                assert isinstance(payload, bytes)
                found.heard.append((topic, payload, message.retain))
                if topic != "homeassistant/status":
                    found.receives(topic, payload, retained=message.retain)

        task = asyncio.create_task(listen())
        await client.subscribe("#", qos=1)
        try:
            yield found
        finally:
            failed = task.done()
            await cancel_and_wait(task)
            if failed:
                task.result()
