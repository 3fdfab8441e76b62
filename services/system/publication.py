"""The way to the clients of other replicas: what only the leader may say, and whether to say it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.exceptions import NoPermissionError, RedisError

from hsi import redis_functions
from hsi.logs import Throttled
from hsi.publishing import FUNCTION, LIBRARY, Bounds, keyed_call
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease, Turn
from services.system.changes import Change, Left

logger = logging.getLogger(__name__)

_PUBLISH = """
for number = 3, 5 do
  if ARGV[number + 2] ~= '' then redis.call('SET', KEYS[number], ARGV[number + 2]) end
end
for number = 9, #ARGV do redis.call('PUBLISH', ARGV[8], ARGV[number]) end
return #ARGV - 8
"""
_KEYS = channels.SYSTEM_HEALTH, channels.CAMERAS, channels.SYSTEM_CHANGES
AT_ONCE = 100
"""Changes that are told in one go."""


class NoAnswerError(Exception):
    """Redis did not answer; what it was asked for may or may not have happened."""


class Publication:
    """What a leader asks and tells Redis, each within a time limit and without a second try."""

    def __init__(self, redis_url: str, lease: Lease, *, timeout: float) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            lease: This replica's.
            timeout: Seconds that each of the methods may take.

        """
        self._redis = async_client(redis_url, name="system-publisher", timeout=timeout)
        self._publish = LeaderScript(self._redis, lease, _PUBLISH)
        self._timeout = timeout
        self._spoilt = SpoiltKeys(logger)
        self._denied = Throttled(logger)

    async def somebody_listens(self) -> bool:
        """Ask Redis whether any replica has clients.

        Raises:
            NoAnswerError: Nobody knows.

        """
        async with self._answering():
            counts = await self._redis.pubsub_numsub(channels.SYSTEM_STATUS)
        return any(count for _, count in counts)

    async def left(self) -> Left:
        """Return what the last leader left.

        Raises:
            NoAnswerError: Nobody knows.

        """
        async with self._answering():
            async with self._redis.pipeline(transaction=False) as commands:
                for key in _KEYS:
                    commands.get(key)
                replies = await commands.execute(raise_on_error=False)
            for key, reply in zip(_KEYS, replies, strict=True):
                if isinstance(reply, Exception):
                    if not is_wrong_type(reply):
                        raise reply
                    self._spoilt.found(key, "expected a string; it is replaced")
        return Left(*(None if isinstance(reply, Exception) else reply for reply in replies))

    async def publish(self, turn: Turn, messages: Sequence[bytes], *, left: Left) -> None:
        """Publish on the channel `system_status`, and leave what is known; all or none.

        Args:
            turn: Of these messages.
            messages: In order; each as its schema says. There may be none.
            left: For the next leader.

        Raises:
            NotLeadingError: Another replica leads by now, or something newer was published.
            NoAnswerError: It was published, or will be if nothing newer is before, or will not be.

        """
        values = [value or b"" for value in (left.health, left.cameras, left.changes)]
        async with self._answering():
            await self._publish.run(
                turn,
                keys=_KEYS,
                arguments=[*values, channels.SYSTEM_STATUS, *messages],
            )

    async def tell(self, changes: Sequence[Change]) -> None:
        """Publish changes with history, in order; Redis refuses those that it has already.

        Where this replica's user of Redis may not, they are published all the same, live alone.

        Args:
            changes: `AT_ONCE` of them at most.

        Raises:
            NoAnswerError: They were told, or some of them, or will be.

        """
        async with self._answering():
            replies = await self._append(changes)
            if any(_is_missing(reply) for reply in replies):
                with contextlib.suppress(NoPermissionError):
                    await redis_functions.load_async(self._redis, FUNCTION, LIBRARY)
                    replies = await self._append(changes)
            for change, reply in zip(changes, replies, strict=True):
                if isinstance(reply, NoPermissionError) or _is_missing(reply):
                    self._denied.warning(
                        "changes are told without history: this replica's user of Redis needs its "
                        "new rules (users.acl)",
                        reason=str(reply),
                    )
                    await self._redis.publish(channels.SYSTEM_STATUS, change.message)
                elif isinstance(reply, Exception):
                    raise reply

    async def _append(self, changes: Sequence[Change]) -> list[Any]:
        async with self._redis.pipeline(transaction=False) as commands:
            for change in changes:
                call = keyed_call(
                    channels.SYSTEM_STATUS,
                    change.message.encode(),
                    key=change.key,
                    bounds=Bounds(),
                )
                commands.fcall(*call)
            return await commands.execute(raise_on_error=False)

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


def _is_missing(reply: object) -> bool:
    return isinstance(reply, Exception) and redis_functions.is_missing(reply)
