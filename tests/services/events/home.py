"""A home whose history of events is made up, and the service that tells of it."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
from litestar import Litestar
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from hsi.schemas import channels
from services.events.app import create_events_app
from services.events.settings import EventsSettings
from tests.servers import as_user, serving

MINUTE = 60_000
LONG_AGO = 24 * 60
"""Minutes."""


class Home:
    """A channel, and the service that tells of its history."""

    def __init__(self, app: Litestar, http: httpx.AsyncClient, redis: Redis, channel: str) -> None:
        self.app, self.http, self.redis, self.channel = app, http, redis, channel
        self.history, self.number = channels.history(channel), channels.number(channel)
        self.since = channels.since(channel)
        self._count = 0

    async def now(self) -> int:
        seconds, micros = await self.redis.time()
        return seconds * 1000 + micros // 1000

    async def happened(self, *minutes_ago: float, **data: Any) -> list[str]:
        """Have messages in the history that were published so long ago, in order."""
        now, cursors = await self.now(), []
        for ago in minutes_ago:
            self._count += 1
            cursor = f"{now - round(ago * MINUTE)}-{self._count}"
            message = {"type": "event", "data": {"id": self._count, **data}}
            await self.redis.xadd(self.history, {"m": json.dumps(message)}, id=cursor)
            cursors.append(cursor)
        await self.redis.set(self.number, self._count)
        return cursors

    async def is_known_for(self, minutes: float) -> None:
        await self.redis.set(self.since, await self.now() - round(minutes * MINUTE))

    async def marked(self) -> int:
        return int(str(await self.redis.get(self.since)))

    def listener(self) -> connect:
        return connect(str(self.http.base_url).replace("http", "ws") + "/ws/events")

    async def get(self, **asked: Any) -> Any:
        answer = await self.http.get("/api/events", params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextlib.asynccontextmanager
async def home_at(redis_url: str, channel: str, **settings: Any) -> AsyncIterator[Home]:
    url = as_user("events", redis_url)
    app = create_events_app(EventsSettings(redis_url=url, redis_event_channel=channel, **settings))
    async with (
        serving(app) as (host, port),
        Redis.from_url(redis_url, decode_responses=True) as redis,
        httpx.AsyncClient(base_url=f"http://{host}:{port}") as http,
    ):
        yield Home(app, http, redis, channel)


def ids(answer: Any) -> list[int]:
    return [event["message"]["data"]["id"] for event in answer["events"]]
