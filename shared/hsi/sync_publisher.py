"""SyncPublisher: publishing without asyncio, from any thread."""

import os
import threading
import time
from collections.abc import Callable, Sequence
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
    Bounds,
    ForgedSenderError,
    Numbering,
    Numberings,
    Published,
    PublishError,
    TooFewReplicasError,
    batches,
    is_gap,
    keyed_call,
    numbered_call,
    payload_of,
    reply_with_replicas,
    wait_calls,
)
from hsi.redis_client import sync_client
from hsi.schemas import ChannelMessage, channels

__all__ = ["PublishError", "Published", "SyncPublisher"]


class _Own(threading.local):
    """What is one thread's own, in one process: its numbering of each channel's messages."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._numberings = Numberings()

    def numbering(self, channel: str) -> Numbering:
        if self._process != os.getpid():  # A child's: the names are its parent's.
            self._process, self._numberings = os.getpid(), Numberings()
        return self._numberings.of(channel, time.monotonic())


class SyncPublisher:
    """Publishes messages, each once however often it has to be tried; for code without asyncio.

        with SyncPublisher("redis://127.0.0.1:6379/0") as publisher:
            publisher.publish("security_events", event)

    `publish` and `publish_many` keep messages in the channel's history; `publish_live` does not,
    which is for messages that are soon out of date anyway. All wait for Redis. Threads may share a
    publisher: each keeps the order of its own messages. A child process after `fork` may use it,
    too.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        history_length: int = channels.HISTORY_LENGTH,
        history_bytes: int | None = None,
        patience: float = PATIENCE,
        replicas: int = 0,
    ) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            history_length: Messages that a channel's history keeps.
            history_bytes: Bytes of Redis' memory that it may take; None: 32 MiB, and 8 MiB of a
                job's log.
            patience: Seconds that a message is tried for; the last attempt may take 3 s more,
                and 2 s where it waits for replicas.
            replicas: Replicas of Redis that have a message before it is acknowledged (WAIT).

        """
        self._redis = sync_client(redis_url, name="publisher", timeout=TIMEOUT)
        self._bounds = Bounds(history_length, history_bytes)
        self._patience = patience
        self._replicas = replicas
        self._closed = threading.Event()
        self._own = _Own()

    def publish(
        self, channel: str, message: ChannelMessage | bytes, *, key: str | None = None
    ) -> Published:
        """Publish one message and keep it in the channel's history.

        Args:
            channel: The channel; see `hsi.schemas.channels`.
            message: A Struct, or JSON that is sent byte for byte (after its cursor).
            key: Idempotency key: a second message with it, within two minutes, is not published.
                Retries of this call need none.

        Returns:
            Redis' acknowledgement.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge it for `patience` seconds, or the publisher
                was closed.

        """
        payload = payload_of(message)
        if key is None:
            return self._send_numbered(channel, [payload])[0]
        return self._send(
            channel,
            lambda: keyed_call(channel, payload, key=key, bounds=self._bounds),
            self._own.numbering(channel),
            key=key,
        )[0]

    def publish_many(
        self, channel: str, messages: Sequence[ChannelMessage | bytes]
    ) -> list[Published]:
        """Publish messages, in order, and keep them in the channel's history.

        Redis accepts up to 100 of them at once, or none; of more, the later ones may be missing
        when it fails.

        Args:
            channel: The channel; see `hsi.schemas.channels`.
            messages: Structs, or JSON that is sent byte for byte (after its cursor).

        Returns:
            Redis' acknowledgements, in the same order.

        Raises:
            InvalidMessageError: One breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge them for `patience` seconds, or the publisher
                was closed.

        """
        published: list[Published] = []
        for part in batches([payload_of(message) for message in messages]):
            published += self._send_numbered(channel, part)
        return published

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

    def _send_numbered(self, channel: str, payloads: Sequence[bytes]) -> list[Published]:
        """Send what this thread publishes next."""
        numbering = self._own.numbering(channel)
        try:
            return self._send(
                channel,
                lambda: numbered_call(
                    channel,
                    payloads,
                    sender=numbering.name,
                    first=numbering.first,
                    bounds=self._bounds,
                ),
                numbering,
                count=len(payloads),
            )
        finally:
            numbering.advance(len(payloads))  # Redis may have them even where it did not answer.

    def _send(
        self,
        channel: str,
        call: Callable[[], tuple[Any, ...]],
        numbering: Numbering,
        *,
        count: int = 1,
        key: str | None = None,
    ) -> list[Published]:
        """Call the function until Redis acknowledges it, or patience ends."""
        deadline = time.monotonic() + self._patience
        backoff, failures = EqualJitterBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE), 0
        try:
            while not self._closed.is_set():
                try:
                    reply = self._call(channel, *call())
                    return self._acknowledged(channel, numbering, reply, count, key)
                except (RedisError, OSError, ForgedSenderError, TooFewReplicasError) as error:
                    if isinstance(error, ForgedSenderError) or is_gap(error):
                        numbering.rename()
                    trouble: Exception = (
                        redis_functions.is_missing(error) and self._load()
                    ) or error
                failures += 1
                if time.monotonic() >= deadline:
                    raise PublishError(f"not acknowledged on {channel}: {trouble}") from trouble
                self._closed.wait(backoff.compute(failures))
            raise PublishError(f"not acknowledged on {channel}: the publisher was closed")
        finally:
            self._disconnect_if_closed()

    def _call(self, channel: str, *call: Any) -> Any:
        if not self._replicas:
            return self._redis.fcall(*call)
        pipeline = self._redis.pipeline(transaction=False)
        for command in (("FCALL", *call), *wait_calls(channel, self._replicas)):
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
        return reply_with_replicas(pipeline.execute(raise_on_error=False), self._replicas)

    @staticmethod
    def _acknowledged(
        channel: str, numbering: Numbering, reply: Any, count: int, key: str | None
    ) -> list[Published]:
        try:
            return numbering.acknowledgements(reply, count, key=key)
        except ForgedSenderError:
            raise
        except PublishError as error:
            raise PublishError(f"not acknowledged on {channel}: {error}") from error

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
