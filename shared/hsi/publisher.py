"""Publishing: strict, because subscribers are lenient; and once, however often it is tried."""

import asyncio
import logging
import time
import uuid
from collections import deque
from importlib import resources
from types import TracebackType
from typing import Any, NamedTuple, Self

from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError, ResponseError

from hsi.redis_client import async_client
from hsi.schemas import ChannelMessage, channels
from hsi.schemas.validation import encode, validate
from hsi.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

FUNCTION = "hsi_publish_v1"
LIBRARY = resources.files("hsi").joinpath("publish.lua").read_text()
TIMEOUT = 3.0
"""Seconds that one attempt may take."""
PATIENCE = 30.0
"""Seconds that a message is tried for."""
MAX_WAITING = 1000
"""Messages that may wait for Redis; one more is refused."""
MAX_BATCH = 100
BACKOFF_CAP = 1.0
"""Seconds between attempts, at most."""


class PublishError(Exception):
    """Redis did not acknowledge a message in time; it may or may not have been published."""


class TooManyWaitingError(PublishError):
    """`MAX_WAITING` messages wait for Redis already; this one was not accepted."""


class Published(NamedTuple):
    """What Redis acknowledged."""

    cursor: str
    """The message's place in the history."""
    receivers: int
    """Subscribers that heard it: one per service replica that listens. 0 for a repetition."""


class _Waiting(NamedTuple):
    channel: str
    payload: bytes
    key: str
    deadline: float
    acknowledged: "asyncio.Future[Published]"


class Publisher:
    """Publishes messages, in the order given, each once however often it has to be tried.

    `publish` keeps the message in the channel's history; `publish_live` does not, which is for
    what is soon out of date anyway.
    """

    def __init__(
        self, redis_url: str, *, history_length: int = 10_000, patience: float = PATIENCE
    ) -> None:
        """Connect on first use.

        Args:
            redis_url: redis://, rediss:// or unix://.
            history_length: Messages that a channel's history keeps.
            patience: Seconds that a message is tried for.

        """
        self._redis = async_client(
            redis_url, name="publisher", timeout=TIMEOUT, decode_responses=True
        )
        self._history_length = history_length
        self._patience = patience
        self._backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=0.02)
        self._waiting: deque[_Waiting] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def publish(
        self, channel: str, message: ChannelMessage | bytes, *, key: str | None = None
    ) -> Published:
        """Publish one message and keep it in the channel's history.

        Args:
            channel: Where to; see `hsi.schemas.channels`.
            message: A Struct, or JSON that is sent byte for byte (after its cursor).
            key: Idempotency key: a second message with it, within two minutes, is not published.
                By default each call has one of its own, so that our own retries are not published
                twice.

        Returns:
            What Redis acknowledged.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            TooManyWaitingError: Too many wait already; nothing was sent.
            PublishError: Redis did not acknowledge it for `patience` seconds.

        """
        payload = _payload(message)
        if len(self._waiting) >= MAX_WAITING:
            raise TooManyWaitingError(f"{MAX_WAITING} messages wait for Redis already")
        acknowledged: asyncio.Future[Published] = asyncio.get_running_loop().create_future()
        deadline = time.monotonic() + self._patience
        key = uuid.uuid4().hex if key is None else key
        self._waiting.append(_Waiting(channel, payload, key, deadline, acknowledged))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await acknowledged

    async def publish_live(self, channel: str, message: ChannelMessage | bytes) -> int:
        """Publish one message, live and at most once, and do not try again.

        Returns:
            How many subscribers heard it.

        Raises:
            InvalidMessageError: It breaks its schema; nothing was sent.
            PublishError: Redis did not acknowledge it.

        """
        try:
            return int(await self._redis.publish(channel, _payload(message)))
        except (RedisError, OSError) as error:
            raise PublishError(f"not published to {channel}: {error}") from error

    async def _send_all(self) -> None:
        """Send what waits, in order, until nothing does."""
        failures = 0
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
        finally:
            # Only a cancellation or a fault of ours leaves some; nobody may wait for ever.
            for waiting in self._waiting:
                _fail(waiting, "the publisher was closed")
            self._waiting.clear()

    async def _send(self, batch: list[_Waiting]) -> Exception | None:
        """Send some; return the first that went wrong."""
        try:
            async with self._redis.pipeline(transaction=False) as commands:
                for waiting in batch:
                    commands.fcall(
                        FUNCTION,
                        3,
                        channels.history(waiting.channel),
                        channels.number(waiting.channel),
                        channels.once(waiting.channel, waiting.key),
                        waiting.channel,
                        waiting.payload,
                        self._history_length,
                    )
                replies: list[Any] = await commands.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            return error
        trouble: Exception | None = None
        for waiting, reply in zip(batch, replies, strict=True):
            if isinstance(reply, Exception):
                trouble = trouble or reply
            elif not waiting.acknowledged.done():
                waiting.acknowledged.set_result(Published(reply[0], int(reply[1])))
        if trouble is not None and "unction not found" in str(trouble):
            await self._load()
        return trouble

    async def _load(self) -> None:
        """Bring Redis the function that it does not have: it is new, or was wiped."""
        try:
            await self._redis.function_load(LIBRARY)
            logger.info("brought Redis the function %s", FUNCTION)
        except (RedisError, OSError) as error:
            if not (isinstance(error, ResponseError) and "already exists" in str(error)):
                logger.warning("cannot bring Redis the function %s: %s", FUNCTION, error)

    def _give_up(self, trouble: Exception) -> None:
        """Tell those whose time is up."""
        now = time.monotonic()
        while self._waiting and self._waiting[0].deadline < now:
            _fail(self._waiting.popleft(), str(trouble))

    async def aclose(self) -> None:
        """Close the connection; what waits is not sent."""
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


def _payload(message: ChannelMessage | bytes) -> bytes:
    if isinstance(message, bytes):
        validate(message)
        return message
    return encode(message)


def _fail(waiting: _Waiting, why: str) -> None:
    if not waiting.acknowledged.done():
        waiting.acknowledged.set_exception(
            PublishError(f"not acknowledged on {waiting.channel}: {why}")
        )
