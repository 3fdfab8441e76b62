"""`services.events.app:app` runs under any ASGI server; here, hypercorn."""

import contextlib
import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hsi.publisher import Publisher
from hsi.schemas.close_codes import CODES_THAT_END
from local.processes import Process, free_port, is_up
from tests.clients import dashboard, golden, hear, publish
from tests.servers import as_user
from tests.sse import SseClient

STREAM = "/api/events/stream"


class Hypercorn(Process):
    """The events service under hypercorn."""

    def __init__(self, redis_url: str, channel: str, log: Path, **settings: str) -> None:
        port = free_port()
        super().__init__(
            "hypercorn",
            [
                sys.executable,
                "-m",
                "hypercorn",
                f"--bind=127.0.0.1:{port}",
                "services.events.app:app",
            ],
            url=f"http://127.0.0.1:{port}",
            log=log,
            environment=os.environ
            | {
                "REDIS_URL": as_user("events", redis_url),
                "REDIS_EVENT_CHANNEL": channel,
                "HEARTBEAT_INTERVAL": "1",
            }
            | settings,
        )

    def is_ready(self) -> bool:
        return is_up(f"{self.url}/health/ready")


async def test_the_application_runs_under_hypercorn(
    redis_url: str, channel: str, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    server = Hypercorn(redis_url, channel, tmp_path / "log")
    cleanup(server)
    server.start()
    async with dashboard(server) as client:
        await publish(redis_url, channel, golden("event"))
        assert await hear(client) == golden("event").decode()
        await client.send("ping")
        assert json.loads(await hear(client))["type"] == "pong"
        ping = json.loads(await hear(client))
        assert (ping["type"], ping["cursor"]) == ("ping", "0-0")
        await client.send("x" * (64 * 1024 + 1))
        with pytest.raises(ConnectionClosed):
            await hear(client)
        assert client.close_code == 1009
    async with SseClient.at(server.url, STREAM) as listener, Publisher(redis_url) as publisher:
        assert json.loads(await listener.recv())["cursor"] == "0-0"
        published = await publisher.publish(channel, golden("event"))
        while json.loads(await listener.recv())["type"] != "event":
            pass
        assert listener.last_id == published.cursor
    async with SseClient.at(server.url, STREAM, Last_Event_ID="0-0") as listener:
        assert json.loads(await listener.recv())["data"]["replayed"] == 1
    async with dashboard(server) as client:
        server.signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionClosed):
            while True:
                await hear(client)
        # Another server ends connections in its own way; but to a client all the same it means:
        # come back.
        assert client.close_code not in CODES_THAT_END


async def test_its_door_is_the_same_under_hypercorn(
    redis_url: str, channel: str, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    digest = hashlib.sha256(b"key").hexdigest()
    limits = {"MAX_CONNECTIONS": "2", "MAX_CONNECTIONS_PER_IP": "1"}
    limits["TRUSTED_PROXIES"] = "127.0.0.1"  # The test is a proxy.
    server = Hypercorn(redis_url, channel, tmp_path / "log", API_KEYS=digest, **limits)
    cleanup(server)
    server.start()

    def knock(address: str, key: str = "key", **options: Any) -> connect:
        headers = {"X-Forwarded-For": address}
        protocols = [f"api-key.{key}"]
        return dashboard(server, subprotocols=protocols, additional_headers=headers, **options)

    async def status_of_stream(address: str, key: str) -> int:
        headers = {"X_Forwarded_For": address, "X_API_Key": key}
        async with SseClient.at(server.url, STREAM, **headers) as listener:
            return int(listener.status)

    for code, options in ((4401, {"key": "wrong"}), (4403, {"origin": "https://evil.example"})):
        async with knock("198.51.100.1", **options) as client:
            with pytest.raises(ConnectionClosed):
                await hear(client)
        assert client.close_code == code
    async with knock("198.51.100.1") as client:
        assert client.subprotocol == "api-key.key"
        assert await refusal(knock("198.51.100.1")) == (429, "10")
        assert await status_of_stream("198.51.100.1", "key") == 429
        assert await status_of_stream("198.51.100.3", "wrong") == 401
        async with knock("198.51.100.2"):
            assert await refusal(knock("198.51.100.3")) == (503, "10")
            assert await status_of_stream("198.51.100.3", "key") == 503


async def refusal(attempt: connect) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as caught:
        await attempt
    response = caught.value.response
    return response.status_code, response.headers["Retry-After"]
