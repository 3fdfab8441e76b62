"""The way to the clients of other replicas: what only the leader may say, and whether to say it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.exceptions import RedisError, ResponseError

from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease, Turn

logger = logging.getLogger(__name__)

_PUBLISH = """
redis.call('SET', KEYS[3], ARGV[5])
for number = 7, #ARGV do redis.call('PUBLISH', ARGV[6], ARGV[number]) end
return #ARGV - 6
"""


class NoAnswerError(Exception):
    """Redis did not answer; what it was asked for may or may not have happened."""


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
        self._publish = LeaderScript(self._redis, lease, _PUBLISH)
        self._timeout = timeout
        self._spoilt = SpoiltKeys(logger)

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
            try:
                state: Any = await self._redis.get(channels.SYSTEM_HEALTH)
            except ResponseError as error:
                if not is_wrong_type(error):
                    raise
                self._spoilt.found(channels.SYSTEM_HEALTH, "expected a string; it is replaced")
                return None
        return None if state is None else bytes(state)

    async def publish(self, turn: Turn, messages: Sequence[bytes], *, health: bytes) -> None:
        """Publish on the channel `system_status`, and leave what is known of health; all or none.

        Args:
            turn: Of these messages.
            messages: In order; each as its schema says.
            health: For the next leader.

        Raises:
            NotLeadingError: Another replica leads by now, or something newer was published.
            NoAnswerError: It was published, or will be if nothing newer is before, or will not be.

        """
        async with self._answering():
            await self._publish.run(
                turn,
                keys=[channels.SYSTEM_HEALTH],
                arguments=[health, channels.SYSTEM_STATUS, *messages],
            )

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
