"""Follow a channel from a cursor kept in Redis: for bridges, notifiers, and programs of one's own.

    async with Consumer("redis://127.0.0.1:6379/0", "my-bridge", "security_events") as consumer:
        async for received in consumer.messages():
            if isinstance(received, Entry):
                await handle(received.text)
            await consumer.acknowledge(received)

At least once: what was not acknowledged comes again after a restart, a crash or a failover.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self, TypeVar

import msgspec
from redis.backoff import EqualJitterBackoff
from redis.exceptions import RedisError, ResponseError

from hsi.appended_by_hand import end_of_published, last_published, may_be_by_hand
from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import ChannelMessage, channels
from hsi.schemas.cursor import BEGINNING, GREATEST, Cursor
from hsi.schemas.validation import MAX_MESSAGE_BYTES
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type

logger = logging.getLogger(__name__)
T = TypeVar("T")

TIMEOUT = 5.0
"""Seconds that one answer of Redis may take."""
BLOCK_MS = 2000
"""Milliseconds that Redis holds a question until there is something new; less than `TIMEOUT`."""
PAGE = 100
"""Messages read at once."""
BY_HAND_PAUSE = 0.5
"""Seconds between two reads while a history ends with what somebody appended by hand."""
BACKOFF_CAP = 5.0
"""Seconds between attempts while Redis does not answer, at most."""

_RawEntry = tuple[bytes, dict[bytes, bytes]]
_messages = msgspec.json.Decoder(ChannelMessage)


class Entry(NamedTuple):
    """A message of the channel's history."""

    cursor: str
    """Its place in the history."""
    text: str
    """The message as it was published, without its cursor."""
    message: ChannelMessage | None
    """The same, decoded; None for an unknown type, or one that breaks its schema."""


class Gap(NamedTuple):
    """Messages are missing here: the history was trimmed, wiped or rolled back meanwhile."""

    after: str
    """Cursor of the last message before the gap."""
    cursor: str
    """Where the consumer goes on."""


class Consumer:
    """Follows one channel's history; how far it came is the key `consumer:<name>` in Redis.

    One process at a time uses a name: who runs several takes a lease first. A name that is used for
    the first time begins with the next message.
    """

    def __init__(self, redis_url: str, name: str, channel: str) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Of the consumer; each channel that it follows needs a name of its own.
            channel: The channel, e.g. `security_events`.

        """
        # Bytes: an entry that somebody appended by hand may hold anything.
        self._redis = async_client(redis_url, name="consumer", timeout=TIMEOUT)
        self._key = channels.consumer(name)
        self._channel = channel
        self._history = channels.history(channel)
        self._name = name
        self._backoff = EqualJitterBackoff(cap=BACKOFF_CAP, base=0.05)
        self._trouble = Throttled(logger)
        self._foreign = Throttled(logger)
        self._spoilt = SpoiltKeys(logger)

    async def messages(self) -> AsyncGenerator[Entry | Gap]:
        """Yield what comes after the last acknowledged message, in order, and then what is new.

        Goes on through outages of Redis, however long they are; ends only when it is closed.
        Entries that are not messages, which subscribers drop, are left out and logged.
        """
        position = seen = await self._ask(self._begin)
        is_told = Cursor.parse(position) is None  # The gap before the next page.
        if is_told:  # How far it came is not known: nothing is left out.
            gap = Gap(after=position, cursor=str(BEGINNING))
            position = seen = gap.cursor
            yield gap
        while True:
            found, entries, newest = await self._ask(lambda: self._page(seen))  # noqa: B023
            if not found and seen != position:
                seen = position  # What was appended by hand is gone.
                continue
            if not found and not is_told:
                # Older entries were seen, or are missing; newer ones have higher ids, since the
                # time comes first in them, unless the history ends before the position.
                gap = Gap(after=position, cursor=await self._ask(lambda: self._after(position)))  # noqa: B023
                position = seen = gap.cursor
                yield gap
                is_told = position == str(BEGINNING)
                if position != gap.after:
                    continue
            is_told = False
            end = await self._ask(lambda: self._end_of_published(entries))  # noqa: B023
            for seen, is_cursor, entry in self._published(entries, end):
                position = seen if is_cursor else position
                if entry:
                    yield entry
            if end or (not entries and newest and newest != position):
                # The next message removes what was appended by hand.
                await asyncio.sleep(BY_HAND_PAUSE)
                seen = position
            elif not entries:
                await self._ask(lambda: self._wait(seen))  # noqa: B023

    async def acknowledge(self, received: Entry | Gap) -> None:
        """Remember that everything up to here was dealt with; waits until Redis has it."""
        await self._ask(lambda: self._redis.set(self._key, received.cursor))

    async def _begin(self) -> str:
        """Return where to go on; a new name begins at the end of the history.

        A name that is known only reads: Redis may refuse writes, and has what came before.
        """
        try:
            position: Any = await self._redis.get(self._key)
            if position is None:
                last = str(await last_published(self._redis, self._channel) or BEGINNING)
                await self._redis.set(self._key, last, nx=True)  # Another may have been faster.
                position = await self._redis.get(self._key) or last.encode()
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(self._key, "expected a cursor; the next acknowledgement replaces it")
            return "unknown"
        return str(position, errors="replace")

    async def _page(self, position: str) -> tuple[bool, list[_RawEntry], str]:
        """Read what comes after a position, as at one instant.

        The reads are in no transaction: a Redis that is full refuses whatever one holds (7.0). A
        history is trimmed from its start, so where the position is there after what follows it was
        read, nothing is missing in between.

        Returns:
            Whether nothing is missing in between, the entries, and the id of the history's last
            entry, whatever it is.

        """
        at_start = position == str(BEGINNING)
        async with self._redis.pipeline(transaction=False) as commands:
            commands.xrange(self._history, f"({position}", str(GREATEST), count=PAGE)
            commands.xrevrange(self._history, count=1)
            commands.xrange(self._history, position, position, count=1)
            entries, newest, at = await commands.execute()
        if at_start:
            cursor = Cursor.parse(entries[0][0].decode()) if entries else None
            found = cursor is None or cursor.number <= 1
        else:
            found = bool(at)
        return found, entries, newest[0][0].decode() if newest else ""

    async def _after(self, position: str) -> str:
        """Return where to go on after a position that the history does not have."""
        at = Cursor.parse(position) or BEGINNING
        last = await last_published(self._redis, self._channel) or BEGINNING
        if last >= at:
            return position
        # Rolled back: its end was seen. A position of the future is not one that was written here.
        return str(BEGINNING if may_be_by_hand(at) else last)

    async def _end_of_published(self, entries: list[_RawEntry]) -> Cursor | None:
        """Return the cursor after which these entries were appended by hand, with future ids."""
        cursors = [cursor for name, _ in entries if (cursor := Cursor.parse(name.decode()))]
        if not cursors or not may_be_by_hand(cursors[-1]):
            return None
        return await end_of_published(self._redis, self._channel, cursors[-1])

    def _published(
        self, entries: list[_RawEntry], end: Cursor | None
    ) -> list[tuple[str, bool, Entry | None]]:
        """Return each entry's id, whether that is a cursor, and its message, up to `end`."""
        found: list[tuple[str, bool, Entry | None]] = []
        for name, fields in entries:
            identifier = name.decode()
            cursor = Cursor.parse(identifier)
            if cursor and end and cursor > end:
                break
            entry = entry_of(identifier, fields) if cursor else None
            if entry is None:
                self._foreign.warning(
                    "an entry of a history is not a message", consumer=self._name, entry=identifier
                )
            found.append((identifier, cursor is not None, entry))
        return found

    async def _wait(self, position: str) -> None:
        """Wait until there is something after a position, or for a while."""
        await self._redis.xread({self._history: position}, count=1, block=BLOCK_MS)

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        """Ask Redis until it answers; the pauses have jitter and a cap."""
        failures = 0
        while True:
            try:
                return await question()
            except (RedisError, OSError) as error:
                self._trouble.warning(
                    "a consumer cannot reach Redis; it keeps trying",
                    consumer=self._name,
                    trouble=f"{type(error).__name__}: {error}",
                )
            failures += 1
            await asyncio.sleep(self._backoff.compute(failures))

    async def aclose(self) -> None:
        """Close the connections."""
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


def entry_of(identifier: str, fields: dict[bytes, bytes]) -> Entry | None:
    """Return an entry of a history; None: it is not a message."""
    payload = fields.get(b"m", b"")
    if len(payload) > MAX_MESSAGE_BYTES:
        return None
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    try:
        return Entry(identifier, text, _messages.decode(text))
    except (msgspec.DecodeError, RecursionError):
        return Entry(identifier, text, None) if _is_message(text) else None


def _is_message(text: str) -> bool:
    """Return whether a text is what subscribers forward, although it breaks our schemas."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    match value:
        case {"type": str(), "data": dict()}:
            return True
        case _:
            return False


def _refuse_constant(name: str) -> NoReturn:
    # The standard library reads NaN and Infinity, which are not JSON.
    raise ValueError(name)
