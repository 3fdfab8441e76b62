"""A home for the tests of what is told of its events."""

from collections.abc import AsyncIterator

import pytest

from services.events import one, recent
from tests.services.events.home import Home, home_at


@pytest.fixture
async def home(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Home]:
    """One of whose history each answer is of now."""
    monkeypatch.setattr(recent, "MAX_KEPT", 0)
    monkeypatch.setattr(one, "MAX_KEPT", 0)
    async with home_at(redis_url, channel) as home:
        yield home
