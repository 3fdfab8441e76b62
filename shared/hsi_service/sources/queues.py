"""How much work waits, by the lengths of Redis lists."""

import logging
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from redis.exceptions import RedisError

from hsi.redis_client import async_client, is_busy, reason_of
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.sources.time_limited import SourceError

logger = logging.getLogger(__name__)

ANSWER_TIMEOUT = 1.0
"""Seconds for an answer."""


class Depths(Struct, frozen=True, kw_only=True):
    """Entries that wait. None where a name is no list's, so its length cannot be told."""

    detection: int | None
    analysis: int | None
    dead_letters: int | None
    """In all dead-letter queues together."""


class Queues:
    """Reads queue depths, all in one round trip."""

    def __init__(
        self,
        redis_url: str,
        *,
        name: str,
        detection: str,
        analysis: str,
        dead_letters: Sequence[str],
    ) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Of the service, shown by Redis' CLIENT LIST.
            detection: Name of the list of images that wait.
            analysis: Name of the list of batches that wait.
            dead_letters: Names of the lists of what failed for good.

        """
        self._redis = async_client(
            redis_url, name=f"{name}-queues", timeout=ANSWER_TIMEOUT, read_only=True
        )
        self._names = [detection, analysis, *dead_letters]
        self._spoilt = SpoiltKeys(logger)

    async def read(self) -> Depths:
        """Read all depths.

        Raises:
            SourceError: Redis does not answer.

        """
        try:
            async with self._redis.pipeline(transaction=False) as commands:
                for name in self._names:
                    commands.llen(name)
                replies: list[Any] = await commands.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            raise SourceError(reason_of(error)) from error
        for reply in replies:
            # A wrong type is about one name; anything else, such as LOADING, is about Redis.
            if isinstance(reply, Exception) and not is_wrong_type(reply):
                busy = is_busy(reply)
                raise SourceError(
                    reason_of(reply) if busy else f"Redis refuses: {str(reply)[:100]}"
                )
        for name, reply in zip(self._names, replies, strict=True):
            if isinstance(reply, Exception):
                self._spoilt.found(name, "expected a list; its length is not known")
        detection, analysis, *dead = (
            None if isinstance(reply, Exception) else int(reply) for reply in replies
        )
        return Depths(
            detection=detection,
            analysis=analysis,
            dead_letters=None if None in dead else sum(length or 0 for length in dead),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
