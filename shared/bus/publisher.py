"""Publishing: strict, because a subscriber must not be."""

from types import TracebackType
from typing import Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shared.intake import encode, validate
from shared.schemas import ChannelMessage

TIMEOUT = 5.0
"""Seconds that one attempt to publish may take."""


class PublishError(Exception):
    """Redis did not acknowledge a message; whether it was published is not known."""


class Publisher:
    """Publishes messages to channels, live and at most once.

    It does not try again by itself: a frozen Redis still executes what was sent to it, so that
    a second attempt could become a second event.
    """

    def __init__(self, redis_url: str) -> None:
        """Connect on first use.

        Args:
            redis_url: redis://, rediss:// or unix://.

        """
        self._redis = Redis.from_url(
            redis_url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            client_name="hsi-publisher",
        )

    async def publish(self, channel: str, message: ChannelMessage | bytes) -> int:
        """Publish one message.

        Args:
            channel: Where to; see `shared.channels`.
            message: A Struct, or JSON that is sent byte for byte.

        Returns:
            How many subscribers heard it: one per service replica that listens.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge it.

        """
        if isinstance(message, bytes):
            validate(message)
            payload = message
        else:
            payload = encode(message)
        try:
            return int(await self._redis.publish(channel, payload))
        except (RedisError, OSError) as error:
            raise PublishError(f"not published to {channel}: {error}") from error

    async def aclose(self) -> None:
        """Close the connection."""
        await self._redis.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()
