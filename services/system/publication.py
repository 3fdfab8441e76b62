"""The way to the clients of other replicas: what only the leader may say, and whether to say it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.exceptions import RedisError

from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi_service.bus.lease import Lease

_PUBLISH = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
redis.call('SET', KEYS[2], ARGV[2])
for number = 4, #ARGV do redis.call('PUBLISH', ARGV[3], ARGV[number]) end
return #ARGV - 3
"""


class NoAnswerError(Exception):
    """Redis did not answer; what it was asked for may or may not have happened."""


class NotLeadingError(Exception):
    """Another replica leads by now; nothing was published."""


class Publication:
    """What a leader asks and tells Redis, each within a time limit and without a second try."""

    def __init__(self, redis_url: str, lease: Lease, *, timeout: float) -> None:
        """Connect on first use.

        Args:
            redis_url: redis://, rediss:// or unix://.
            lease: This replica's.
            timeout: Seconds that each of the methods may take.

        """
        self._redis = async_client(redis_url, name="system-publisher", timeout=timeout)
        self._publish = self._redis.register_script(_PUBLISH)
        self._lease = lease
        self._timeout = timeout

    async def somebody_listens(self) -> bool:
        """Ask Redis whether any replica has clients.

        Raises:
            NoAnswerError: Nobody knows.

        """
        async with self._answering():
            counts = await self._redis.pubsub_numsub(channels.SYSTEM_STATUS)
        return any(count for _, count in counts)

    async def health(self) -> bytes | None:
        """Return what the last leader knew about the health of services.

        Raises:
            NoAnswerError: Nobody knows.

        """
        async with self._answering():
            state: Any = await self._redis.get(channels.SYSTEM_HEALTH)
        return None if state is None else bytes(state)

    async def publish(self, messages: Sequence[bytes], *, health: bytes) -> None:
        """Publish on the channel `system_status`, and leave what is known of health; all or none.

        Redis itself looks whether this replica leads: what a frozen Redis was sent, it would else
        publish when it thaws, beside the next leader's.

        Args:
            messages: In order; each as its schema says.
            health: For the next leader.

        Raises:
            NotLeadingError: Another replica leads by now.
            NoAnswerError: It may or may not have been published.

        """
        keys = [channels.lease(self._lease.name), channels.SYSTEM_HEALTH]
        arguments: list[bytes | str] = [
            self._lease.token,
            health,
            channels.SYSTEM_STATUS,
            *messages,
        ]
        async with self._answering():
            done = await self._publish(keys=keys, args=arguments)
        if done < 0:
            raise NotLeadingError

    @contextlib.asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout):
                yield
        except (RedisError, OSError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}".removesuffix(": ")) from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
