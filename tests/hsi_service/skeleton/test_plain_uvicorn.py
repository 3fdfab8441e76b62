"""`uvicorn services.events.app:app`, as somebody types it: the door and the log are the same."""

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from local.processes import Process, free_port
from tests.clients import hear
from tests.servers import as_user


class Uvicorn(Process):
    """The events service under a uvicorn that is not ours, on all addresses."""

    def __init__(self, redis_url: str, channel: str, log: Path, **settings: str) -> None:
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "services.events.app:app"]
        super().__init__(
            "uvicorn",
            [*command, "--host=0.0.0.0", f"--port={port}"],
            url=f"http://127.0.0.1:{port}",
            log=log,
            environment=os.environ
            | {"REDIS_URL": as_user("events", redis_url), "REDIS_EVENT_CHANNEL": channel}
            | settings,
        )

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").is_success
        except httpx.TransportError:
            return False


def own_address() -> str:
    """Return an address of this machine that is not loopback; traffic to it leaves nothing."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return str(address.address)
    pytest.skip("this machine has no address but loopback")


async def test_it_serves_loopback_alone_and_logs_no_query(
    redis_url: str, channel: str, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    server = Uvicorn(redis_url, channel, tmp_path / "log")
    cleanup(server)
    server.start()
    path = "/ws/events?api_key=hunter2&tail=1"
    async with connect(server.url.replace("http", "ws") + path, compression=None) as client:
        await client.send("ping")
        assert json.loads(await hear(client))["type"] in {"pong", "ping"}
    outside = server.url.replace("127.0.0.1", own_address())
    async with httpx.AsyncClient() as http:
        assert (await http.get(f"{server.url}/status?token=hunter2")).status_code == 200
        for host in ({}, {"Host": "localhost"}):
            answer = await http.get(f"{outside}/status?token=hunter2", headers=host)
            assert answer.status_code == 403
            assert "set API_KEYS or AUTH_DISABLED=true" in answer.text
    async with connect(outside.replace("http", "ws") + path, compression=None) as client:
        with pytest.raises(ConnectionClosed):
            await hear(client)
        assert client.close_code == 4403
        assert "set API_KEYS or AUTH_DISABLED=true" in (client.close_reason or "")
    server.stop()
    log = server.log.read_text()
    assert '"GET /status?***' in log
    assert '"WebSocket /ws/events?***' in log
    assert "hunter2" not in log
