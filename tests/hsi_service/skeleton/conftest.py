"""What tests of the skeleton share: a replica in their own process."""

from collections.abc import AsyncIterator

import pytest

from hsi_service.skeleton import http_connection, new_connection, open_requests
from tests.strangers import Server, replica


@pytest.fixture
async def server(redis_url: str, channel: str) -> AsyncIterator[Server]:
    async with replica(redis_url, channel) as server:
        yield server


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give requests a little time, and look often."""
    monkeypatch.setattr(new_connection, "REQUEST_PATIENCE", 0.3)
    monkeypatch.setattr(http_connection, "REQUEST_PATIENCE", 0.3)
    monkeypatch.setattr(open_requests, "_SWEEP_INTERVAL", 0.05)
