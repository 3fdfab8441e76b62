"""A home that is followed in Redis, and what happens in it."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from redis.asyncio import Redis

from hsi.publisher import Publisher
from hsi.schemas import channels
from hsi_service.home import Home
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service
from tests.clients import meanwhile, until

MINUTE = 60_000
_CHANNELS = channels.SYSTEM_STATUS, channels.PERFORMANCE_UPDATE


class Following:
    """A home, who follows it, and Redis to make things happen in."""

    def __init__(self, home: Home, service: Service, redis: Redis, publisher: Publisher) -> None:
        self.home, self.service, self.redis, self.publisher = home, service, redis, publisher
        self.channel = service.settings.redis_event_channel

    def is_following(self) -> bool:
        """Return whether all is heard, and the history read."""
        heard = map(self.service.subscriber.established, (self.channel, *_CHANNELS))
        return all(heard) and self.home.facts.window.state != "waiting"

    async def says(self, detail: str, *, within: float = 10) -> None:
        """Wait until the verdict has these words."""
        await self.waits_for(lambda: self.home.verdict.detail == detail, within=within)

    async def is_so(self, state: str, *, within: float = 10) -> None:
        """Wait until the home is in this state."""
        await self.waits_for(lambda: self.home.verdict.state == state, within=within)

    @staticmethod
    async def waits_for(condition: Callable[[], bool], *, within: float = 10) -> None:
        async def check() -> bool:
            return condition()

        await until(check, within=within)

    async def happens(self, **data: Any) -> str:
        """Publish an event with history; return its cursor."""
        published = await self.redis.fcall(
            "hsi_publish_v2",
            2,
            channels.history(self.channel),
            channels.number(self.channel),
            self.channel,
            "",
            "",
            "",
            "",
            json.dumps({"type": "event", "data": data}),
        )
        return str(published[2].decode())

    async def tells_status(self, **changes: Any) -> None:
        """Publish a status in which all is well, but for these."""
        data = {
            "gpu": None,
            "queues": {"detection_queue": 0, "analysis_queue": 0, "dlq_total": 0},
            "cameras": {"total": 2, "online": 2, "offline": 0},
            "services": {"yolo26": "healthy", "nemotron": "healthy", "redis": "healthy"},
        } | changes
        message = {"type": "system_status", "data": data, "timestamp": "2026-11-27T00:00:00Z"}
        await self.redis.publish(channels.SYSTEM_STATUS, json.dumps(message))


async def now_at(redis: Redis) -> int:
    seconds, micros = await redis.time()
    return int(seconds * 1000 + micros // 1000)


@contextlib.asynccontextmanager
async def following(redis_url: str, channel: str, **settings: Any) -> AsyncIterator[Following]:
    """Follow the home whose events are on a channel."""
    service = Service("test", Settings(redis_url=redis_url, redis_event_channel=channel))
    home = Home(service, service.settings, **settings)
    async with (
        Redis.from_url(redis_url) as redis,
        Publisher(redis_url) as publisher,
        service.lifespan(None),  # type: ignore[arg-type]  # no application is needed
        meanwhile(home.run()),
    ):
        followed = Following(home, service, redis, publisher)
        await followed.waits_for(followed.is_following)
        yield followed
