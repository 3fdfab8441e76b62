"""What an operator asks of a replica."""

import socket
from collections.abc import AsyncIterator

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from hsi.keys import KeyEntry, Scope, digest
from services.system.app import create_system_app
from services.system.broadcaster import get_system_broadcaster
from services.system.settings import SystemSettings

PATH = "/api/breaker/reset"
SCOPES: tuple[Scope, ...] = ("read", "act", "admin", "publish")
"""Each is the key of its own name."""


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[AsyncTestClient[Litestar]]:
    entries = [str(KeyEntry(scope, scope, digest(scope.encode()).hex())) for scope in SCOPES]
    settings = SystemSettings(redis_url=redis_url, broadcast_interval=3600, api_keys=tuple(entries))
    async with AsyncTestClient(create_system_app(settings)) as client:
        yield client


async def test_only_an_admin_resets_the_breaker_of_the_replica_that_is_asked_which_says_its_name(
    client: AsyncTestClient[Litestar], caplog: pytest.LogCaptureFixture
) -> None:
    broadcaster = get_system_broadcaster()
    for _ in range(5):
        broadcaster.circuit_breaker.record_failure()
    for key, status in (("", 401), ("read", 403), ("act", 403), ("publish", 403)):
        headers = {"X-API-Key": key} if key else {}
        assert (await client.post(PATH, headers=headers)).status_code == status
    assert broadcaster.get_circuit_state() == "open"
    answer = await client.post(PATH, headers={"X-API-Key": "admin"})
    assert answer.status_code == 200
    assert answer.json() == {
        "replica": f"{socket.gethostname()}:{client.base_url.port or 80}",
        "before": "open",
        "state": "closed",
    }
    assert broadcaster.get_circuit_state() == "closed"
    [record] = [each for each in caplog.records if "reset by hand" in each.message]
    assert (record.__dict__["before"], record.__dict__["key"]) == ("open", "admin")
