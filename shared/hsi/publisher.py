"""Publisher: publishing with asyncio; strict, because subscribers are lenient; and once."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from redis.backoff import EqualJitterBackoff
from redis.exceptions import NoScriptError, RedisError

from hsi import redis_functions
from hsi.publishing import (
    BACKOFF_BASE,
    BACKOFF_CAP,
    FUNCTION,
    LIBRARY,
    MAX_BATCH,
    MAX_BATCH_BYTES,
    PATIENCE,
    SCRIPT,
    SCRIPT_DIGEST,
    TIMEOUT,
    Bounds,
    ForgedSenderError,
    Numbering,
    Numberings,
    Published,
    PublishError,
    TooFewReplicasError,
    TooManyWaitingError,
    batches,
    is_gap,
    keyed_call,
    numbered_call,
    payload_of,
    reply_with_replicas,
    wait_calls,
)
from hsi.redis_client import async_client
from hsi.schemas import ChannelMessage, channels
from hsi.tasks import cancel_and_wait

__all__ = ["MAX_WAITING", "PublishError", "Published", "Publisher", "TooManyWaitingError"]

logger = logging.getLogger(__name__)

MAX_WAITING = 1000
"""Messages that may wait for Redis; one more is refused."""


class _Waiting(NamedTuple):
    channel: str
    payload: bytes
    key: str | None
    deadline: float
    numbering: Numbering | None
    """Of a sender that the caller has named; None: the publisher's own."""
    acknowledged: "asyncio.Future[Published]"


class Publisher:
    """Publishes messages, in the order given, each once however often it has to be tried.

        async with Publisher("redis://127.0.0.1:6379/0") as publisher:
            await publisher.publish("security_events", event)

    `publish` and `publish_many` keep messages in the channel's history; `publish_live` does not,
    which is for messages that are soon out of date anyway. `hsi.SyncPublisher` is its twin without
    asyncio.

    One call to Redis is under way at a time, with as many messages as wait. While Redis refuses it
    or does not answer, nothing passes a message that is neither acknowledged nor given up.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        history_length: int = channels.HISTORY_LENGTH,
        history_bytes: int | None = None,
        patience: float = PATIENCE,
        replicas: int = 0,
        by_script: bool = False,
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
            by_script: Have Redis run the function's source as a script: for a user that may not
                load functions, which other producers call.

        """
        self._by_script = by_script
        self._redis = async_client(
            redis_url, name="publisher", timeout=TIMEOUT, decode_responses=True
        )
        self._bounds = Bounds(history_length, history_bytes)
        self._patience = patience
        self._replicas = replicas
        self._backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=BACKOFF_BASE)
        self._waiting: deque[_Waiting] = deque()
        self._batch: list[_Waiting] = []
        """The call under way: sent unchanged until Redis has it, or nobody wants it any more."""
        self._numberings = Numberings()
        self._sending: asyncio.Task[None] | None = None

    async def publish(
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
            TooManyWaitingError: Too many wait already; nothing was sent.
            PublishError: Redis did not acknowledge it for `patience` seconds, or the publisher
                was closed.

        """
        return await self._enqueue([_Message(channel, payload_of(message), key, None)])[0]

    async def publish_many(
        self,
        channel: str,
        messages: Sequence[ChannelMessage | bytes],
        *,
        sender: str | None = None,
    ) -> list[Published]:
        """Publish messages, in order, and keep them in the channel's history.

        Redis accepts up to 100 of them at once, or none; of more, the later ones may be missing
        when it fails.

        Args:
            channel: The channel; see `hsi.schemas.channels`.
            messages: Structs, or JSON that is sent byte for byte (after its cursor).
            sender: Name of a sender that has these messages and no others: what Redis has of them
                from a call under this name within the last hour is not published again.

        Returns:
            Redis' acknowledgements, in the same order: `Repeated` for what it had already, with an
            empty cursor where it no longer knows that.

        Raises:
            InvalidMessageError: One breaks its schema; nothing was sent.
            TooManyWaitingError: Too many wait already; none of the next 100 was sent.
            PublishError: Redis did not acknowledge them for `patience` seconds, or the publisher
                was closed.

        """
        numbering = None if sender is None else Numbering.of(sender)
        published: list[Published] = []
        for part in batches([payload_of(message) for message in messages]):
            waiting = self._enqueue(
                [_Message(channel, payload, None, numbering) for payload in part]
            )
            replies = await asyncio.gather(*waiting, return_exceptions=True)
            for reply in replies:
                if isinstance(reply, BaseException):
                    raise reply
                published.append(reply)
        return published

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

    def _enqueue(self, messages: "Sequence[_Message]") -> "list[asyncio.Future[Published]]":
        """Let messages wait for their turn; return what their callers await."""
        if len(self._waiting) + len(self._batch) + len(messages) > MAX_WAITING:
            raise TooManyWaitingError(f"{MAX_WAITING} messages wait for Redis already")
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._patience
        waiting = [
            _Waiting(*message[:3], deadline, message.numbering, loop.create_future())
            for message in messages
        ]
        self._waiting.extend(waiting)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return [one.acknowledged for one in waiting]

    async def _send_all(self) -> None:
        """Send those that wait, in order, until none waits."""
        failures, why = 0, "the publisher was closed"
        try:
            while self._batch or self._waiting:
                if not self._batch:
                    self._batch = self._next_batch()
                trouble = await self._send(self._batch)
                if trouble is None:
                    failures = 0
                    self._batch = []
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
            for waiting in (*self._batch, *self._waiting):
                _fail(waiting, why)
            self._drop_batch()
            self._waiting.clear()

    def _next_batch(self) -> list[_Waiting]:
        """Take the messages of the next call: of one channel and sender, with a key only one."""
        batch = [self._waiting.popleft()]
        size = len(batch[0].payload)
        while self._waiting and len(batch) < MAX_BATCH:
            following = self._waiting[0]
            size += len(following.payload)
            if (following.channel, following.key) != (batch[0].channel, None) or batch[0].key:
                break
            if size > MAX_BATCH_BYTES or following.numbering is not batch[0].numbering:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _send(self, batch: list[_Waiting]) -> Exception | None:
        """Send a batch; return the error where Redis did not accept it."""
        channel, payload, key = batch[0][:3]
        numbering = batch[0].numbering or self._numberings.of(channel, time.monotonic())
        if key is None:
            call = numbered_call(
                channel,
                [waiting.payload for waiting in batch],
                sender=numbering.name,
                first=numbering.first,
                bounds=self._bounds,
            )
        else:
            call = keyed_call(channel, payload, key=key, bounds=self._bounds)
        try:
            reply = await self._call(channel, *call)
        except (RedisError, OSError, TooFewReplicasError) as error:
            if is_gap(error):
                return self._begin_again(batch, numbering, error)
            if redis_functions.is_missing(error) or isinstance(error, NoScriptError):
                return await self._load() or error
            return error
        return self._acknowledge(batch, numbering, reply)

    async def _call(self, channel: str, function: str, *rest: Any) -> Any:
        call = ("EVALSHA", SCRIPT_DIGEST) if self._by_script else ("FCALL", function)
        if not self._replicas:
            return await self._redis.execute_command(*call, *rest)  # type: ignore[no-untyped-call]
        pipeline = self._redis.pipeline(transaction=False)
        for command in ((*call, *rest), *wait_calls(channel, self._replicas)):
            pipeline.execute_command(*command)
        replies = await pipeline.execute(raise_on_error=False)
        return reply_with_replicas(replies, self._replicas)

    @staticmethod
    def _begin_again(
        batch: list[_Waiting], numbering: Numbering, error: Exception
    ) -> Exception | None:
        """Take a new name for a batch; where the caller has named its sender, that one has to."""
        if batch[0].numbering is None:
            numbering.rename()
            return error
        for waiting in batch:
            _fail(waiting, error)
        return None

    @classmethod
    def _acknowledge(
        cls, batch: list[_Waiting], numbering: Numbering, reply: Any
    ) -> Exception | None:
        """Give callers their acknowledgements; return the error of a batch to be tried again."""
        key = batch[0].key
        try:
            tried = len(batch) if batch[0].numbering else None
            replies = numbering.acknowledgements(reply, len(batch), key=key, tried=tried)
        except ForgedSenderError as error:
            return cls._begin_again(batch, numbering, error)
        except PublishError as error:
            for waiting in batch:
                _fail(waiting, error)
        else:
            for waiting, published in zip(batch, replies, strict=True):
                if not waiting.acknowledged.done():
                    waiting.acknowledged.set_result(published)
        if key is None:
            numbering.advance(len(batch))
        return None

    async def _load(self) -> Exception | None:
        """Load the function into Redis; return the error where that fails."""
        try:
            if self._by_script:
                await self._redis.script_load(SCRIPT)
            else:
                await redis_functions.load_async(self._redis, FUNCTION, LIBRARY)
        except (RedisError, OSError) as error:
            return error
        return None

    def _give_up(self, trouble: Exception) -> None:
        """Fail those whose time is up, and the batch once nobody waits for it."""
        now = time.monotonic()
        for waiting in self._batch:
            if waiting.deadline < now:
                _fail(waiting, trouble)
        if all(waiting.acknowledged.done() for waiting in self._batch):
            self._drop_batch()
        while self._waiting and self._waiting[0].deadline < now:
            _fail(self._waiting.popleft(), trouble)

    def _drop_batch(self) -> None:
        """Forget the batch; Redis may have it all the same, so its numbers are used."""
        if self._batch and self._batch[0].key is None and self._batch[0].numbering is None:
            numbering = self._numberings.of(self._batch[0].channel, time.monotonic())
            numbering.advance(len(self._batch))
        self._batch = []

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


class _Message(NamedTuple):
    channel: str
    payload: bytes
    key: str | None
    numbering: Numbering | None


def _fail(waiting: _Waiting, why: Exception | str) -> None:
    if not waiting.acknowledged.done():
        failure = PublishError(f"not acknowledged on {waiting.channel}: {why}")
        failure.__cause__ = why if isinstance(why, Exception) else None
        waiting.acknowledged.set_exception(failure)
