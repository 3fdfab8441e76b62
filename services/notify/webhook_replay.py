"""Sends a webhook what it missed: again all that its histories have after a cursor, in order.

Each message has the id that it had the first time, so a receiver that keeps ids gets nothing twice.
What is new goes on beside it.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

from litestar import post
from litestar.di import NamedDependency
from litestar.exceptions import (
    HTTPException,
    NotFoundException,
    ServiceUnavailableException,
    ValidationException,
)
from litestar.params import JSONBody
from msgspec import Struct
from redis.exceptions import RedisError

from hsi.redis_client import async_client, reason_of
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from hsi_service.door.http import needs
from hsi_service.skeleton.service import Service
from hsi_service.supervision import Supervisor
from services.notify.follower import Source
from services.notify.messages import Message
from services.notify.news import News
from services.notify.rules import Rules
from services.notify.targets import DeliveryError
from services.notify.webhook_target import Webhooks, WebhookTarget

logger = logging.getLogger(__name__)

PAGE = 100
"""Entries that are read at once."""
TIMEOUT = 5.0
"""Seconds that one question to Redis may take."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a message that was not taken is sent again; each pause is twice the one before."""
TRIES = 8
"""Of one message; some two minutes."""
SETTLES = 15.0
"""Seconds until one that wanted no more is surely followed again: what comes until then is sent by
the replay, perhaps a second time."""
Read = Callable[[str, str], News | None]


class ReplayState(Struct):
    """How a replay is at."""

    since: str
    sent: int = 0
    passed: int = 0
    """Messages that its rules do not want, or that are not for people."""
    cursor: str = ""
    """Of the last message that was dealt with: go on after it."""
    trouble: str | None = None
    """Why the last try failed, or the replay ended."""
    is_over: bool = False


class Replays(Struct):
    """The latest replay of each webhook that this replica has begun."""

    webhooks: dict[str, ReplayState]


class Entry(NamedTuple):
    """An entry of one of the histories."""

    cursor: Cursor
    text: str
    channel: str


class Replayer:
    """Replays, each in the background; one per replica."""

    def __init__(
        self, webhooks: Webhooks, redis_url: str, sources: Mapping[str, Read], run: Supervisor
    ) -> None:
        """Connect on first use.

        Args:
            webhooks: To which it can replay.
            redis_url: Where the histories are.
            sources: What reads the messages of each channel that has one; `alerts:history` is one.
            run: Runs replays.

        """
        self._webhooks = webhooks
        self._redis = async_client(redis_url, name="notify-replay", timeout=TIMEOUT, read_only=True)
        self._sources = sources
        self._supervisor = run
        self.states: dict[str, ReplayState] = {}
        """By webhook."""

    def target(self, name: str) -> WebhookTarget | None:
        """Return a webhook by its name, with `webhook-` in front or without."""
        return self._webhooks.all.get(name) or self._webhooks.all.get(f"webhook-{name}")

    async def begin(self, target: WebhookTarget, since: Cursor) -> ReplayState | None:
        """Begin a replay, also to one that wanted no more; None: there is one under way.

        Raises:
            RedisError, OSError: Redis does not answer.

        """
        before = self.states.get(target.name)
        if before and not before.is_over:
            return None
        state = self.states[target.name] = ReplayState(str(since), cursor=str(since))
        try:
            was_disabled = await self._webhooks.enable(target)
        except BaseException:
            state.is_over = True
            raise
        settles = SETTLES if was_disabled else 0.0
        self._supervisor.spawn("replay", self._replay(target, since, state, settles))
        return state

    def report(self) -> Replays:
        """Return how replays are at, for `GET /status`."""
        return Replays(self.states)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _replay(
        self, target: WebhookTarget, since: Cursor, state: ReplayState, settles: float
    ) -> None:
        extra = {"target": target.name, "since": state.since}
        logger.info("a replay begins", extra=extra)
        try:
            await self._send(target, since, state)
            if settles:
                await asyncio.sleep(settles)
                await self._send(target, Cursor.parse(state.cursor) or since, state)
            state.trouble = None
        except DeliveryError as error:
            state.trouble = error.reason
            if error.gone:
                await self._webhooks.gone(target)
        except (RedisError, OSError) as error:
            state.trouble = reason_of(error)
        except Exception:
            state.trouble = "it failed; the log says why"
            raise
        finally:
            state.is_over = True
        logger.info("a replay is over", extra=extra | {"sent": state.sent, "why": state.trouble})

    async def _send(self, target: WebhookTarget, since: Cursor, state: ReplayState) -> None:
        async with aclosing(self._entries(since)) as entries:
            async for entry in entries:
                if message := self._wanted(entry, target.rules):
                    await self._deliver(target, message, state)
                    state.sent += 1
                else:
                    state.passed += 1
                state.cursor = str(entry.cursor)

    async def _entries(self, since: Cursor) -> AsyncGenerator[Entry]:
        """Yield what the histories have after a cursor by now, all in one order."""
        pages = {channel: self._history(channel, since) for channel in self._sources}
        heads: dict[str, Entry] = {}
        for channel, page in pages.items():
            if (first := await anext(page, None)) is not None:
                heads[channel] = first
        while heads:
            channel = min(heads, key=lambda name: heads[name].cursor)
            yield heads.pop(channel)
            if (following := await anext(pages[channel], None)) is not None:
                heads[channel] = following

    async def _history(self, channel: str, since: Cursor) -> AsyncGenerator[Entry]:
        """Yield what one history has after a cursor; what comes meanwhile is sent as it is new."""
        key = channel if channel == channels.ALERTS_HISTORY else channels.history(channel)
        newest: Any = await self._redis.xrevrange(key, count=1)
        end = newest[0][0].decode() if newest else "-"
        position = str(since)
        while newest:
            page: Any = await self._redis.xrange(key, f"({position}", end, count=PAGE)
            for name, fields in page:
                position = name.decode()
                text = fields.get(b"m") or fields.get(b"data") or b""
                if (cursor := Cursor.parse(position)) is not None:
                    yield Entry(cursor, text.decode(errors="replace"), channel)
            if len(page) < PAGE:
                return

    def _wanted(self, entry: Entry, rules: Rules) -> Message | None:
        news = self._sources[entry.channel](entry.text, str(entry.cursor))
        if news is None:
            return None
        message = news.message
        wants = rules.wants(news.subject, message.level, message.camera_id)
        is_told = news.change != "ended" or rules.all_clear
        return message if wants and is_told else None

    @staticmethod
    async def _deliver(target: WebhookTarget, message: Message, state: ReplayState) -> None:
        """Deliver a message, however often that has to be tried.

        Raises:
            DeliveryError: It was not taken, and no other will be.

        """
        pause = FIRST_PAUSE
        for attempt in range(1, TRIES + 1):
            try:
                await target.deliver(message)
            except DeliveryError as error:
                state.trouble = error.reason
                if error.gone:
                    raise
                if error.refused:  # This one; the next may be taken.
                    return
                if attempt == TRIES:
                    raise
                wait = max(error.retry_after or 0.0, pause * random.uniform(0.5, 1.0))  # noqa: S311
                await asyncio.sleep(min(wait, 10 * LONGEST_PAUSE))
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                state.trouble = None
                return


def replayer_of(service: Service, webhooks: Webhooks, sources: Mapping[str, Source]) -> Replayer:
    """Return what replays for a replica, and tell of it in its `/status`."""
    read = {channel: source.read for channel, source in sources.items()}
    replayer = Replayer(webhooks, service.settings.redis_url, read, service.supervisor)
    service.reports["replays"] = replayer.report
    service.on_shutdown(replayer.aclose)
    return replayer


class ReplayWanted(Struct, forbid_unknown_fields=True):
    """What is to be replayed."""

    target: str
    """The webhook's name."""
    since: str
    """A cursor: what came after it is sent."""


@post("/api/notify/replay", tags=["notify"], status_code=202, opt=needs("admin"))
async def replay(data: JSONBody[ReplayWanted], replayer: NamedDependency[Replayer]) -> ReplayState:
    """Send a webhook again what came after a cursor, in the background; `/status` says how far.

    Raises:
        ValidationException: That is not a cursor: 400.
        NotFoundException: There is no such webhook: 404.
        ServiceUnavailableException: Redis does not answer: 503.

    """
    since = Cursor.parse(data.since)
    if since is None:
        raise ValidationException("since: expected a cursor, as messages have it")
    target = replayer.target(data.target)
    if target is None:
        raise NotFoundException("NOTIFY_RULES has no webhook of this name")
    try:
        state = await replayer.begin(target, since)
    except (RedisError, OSError) as error:
        raise ServiceUnavailableException(f"{reason_of(error)}; ask again soon") from error
    if state is None:
        raise HTTPException("a replay to this webhook is under way", status_code=409)
    return state
