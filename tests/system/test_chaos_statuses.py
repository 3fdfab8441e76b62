"""Statuses on a bad day: every client has each slot once, in order, and none is left without.

Three replicas, each with a network of its own between it and Redis. One has the machine's clock,
one a clock that is 20 s ahead, and one a clock that steps back and forth by as much. Redis is
killed, frozen and wiped, connections stall, lose messages and go on, and replicas are suspended.
"""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from local.service import ServiceProcess
from tests.clients import until
from tests.conftest import StartSystems
from tests.screens import INTERVAL, have, have_more, own, screens
from tests.servers import RedisServer
from tests.stalling import StallingProxy

SEED = 20261127
TIMES = 3
"""How often each fault happens."""
AHEAD = 20.25
PUBLISHER, SUBSCRIBER = "hsi-system-publisher", "hsi-system-subscriber"
LEASE = "hsi-lease-system"
PATIENCE = 40
"""Seconds for statuses to come again; the longest pause is the circuit breaker's."""


class BadDay:
    """What happens to Redis, the networks and the replicas."""

    def __init__(
        self,
        redis: RedisServer,
        networks: list[StallingProxy],
        replicas: list[ServiceProcess],
        chance: random.Random,
    ) -> None:
        self._redis = redis
        self._networks = networks
        self._replicas = replicas
        self._chance = chance
        faults: list[Callable[[], Awaitable[None]]] = [
            self.redis_is_killed,
            self.redis_is_frozen,
            self.redis_is_wiped,
            self.what_the_leader_publishes_stalls,
            self.a_lease_stalls,
            self.a_subscription_stalls,
            self.a_subscription_is_muted,
            self.a_replica_is_suspended,
        ]
        self.faults = faults * TIMES
        chance.shuffle(self.faults)

    async def a_while(self) -> None:
        await asyncio.sleep(self._chance.choice((0.8, 1.6, 2.6, 4.0, 6.0)) * INTERVAL)

    async def redis_is_killed(self) -> None:
        self._redis.kill()
        await self.a_while()
        await asyncio.to_thread(self._redis.start)

    async def redis_is_frozen(self) -> None:
        self._redis.freeze()
        await self.a_while()
        self._redis.thaw()

    async def redis_is_wiped(self) -> None:
        async with Redis.from_url(self._redis.url) as redis:
            await redis.flushall()

    async def what_the_leader_publishes_stalls(self) -> None:
        leading: list[StallingProxy] = []

        async def one_publishes() -> bool:
            leading[:] = [
                network
                for network, replica in zip(self._networks, self._replicas, strict=True)
                if (await own(replica))["lease"]["held"] and network.has(PUBLISHER)
            ]
            return bool(leading)

        await until(one_publishes, within=PATIENCE)
        await self._between(leading[0], StallingProxy.stall, PUBLISHER)

    async def a_lease_stalls(self) -> None:
        await self._between(self._chance.choice(self._networks), StallingProxy.stall, LEASE)

    async def a_subscription_stalls(self) -> None:
        network = self._chance.choice(self._networks)
        await self._between(network, StallingProxy.stall_answers, SUBSCRIBER)

    async def a_subscription_is_muted(self) -> None:
        network = self._chance.choice(self._networks)
        await self._between(network, StallingProxy.mute, SUBSCRIBER)

    async def a_replica_is_suspended(self) -> None:
        replica = self._chance.choice(self._replicas)
        replica.signal(signal.SIGSTOP)
        await self.a_while()
        replica.signal(signal.SIGCONT)

    async def _between(
        self, network: StallingProxy, fault: Callable[[StallingProxy, str], None], name: str
    ) -> None:
        async def is_connected() -> bool:
            return network.has(name)

        await until(is_connected, within=PATIENCE)
        fault(network, name)
        await self.a_while()
        network.go_on()


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_every_client_has_each_slot_once_and_in_order_whatever_happens(
    own_redis: RedisServer, start_systems: StartSystems
) -> None:
    with contextlib.ExitStack() as stack:
        networks = [stack.enter_context(StallingProxy(own_redis.url)) for _ in range(3)]
        replicas = [
            *start_systems(networks[0].url),
            *start_systems(networks[1].url, ahead=AHEAD),
            *start_systems(networks[2].url, ahead=AHEAD, steps_every=7),
        ]
        async with screens(*replicas * 2) as shown:
            await have(shown, 4)
            day = BadDay(own_redis, networks, replicas, random.Random(SEED))
            for fault in day.faults:
                await fault()
                await have_more(shown, 2, within=PATIENCE)
    for screen in shown:
        slots = screen.slots()
        assert slots == sorted(set(slots))
        assert not screen.closed
