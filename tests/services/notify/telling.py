"""The notify service in a test's own process, and those whom it tells."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from litestar import Litestar
from redis.asyncio import Redis

from hsi.publisher import Publisher
from hsi.schemas import Event, EventData, channels
from hsi.schemas.base import now
from hsi.settings import load
from services.notify.app import create_notify_app
from services.notify.settings import NotifySettings
from tests.clients import http_client, until
from tests.servers import as_user, serving

Behave = Callable[[BaseHTTPRequestHandler], None]
USUAL = {"from": "low", "cooldown": "0", "group": "0"}
"""Rules by which each event is told by itself."""


class Receiver(ThreadingHTTPServer):
    """Whom Apprise's json:// tells, over HTTP on loopback."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self.got: list[dict[str, Any]] = []
        """What was taken."""
        self.asked = 0
        """Requests, taken or not."""
        self.behave: Behave = took
        self.ending = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self) -> str:
        """The address, for rules."""
        return f"json://127.0.0.1:{self.server_port}/"

    @property
    def titles(self) -> list[str]:
        """The titles of what was taken."""
        return [one["title"] for one in self.got]

    async def has(self, count: int, *, within: float = 10) -> None:
        """Wait until it has taken so many messages."""

        async def enough() -> bool:
            return len(self.got) >= count

        await until(enough, within=within)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        self.server.asked += 1
        with contextlib.suppress(OSError):
            self.server.behave(self)

    def log_message(self, *_: Any) -> None:
        pass


def took(request: BaseHTTPRequestHandler) -> None:
    """Take a message."""
    server = request.server
    assert isinstance(server, Receiver)
    server.got.append(json.loads(request.rfile.read(int(request.headers["Content-Length"]))))
    answers(200)(request)


def answers(status: int, **headers: str) -> Behave:
    """Answer with a status, and take nothing."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", "0")
        request.end_headers()

    return answer


def hangs(request: BaseHTTPRequestHandler) -> None:
    """Answer nothing."""
    server = request.server
    assert isinstance(server, Receiver)
    server.ending.wait(30)


@contextlib.contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver(port)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.ending.set()
        receiver.shutdown()
        receiver.server_close()
        thread.join()


class Telling(NamedTuple):
    """A service that tells, in this process."""

    app: Litestar
    http: httpx.AsyncClient
    redis: Redis
    channel: str
    publisher: Publisher

    async def publish(self, number: int, **data: Any) -> str:
        """Publish an event; return its cursor."""
        return await publish(self.publisher, self.channel, number, **data)

    async def publish_status(self, kind: str, **data: Any) -> None:
        """Publish on the channel of statuses, with history."""
        message = {"type": kind, "data": data, "timestamp": "2026-01-15T12:00:00Z"}
        await self.publisher.publish(channels.SYSTEM_STATUS, json.dumps(message).encode())

    async def get(self, path: str) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def publish(publisher: Publisher, channel: str, number: int, **data: Any) -> str:
    """Publish an event; return its cursor."""
    usual: dict[str, Any] = {
        "id": number,
        "event_id": number,
        "batch_id": f"batch-{number}",
        "camera_id": f"camera_{number}",
        "risk_score": 75,
        "risk_level": "high",
        "summary": f"Event {number}",
        "started_at": now(),
    }
    published = await publisher.publish(channel, Event(data=EventData(**usual | data)))
    return published.cursor


def rules(*targets: tuple[str, str], **more: Any) -> str:
    """Return rules by which these targets, by name and address, are told each event by itself."""
    return json.dumps(
        {"defaults": USUAL | more, "targets": {name: {"url": url} for name, url in targets}}
    )


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return what a target that is a file was told."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


@contextlib.asynccontextmanager
async def telling(
    redis_url: str, channel: str, notify_rules: str, **settings: str
) -> AsyncIterator[Telling]:
    """Run the service; return when it follows all histories for all targets."""
    environment = {
        "REDIS_URL": as_user("notify", redis_url),
        "REDIS_EVENT_CHANNEL": channel,
        "NOTIFY_RULES": notify_rules,
        "LEASE_SECONDS": "1",
        "DASHBOARD_URL": "https://home.example/",
    }
    app = create_notify_app(load(NotifySettings, environment | settings))
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        publisher = await stack.enter_async_context(Publisher(redis_url))
        host, port = await stack.enter_async_context(serving(app))
        http = await stack.enter_async_context(http_client(base_url=f"http://{host}:{port}"))
        names = json.loads(notify_rules)["targets"] if notify_rules.startswith("{") else {}
        await follows(redis, channel, *names)
        yield Telling(app, http, redis, channel, publisher)


async def follows(redis: Redis, channel: str, *targets: str) -> None:
    """Wait until it is known in Redis how far these targets came."""
    histories = (channel, channels.SYSTEM_STATUS, channels.ALERTS_HISTORY)
    keys = [f"consumer:notify:{name}:{history}" for name in targets for history in histories]

    async def are_there() -> bool:
        return not keys or await redis.exists(*keys) == len(keys)

    await until(are_there)


async def settled(seconds: float = 0.3) -> None:
    """Give what must not come a moment to come."""
    await asyncio.sleep(seconds)
