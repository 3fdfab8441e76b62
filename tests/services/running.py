"""Services that run in a test's own process, beside its Redis."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
from litestar import Litestar
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from services.collector.app import create_collector_app
from services.collector.settings import CollectorSettings
from services.joblogs.app import create_joblogs_app
from services.joblogs.settings import JobLogSettings
from services.system.app import create_system_app
from services.system.settings import SystemSettings
from tests.clients import http_client
from tests.servers import as_user, serving


class Running(NamedTuple):
    """A service that runs in this process."""

    app: Litestar
    http: httpx.AsyncClient
    redis: Redis
    heard: PubSub
    """What it publishes."""

    async def hears(self, *, within: float = 10) -> Any:
        """Return the next message that the service publishes."""
        async with asyncio.timeout(within):
            while True:
                message = await self.heard.get_message(timeout=1)
                if message and message["type"] == "message":
                    return json.loads(message["data"])

    async def get(self, path: str, *, status: int = 200) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.json()

    def failures(self) -> int:
        """Return how often a background task has failed."""
        return sum(self.app.state["service"].supervisor.failures().values())


@contextlib.asynccontextmanager
async def running(name: str, redis_url: str, channel: str = "") -> AsyncIterator[Running]:
    """Run a service with a tenth of its usual interval, as the user that it is shipped with."""
    url = as_user(name, redis_url)
    if name == "collector":
        app = create_collector_app(CollectorSettings(redis_url=url, broadcast_interval=0.5))
    elif name == "system":
        app = create_system_app(SystemSettings(redis_url=url, broadcast_interval=0.5))
    else:
        app = create_joblogs_app(JobLogSettings(redis_url=url))
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        heard = await stack.enter_async_context(redis.pubsub())
        if channel:
            await heard.subscribe(channel)
        host, port = await stack.enter_async_context(serving(app))
        http = await stack.enter_async_context(http_client(base_url=f"http://{host}:{port}"))
        yield Running(app, http, redis, heard)
