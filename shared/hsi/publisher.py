"""Publisher: publishing with asyncio; strict, because subscribers are lenient; and once."""

import asyncio
import logging
import time
from collections import deque
from types import TracebackType
from typing import Any, NamedTuple, Self

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
    TooManyWaitingError,
    call_of,
    new_key,
    payload_of,
    published_of,
)
from hsi.redis_client import async_client
from hsi.schemas import ChannelMessage
from hsi.tasks import cancel_and_wait

__all__ = ["MAX_WAITING", "PublishError", "Published", "Publisher", "TooManyWaitingError"]

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Messages that may wait for Redis; one more is refused."""
MAX_BATCH = 100
"""Messages that are sent at once."""


class _Waiting(NamedTuple):
    channel: str
    payload: bytes
    key: str
    deadline: float
    acknowledged: "asyncio.Future[Published]"


class Publisher:
    """Publishes messages, in the order given, each once however often it has to be tried.

        async with Publisher("redis://127.0.0.1:6379/0") as publisher:
            await publisher.publish("security_events", event)

    `publish` keeps the message in the channel's history; `publish_live` does not, which is for
    messages that are soon out of date anyway. `hsi.SyncPublisher` is its twin without asyncio.
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
        self._redis = async_client(
            redis_url, name="publisher", timeout=TIMEOUT, decode_responses=True
        )
        self._history_length = history_length
        self._patience = patience
        self._backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE)
        self._waiting: deque[_Waiting] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def publish(
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
            TooManyWaitingError: Too many wait already; nothing was sent.
            PublishError: Redis did not acknowledge it for `patience` seconds, or the publisher
                was closed.

        """
        payload = payload_of(message)
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyWaitingError(f"{MAX_WAITING} messages wait for Redis already")
        acknowledged: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
        deadline = time.monotonic() + self._patience
        key = new_key() if key is None else key
        self._waiting.append(_Waiting(channel, payload, key, deadline, acknowledged))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await acknowledged

    async def publish_live(self, channel: str, message: ChannelMessage | bytes) -> int:
        """Publish one message, live and at most once, and do not try again.

        Args:
            channel: The channel; see `hsi.schemas.channels`.
            message: A Struct, or JSON that is sent byte for byte.

        Returns:
            How many subscribers heard it.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge it.

        """
        payload = payload_of(message)
        try:
            return int(await self._redis.publish(channel, payload))
        except (RedisError, OSError) as error:
            raise PublishError(f"not published to {channel}: {error}") from error

    async def _send_all(self) -> None:
        """Send those that wait, in order, until none waits."""
        failures, why = 0, "the publisher was closed"
        try:
            while self._waiting:
                batch = [self._waiting[i] for i in range(min(MAX_BATCH, len(self._waiting)))]
                trouble = await self._send(batch)
                while self._waiting and self._waiting[0].acknowledged.done():
                    self._waiting.popleft()
                if trouble is None:
                    failures = 0
                    continue
                failures += 1
                self._give_up(trouble)
                await asyncio.sleep(self._backoff.compute(failures))
        except Exception as error:
            # Nobody awaits this task; the next message starts another one.
            logger.exception("the publisher failed")
            why = f"the publisher failed: {type(error).__name__}: {error}"
        finally:
            # Only a cancellation or a defect leaves some; their callers must not wait any longer.
            for waiting in self._waiting:
                _fail(waiting, why)
            self._waiting.clear()

    async def _send(self, batch: list[_Waiting]) -> Exception | None:
        """Send some; return the first error."""
        try:
            async with self._redis.pipeline(transaction=False) as commands:
                for waiting in batch:
                    commands.fcall(
                        *call_of(
                            waiting.channel,
                            waiting.payload,
                            key=waiting.key,
                            history_length=self._history_length,
                        )
                    )
                replies: list[Any] = await commands.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            return error
        trouble: Exception | None = None
        for waiting, reply in zip(batch, replies, strict=True):
            if isinstance(reply, Exception):
                trouble = trouble or reply
            elif not waiting.acknowledged.done():
                waiting.acknowledged.set_result(published_of(reply))
        if trouble is not None and redis_functions.is_missing(trouble):
            try:
                await redis_functions.load_async(self._redis, FUNCTION, LIBRARY)
            except (RedisError, OSError) as error:
                return error
        return trouble

    def _give_up(self, trouble: Exception) -> None:
        """Fail those whose time is up."""
        now = time.monotonic()
        while self._waiting and self._waiting[0].deadline < now:
            _fail(self._waiting.popleft(), str(trouble))

    async def aclose(self) -> None:
        """Close the connection; callers whose messages wait get a PublishError."""
        if self._sending:
            await cancel_and_wait(self._sending)
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


def _fail(waiting: _Waiting, why: str) -> None:
    if not waiting.acknowledged.done():
        waiting.acknowledged.set_exception(
            PublishError(f"not acknowledged on {waiting.channel}: {why}")
        )
