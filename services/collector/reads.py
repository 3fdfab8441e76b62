"""Reads of the collector's own keys: what cannot be read costs itself, and nothing beside it."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from hsi.redis_client import reason_of
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type

logger = logging.getLogger(__name__)

T = TypeVar("T")

STREAM = "expected a stream"
UNREADABLE = ValueError, RecursionError
"""What decoding raises: not of its schema, not UTF-8 or not JSON, or too deep."""


class StoreError(Exception):
    """Redis does not answer, or not with what was kept there; the text holds no secret."""


@contextlib.asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """Raise a `StoreError` where Redis does not answer."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreError(reason_of(error)) from error


class Reads:
    """Reads values and histories, and names the keys that hold something else."""

    def __init__(self, redis: Redis) -> None:
        """Take the connection for reading.

        Args:
            redis: With a time limit of its own.

        """
        self._redis = redis
        self.spoilt = SpoiltKeys(logger)

    async def entries(self, key: str, command: str, *arguments: str | int) -> list[Any]:
        """Return entries of a history; none where its key holds something else.

        Raises:
            StoreError: Redis does not answer.

        """
        return await self.value(command, key, *arguments, expected=STREAM) or []

    async def newest_id(self, key: str) -> bytes | None:
        """Return the id of a history's last entry, if it has one.

        Raises:
            StoreError: Redis does not answer.

        """
        newest = await self.entries(key, "XREVRANGE", "+", "-", "COUNT", 1)
        return newest[0][0] if newest else None

    async def value(self, command: str, key: str, *arguments: str | int, expected: str) -> Any:
        """Return Redis' answer; None where the key is of another type, which the leader replaces.

        Raises:
            StoreError: Redis does not answer.

        """
        async with answering():
            try:
                return await self._redis.execute_command(  # type: ignore[no-untyped-call]  # so it is
                    command, key, *arguments
                )
            except ResponseError as error:
                if not is_wrong_type(error):
                    raise
                self.spoilt.found(key, f"{expected}; the leader replaces it")
                return None

    def decoded(
        self, key: str, entries: list[Any], decode: Callable[[dict[bytes, bytes]], T]
    ) -> list[T]:
        """Return what some entries hold; what cannot be read is left out."""
        decoded = []
        for entry_id, fields in entries:
            try:
                decoded.append(decode(fields))
            except UNREADABLE:
                self.spoilt.found(
                    key, f"its entry {entry_id.decode()} cannot be read, and is left out"
                )
        return decoded
