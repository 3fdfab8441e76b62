"""Looking at a history: its ends, its counter and its mark, at one moment.

The reads are in no transaction: a Redis that is full refuses whatever one holds (7.0). Whatever
changes a history changes its counter or its ends, so where these are the same before and after the
rest was read, all of it was read at one moment.
"""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import RedisError

from hsi.schemas import channels
from hsi.schemas.cursor import GREATEST, MAX_DIGITS, Cursor
from hsi_service.bus.known import Look

MAX_TRIES = 10
"""Reads until one has nothing come in between; Redis mostly does all that it is sent at one go."""
_ENDS = 4
_OF_ANOTHER_TYPE = b""


async def look_at(redis: Redis, channel: str, known: Cursor | None) -> tuple[Look, bool]:
    """Return a channel's history at one moment, and whether it has a message.

    Args:
        redis: Asked once.
        channel: Whose history.
        known: The message; None: no matter.

    Raises:
        RedisError: Redis does not answer, or this user may not ask.
        OSError: The same.

    """
    key = channels.history(channel)
    cursor = str(known or GREATEST)
    for _ in range(MAX_TRIES):
        async with redis.pipeline(transaction=False) as commands:
            _ask_for_ends(commands, channel)
            commands.time()
            commands.xlen(key)
            commands.xrange(key, cursor, cursor, count=1)
            _ask_for_ends(commands, channel)
            replies = [_known(reply) for reply in await commands.execute(raise_on_error=False)]
        ends, (time, length, has) = replies[:_ENDS], replies[_ENDS:-_ENDS]
        if ends == replies[-_ENDS:]:
            break
    else:
        raise RedisError(f"{key} changes all the time")
    since, counted, first, last = ends
    now = milliseconds(time)
    look = Look(
        now=now,
        # What is no time counts as one that cannot be, which is replaced.
        since=None if since is None else _number(since) or now + 1,
        counted=_number(counted),
        first=_cursor(first),
        last=_cursor(last),
        length=length if isinstance(length, int) else 0,
    )
    return look, bool(has)


def _ask_for_ends(commands: Pipeline, channel: str) -> None:
    key = channels.history(channel)
    commands.get(channels.since(channel))
    commands.get(channels.number(channel))
    commands.xrange(key, "-", "+", count=1)
    commands.xrevrange(key, str(GREATEST), "-", count=1)


def _known(reply: Any) -> Any:
    """Return a reply; a key of another type has no entries, and holds what is no number."""
    if not isinstance(reply, Exception):
        return reply
    if "WRONGTYPE" not in str(reply):
        raise reply
    return _OF_ANOTHER_TYPE


def milliseconds(time: tuple[int, int]) -> int:
    """Return what `TIME` says, in milliseconds since 1970."""
    seconds, micros = time
    return seconds * 1000 + micros // 1000


def _number(value: object) -> int | None:
    is_ours = isinstance(value, bytes) and value.isdigit() and len(value) <= MAX_DIGITS
    return int(value) if isinstance(value, bytes) and is_ours else None


def _cursor(entries: Sequence[Any]) -> Cursor | None:
    if not entries:
        return None
    return Cursor.parse(entries[0][0].decode())
