"""Tells one target: follows the histories at its pace, decides, delivers, and writes that down.

    read ─▶ decide (decisions.py, pure) ─▶ deliver ─▶ write state and cursors, in one step

What cannot be delivered is tried again, with pauses that grow; meanwhile nothing is read, so it
waits in the histories. What is given up is a dead letter.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Protocol

from msgspec import Struct
from redis.exceptions import RedisError

from hsi.consumer import Entry, Gap
from hsi.logs import Throttled
from hsi.tasks import cancel_and_wait
from hsi_service.bus.leader_script import NotLeadingError
from services.notify.decisions import LONGEST_WISH, Decisions
from services.notify.deliveries import Deliveries
from services.notify.messages import Message
from services.notify.news import News
from services.notify.store import DeadLetter, Store
from services.notify.targets import DeliveryError, Target

logger = logging.getLogger(__name__)

LOOK = 20.0
"""Seconds after which it is looked whether quiet hours are over, at most."""
AHEAD = 50
"""Entries that are read ahead, and not yet decided on."""
WRITE_PAUSE = 0.3
"""Seconds between two tries to write, at first."""


class Pace(Struct, frozen=True, kw_only=True):
    """How often something is tried again."""

    first: float = 1.0
    """Seconds of the first pause; each is twice as long as the one before, with jitter."""
    longest: float = 300.0
    patience: float = 3600.0
    """Seconds after which a message is given up."""

    def pause(self, tries: int, retry_after: float | None = None) -> float:
        """Return how long to wait after so many tries in vain.

        Args:
            tries: At least 1.
            retry_after: What the other side asks for; it is not asked sooner, but after a day.

        """
        longest = min(self.first * 2.0 ** min(tries - 1, 30), self.longest)
        own = longest * random.uniform(0.5, 1.0)  # noqa: S311 (jitter)
        return own if retry_after is None else max(own, min(retry_after, LONGEST_WISH))


class History(Protocol):
    """What is followed (`hsi.Consumer`)."""

    def messages(self) -> AsyncGenerator[Entry | Gap]:
        """Yield what comes after the place that is kept."""

    async def aclose(self) -> None:
        """Close the connections."""


class Source(Struct, frozen=True):
    """A history, and how to read it."""

    what: str
    """Of what it tells, as in "events"."""
    open: Callable[[str], History]
    """Opens it for a target, by its name."""
    read: Callable[[str, str], News | None]
    """Returns the news in an entry's text, with its cursor."""


class Counts(Struct):
    """What became of a target's messages since this replica began."""

    delivered: int = 0
    failed: int = 0
    dead_lettered: int = 0


class Follower:
    """Tells one target, while this replica leads."""

    def __init__(
        self,
        target: Target,
        *,
        sources: Mapping[str, Source],
        store: Store,
        deliveries: Deliveries,
        clock: Callable[[], float],
        pace: Pace,
        counts: Counts,
        dashboard: str = "",
        home: Callable[[], str] = str,
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            target: Who is told.
            sources: What is followed, by channel.
            store: Where it is kept how far it came.
            deliveries: Of this replica.
            clock: Seconds since 1970, by Redis' clock.
            pace: Of tries.
            counts: Outlive this follower.
            dashboard: `DASHBOARD_URL`.
            home: Returns how the home is, in a few words.

        """
        self.target = target
        self.trouble: str | None = None
        """Why the last try failed; None: it did not."""
        self.counts = counts
        self.may_deliver = asyncio.Event()
        """Cleared where another replica is about to lead."""
        self.may_deliver.set()
        self._sources = sources
        self._store = store
        self._deliveries = deliveries
        self._clock = clock
        self._pace = pace
        self._dashboard = dashboard
        self._home = home
        self._decisions = Decisions(target.rules, dashboard=dashboard)
        self._cursors: dict[str, str] = {}
        self._trouble_log = Throttled(logger)
        self._is_written = asyncio.Event()
        self._is_written.set()

    @property
    def waiting(self) -> list[Message]:
        """What is to be delivered, or waits for the end of a burst or of a cooldown."""
        return self._decisions.waiting

    @property
    def oldest(self) -> Message | None:
        """The first that is to be delivered now; None where nothing is."""
        return next(iter(self._decisions.state.outbox), None)

    async def idle(self) -> None:
        """Wait until what was delivered is written."""
        await self._is_written.wait()

    async def run(self) -> None:
        """Follow and tell, until the target is gone.

        Raises:
            RedisError, OSError: Redis did not answer at first.

        """
        state = await self._store.load(self.target.name)
        self._decisions = Decisions(self.target.rules, state, dashboard=self._dashboard)
        self._cursors = {}
        heard: asyncio.Queue[tuple[str, Entry | Gap]] = asyncio.Queue(AHEAD)
        tasks = [
            asyncio.create_task(self._read(channel, source, heard))
            for channel, source in self._sources.items()
        ]
        tasks.append(asyncio.create_task(self._tell(heard)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_wait(*tasks)
            self._is_written.set()
        for task in done:
            task.result()

    async def _read(
        self, channel: str, source: Source, heard: asyncio.Queue[tuple[str, Entry | Gap]]
    ) -> None:
        history = source.open(self.target.name)
        try:
            async with aclosing(history.messages()) as messages:
                async for received in messages:
                    await heard.put((channel, received))
        finally:
            await history.aclose()

    async def _tell(self, heard: asyncio.Queue[tuple[str, Entry | Gap]]) -> None:
        decisions = self._decisions
        while True:
            decisions.pass_time(self._clock())
            if not await self._deliver():
                return
            now = self._clock()
            due = decisions.due(now)
            pause = LOOK if due is None else min(due - now, LOOK)
            try:
                async with asyncio.timeout(pause):
                    channel, received = await heard.get()
            except TimeoutError:
                continue
            await self._take(channel, received)
            while not (decisions.state.outbox or heard.empty()):
                await self._take(*heard.get_nowait())
            if not decisions.state.outbox:
                await self._write()

    async def _take(self, channel: str, received: Entry | Gap) -> None:
        self._cursors[channel] = received.cursor
        source, now = self._sources[channel], self._clock()
        if isinstance(received, Gap):
            self._decisions.take_gap(received.cursor, source.what, now)
            return
        news = source.read(received.text, received.cursor)
        if news is not None:
            is_seen = bool(await self._store.seen([news.message]))
            self._decisions.take(news, now, is_seen=is_seen, home=self._home())

    async def _deliver(self) -> bool:
        """Deliver all that is to be; return whether the target is still there."""
        decisions, target = self._decisions, self.target
        while decisions.state.outbox:
            # The other side wants to be left alone, with any message.
            if (wait := decisions.state.not_before - self._clock()) > 0:
                await asyncio.sleep(min(wait, LOOK))
                continue
            decisions.drop_seen(await self._store.seen(self.waiting))
            if not decisions.state.outbox:
                await self._write()
                break
            await self.may_deliver.wait()
            message = decisions.state.outbox[0]
            self._is_written.clear()
            try:
                await self._deliveries.deliver(target, message)
            except DeliveryError as error:
                self.counts.failed += 1
                self.trouble = error.reason
                if error.gone:
                    await self._end(error)
                    return False
                await self._failed(message, error)
            else:
                self.counts.delivered += 1
                self.trouble = None
                decisions.settle()
                await self._write()
        return True

    async def _failed(self, message: Message, error: DeliveryError) -> None:
        state, now = self._decisions.state, self._clock()
        tried_for = self._decisions.tried_for(now)
        wish = None if error.retry_after is None else min(error.retry_after, LONGEST_WISH)
        self._decisions.failed(now, wish)
        if error.refused or tried_for >= self._pace.patience:
            await self._give_up(message, error.reason)
            return
        self._trouble_log.warning(
            "a target does not take a message; it is tried again",
            target=self.target.name,
            reason=error.reason,
        )
        await self._write()
        await asyncio.sleep(self._pace.pause(state.tries))

    async def _give_up(self, message: Message, reason: str) -> None:
        """Make the first message of the outbox a dead letter."""
        tries = self._decisions.state.tries
        logger.error(
            "a message is given up; it is a dead letter",
            extra={"target": self.target.name, "tries": tries, "reason": reason},
        )
        letter = DeadLetter(
            target=self.target.name,
            at=datetime.fromtimestamp(self._clock(), UTC),
            tries=tries,
            reason=reason,
            message=message,
        )
        self._decisions.settle()
        self.counts.dead_lettered += 1
        await self._write(letter)

    async def _end(self, error: DeliveryError) -> None:
        """Take it that the target is gone, and give up what it would have been told."""
        logger.info("a target is gone", extra={"target": self.target.name})
        state = self._decisions.state
        if not error.refused:
            return
        self._decisions.failed(self._clock())
        self._decisions.release()
        while state.outbox:
            await self._give_up(state.outbox[0], error.reason)

    async def _write(self, dead: DeadLetter | None = None) -> None:
        """Write state and cursors; try until it is written, or this replica leads no longer."""
        pause = WRITE_PAUSE
        while True:
            try:
                await self._store.save(self.target.name, self._decisions.state, self._cursors, dead)
            except (RedisError, OSError, NotLeadingError) as error:
                self._trouble_log.warning(
                    "how far a target came cannot be written; it is tried again",
                    target=self.target.name,
                    trouble=type(error).__name__,
                )
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 (jitter)
                pause = min(2 * pause, 5.0)
            else:
                self._deliveries.written(self.target.name)
                self._is_written.set()
                return
