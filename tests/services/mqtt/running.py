"""A broker of the service's that runs beside a test, and what it gets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

from hsi.tasks import cancel_and_wait
from hsi_service.metrics import Metrics
from services.mqtt.address import BrokerAddress
from services.mqtt.broker import Broker
from services.mqtt.messages import Received


async def until(is_so: Callable[[], object], *, within: float = 15) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within):
        while not is_so():
            await asyncio.sleep(0.01)


class Home(NamedTuple):
    """A broker, with what it got."""

    broker: Broker
    metrics: Metrics
    got: list[bytes]

    def counted(self, metric: str, outcome: str) -> float:
        value = self.metrics.registry.get_sample_value(metric, {"outcome": outcome})
        assert value is not None
        return value


@contextlib.asynccontextmanager
async def connected(address: BrokerAddress, *filters: str) -> AsyncIterator[Home]:
    """Run a broker, from when it is connected."""
    async with at(address, *filters) as home:
        await until(lambda: home.broker.connected)
        yield home


@contextlib.asynccontextmanager
async def at(address: BrokerAddress, *filters: str) -> AsyncIterator[Home]:
    """Run a broker."""
    metrics = Metrics()
    broker = Broker(address, metrics)
    got: list[bytes] = []

    async def hear(received: Received) -> None:
        got.append(received.payload)

    for topic_filter in filters:
        broker.on_message(topic_filter, hear)
    task = asyncio.create_task(broker.run())
    try:
        yield Home(broker, metrics, got)
    finally:
        await cancel_and_wait(task)
