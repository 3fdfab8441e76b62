"""SyncPublisher: publishing without asyncio, from any thread."""

import threading
import time
from types import TracebackType
from typing import Any, Self

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError

from hsi import redis_functions
from hsi.publishing import (
    BACKOFF_BASE,
    BACKOFF_CAP,
    FUNCTION,
    LIBRARY,
    PATIENCE,
    TIMEOUT,
    Published,
    PublishError,
    call_of,
    new_key,
    payload_of,
    published_of,
)
from hsi.redis_client import sync_client
from hsi.schemas import ChannelMessage

__all__ = ["PublishError", "Published", "SyncPublisher"]


class SyncPublisher:
    """Publishes messages, each once however often it has to be tried; for code without asyncio.

        with SyncPublisher("redis://127.0.0.1:6379/0") as publisher:
            publisher.publish("security_events", event)

    `publish` keeps the message in the channel's history; `publish_live` does not, which is for
    messages that are soon out of date anyway. Both wait for Redis. Threads may share a publisher:
    each keeps the order of its own messages. A child process after `fork` may use it, too.
    """

    def __init__(
        self, redis_url: str, *, history_length: int = 10_000, patience: float = PATIENCE
    ) -> None:
        """Connect on first use.

        Args:
            redis_url: redis://, rediss:// or unix://.
            history_length: Messages that a channel's history keeps.
            patience: Seconds that a message is tried for; the last attempt may take 3 s more.

        """
        self._redis = sync_client(redis_url, name="publisher", timeout=TIMEOUT)
        self._history_length = history_length
        self._patience = patience
        self._closed = threading.Event()

    def publish(
        self, channel: str, message: ChannelMessage | bytes, *, key: str | None = None
    ) -> Published:
        """Publish one message and keep it in the channel's history.

        Args:
            channel: The channel; see `hsi.schemas.channels`.
            message: A Struct, or JSON that is sent byte for byte (after its cursor).
            key: Idempotency key: a second message with it, within two minutes, is not published.
                By default each call has one of its own, so that its retries are not published
                twice.

        Returns:
            Redis' acknowledgement.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge it for `patience` seconds, or the publisher
                was closed.

        """
        payload = payload_of(message)
        call = call_of(
            channel,
            payload,
            key=new_key() if key is None else key,
            history_length=self._history_length,
        )
        try:
            return self._send(channel, call)
        finally:
            self._disconnect_if_closed()

    def publish_live(self, channel: str, message: ChannelMessage | bytes) -> int:
        """Publish one message, live and at most once, and do not try again.

        Args:
            channel: The channel; see `hsi.schemas.channels`.
            message: A Struct, or JSON that is sent byte for byte.

        Returns:
            How many subscribers heard it.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge it, or the publisher was closed.

        """
        payload = payload_of(message)
        if self._closed.is_set():
            raise PublishError(f"not published to {channel}: the publisher was closed")
        try:
            return int(self._redis.publish(channel, payload))
        except (RedisError, OSError) as error:
            raise PublishError(f"not published to {channel}: {error}") from error
        finally:
            self._disconnect_if_closed()

    def _send(self, channel: str, call: tuple[Any, ...]) -> Published:
        """Call the function until Redis acknowledges it, or patience ends."""
        deadline = time.monotonic() + self._patience
        backoff, failures = EqualJitterBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE), 0
        while not self._closed.is_set():
            try:
                return published_of(self._redis.fcall(*call))
            except (RedisError, OSError) as error:
                trouble = (redis_functions.is_missing(error) and self._load()) or error
            failures += 1
            if time.monotonic() >= deadline:
                raise PublishError(f"not acknowledged on {channel}: {trouble}") from trouble
            self._closed.wait(backoff.compute(failures))
        raise PublishError(f"not acknowledged on {channel}: the publisher was closed")

    def _load(self) -> Exception | None:
        """Load the function into Redis; return the error where that fails."""
        try:
            redis_functions.load(self._redis, FUNCTION, LIBRARY)
        except (RedisError, OSError) as error:
            return error
        return None

    def _disconnect_if_closed(self) -> None:
        # A connection that another thread waits on is left to it: it comes here, too.
        if self._closed.is_set():
            self._redis.connection_pool.disconnect(inuse_connections=False)

    def close(self) -> None:
        """Close the connections; threads that still try to publish get a PublishError.

        An attempt under way in another thread ends first, within 3 s.
        """
        self._closed.set()
        self._disconnect_if_closed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
