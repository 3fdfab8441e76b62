"""SystemBroadcaster, as the document names it: made by the application, one per process."""

import json

import msgspec
import pytest
from websockets.asyncio.client import connect

from hsi.schemas import PerformanceUpdate, SystemStatus, WebSocketCircuitState, channels
from services.system.app import create_system_app
from services.system.broadcaster import (
    SystemBroadcaster,
    get_system_broadcaster,
    stop_system_broadcaster,
)
from services.system.circuit_breaker import WebSocketCircuitBreaker
from services.system.settings import SystemSettings
from tests.clients import golden, hear, publish, until
from tests.servers import RedisServer, serving


async def test_the_application_makes_the_broadcaster_which_sends_to_its_clients_first(
    own_redis: RedisServer,
) -> None:
    app = create_system_app(SystemSettings(redis_url=own_redis.url, broadcast_interval=3600))
    broadcaster = get_system_broadcaster()
    assert isinstance(broadcaster, SystemBroadcaster)
    assert isinstance(broadcaster.circuit_breaker, WebSocketCircuitBreaker)
    async with serving(app) as (host, port):

        async def leads() -> bool:
            return broadcaster.lease.held

        await until(leads)
        assert broadcaster.get_circuit_state() is WebSocketCircuitState.CLOSED
        assert not broadcaster.is_degraded()
        async with connect(f"ws://{host}:{port}/ws/system") as client:
            assert json.loads(await hear(client))["type"] == "system_status"  # the latest, at once
            status = msgspec.json.decode(golden("system_status"), type=SystemStatus)
            await broadcaster.broadcast_status(status)
            assert json.loads(await hear(client)) == json.loads(msgspec.json.encode(status))
            figures = msgspec.json.decode(golden("performance_update"), type=PerformanceUpdate)
            broadcaster.broadcast_performance(figures)
            assert json.loads(await hear(client)) == json.loads(msgspec.json.encode(figures))
            # The status has come back from Redis before this, and not to a client that has it.
            await publish(own_redis.url, channels.SYSTEM_STATUS, golden("service_status"))
            assert await hear(client) == golden("service_status").decode()
        await stop_system_broadcaster()
        assert not broadcaster.lease.held
        with pytest.raises(RuntimeError, match="no system broadcaster"):
            get_system_broadcaster()


async def test_a_broadcaster_that_starts_has_its_circuit_closed(own_redis: RedisServer) -> None:
    create_system_app(SystemSettings(redis_url=own_redis.url))
    broadcaster = get_system_broadcaster()
    for _ in range(5):
        broadcaster.circuit_breaker.record_failure()
    assert broadcaster.get_circuit_state() is WebSocketCircuitState.OPEN
    assert broadcaster.is_degraded()
    await broadcaster.start()
    assert broadcaster.get_circuit_state() is WebSocketCircuitState.CLOSED
    await broadcaster.stop()
