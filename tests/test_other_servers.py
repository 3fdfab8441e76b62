"""`services.events.app:app` runs under any ASGI server; here, hypercorn."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from local.processes import Process, free_port
from shared.close_codes import CODES_THAT_END
from tests.clients import dashboard, golden, hear, publish


class Hypercorn(Process):
    """The events service under hypercorn."""

    def __init__(self, redis_url: str, channel: str, log: Path) -> None:
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
            | {"REDIS_URL": redis_url, "REDIS_EVENT_CHANNEL": channel, "HEARTBEAT_INTERVAL": "1"},
        )

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").is_success
        except httpx.TransportError:
            return False


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
        assert await hear(client) == '{"type":"pong"}'
        assert await hear(client) == '{"type":"ping","cursor":"0-0"}'
        await client.send("x" * (64 * 1024 + 1))
        with pytest.raises(ConnectionClosed):
            await hear(client)
        assert client.close_code == 1009
    async with dashboard(server) as client:
        server.signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionClosed):
            while True:
                await hear(client)
        # Another server ends connections in its own way; but to a client all the same it means:
        # come back.
        assert client.close_code not in CODES_THAT_END
