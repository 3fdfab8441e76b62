"""What tests of the fan-out share."""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hsi_service.bus.history import History
from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import Subscriber
from hsi_service.door.compression import WINDOW_BITS
from hsi_service.fanout.hub import Hub
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor


class Compressors:
    """Counts the compressors that are made for messages to clients: one for each message."""

    def __init__(self) -> None:
        self.made = 0
        self._make = zlib.compressobj

    def compressobj(self, *arguments: Any, **more: Any) -> Any:
        # A client in the same process makes its own, with another window.
        self.made += arguments[2:3] == (-WINDOW_BITS,)
        return self._make(*arguments, **more)


@pytest.fixture
def compressors(monkeypatch: pytest.MonkeyPatch) -> Compressors:
    compressors = Compressors()
    monkeypatch.setattr(zlib, "compressobj", compressors.compressobj)
    return compressors


@pytest.fixture
async def hub(redis_url: str) -> AsyncIterator[Hub]:
    metrics = Metrics()
    subscriber = Subscriber(redis_url, name="test", on_outage=metrics.redis_outages.inc)
    history = History(redis_url, name="test")
    running = asyncio.create_task(subscriber.run())
    supervisor = Supervisor(metrics)
    probe = Probe(redis_url, subscriber, name="test", on_deaf=metrics.deaf.inc)
    hub = Hub(subscriber, history, metrics, supervisor, probe=probe)
    yield hub
    for topic in hub.topics.values():
        topic.close()
    await supervisor.stop()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await history.aclose()
    await probe.aclose()
