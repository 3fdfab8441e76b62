"""Entries that somebody appended to a history by hand, with ids of the future.

A producer may append what it likes. What it may not do is to stop a channel: an id that is not a
cursor is stepped over, and so is an end of the history that lies in the future and was not counted.
The next message removes it (publish_v2.lua has the same rule).
"""

import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from hsi.schemas import channels
from hsi.schemas.cursor import Cursor

AHEAD = 60_000
"""Milliseconds that an id may be ahead of the clock without a doubt, as in publish_v2.lua."""


def may_be_by_hand(last: Cursor) -> bool:
    """Return whether a history's last message is so far ahead that `by_hand` should be asked."""
    return last.milliseconds > time.time() * 1000 + AHEAD


async def by_hand(redis: Redis, channel: str, last: Cursor) -> set[Cursor]:
    """Return the ids of the future at a history's end that were not published.

    Args:
        redis: A client of that Redis; a user that may not read the counter and the time is told of
            none.
        channel: Whose history.
        last: Its last message.

    Raises:
        RedisError, OSError: Redis does not answer.

    """
    try:
        seconds, _ = await redis.time()
        number: Any = await redis.get(channels.number(channel))
        history = channels.history(channel)
        entries: Any = await redis.xrevrange(
            history, str(last), str(Cursor(seconds * 1000 + AHEAD, 0))
        )
    except ResponseError:  # It may not, or a key is of another type.
        return set()
    if number is None or not number.isdigit():
        return set()
    future: set[Cursor] = set()
    for identifier, _ in entries:
        cursor = Cursor.parse(identifier.decode())
        if cursor and cursor.number == int(number):
            break  # Published before Redis' clock was set back.
        if cursor:
            future.add(cursor)
    return future
