"""Entries that somebody appended to a history by hand, with ids of the future.

A producer may append what it likes. What it may not do is to stop a channel: an id that is not a
cursor is stepped over, and so is an end of the history that lies in the future and was not counted.
The next message removes it (publish_v2.lua has the same rule).

However many there are, no question asks Redis for more than `MAX_BY_HAND` of them.
"""

import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from hsi.schemas import channels
from hsi.schemas.cursor import GREATEST, MAX_DIGITS, Cursor

AHEAD = 60_000
"""Milliseconds that an id may be ahead of Redis' clock without a doubt, as in publish_v2.lua."""
DOUBTFUL = 30_000
"""The same by this machine's clock, which may be ahead of Redis'."""
MAX_BY_HAND = 1000
"""Entries by hand that are looked at; with more, the next message drops the whole history."""
_PAGE = 100


def may_be_by_hand(last: Cursor) -> bool:
    """Return whether a history's last message is far ahead: `end_of_published` should be asked."""
    return last.milliseconds > time.time() * 1000 + DOUBTFUL


async def end_of_published(redis: Redis, channel: str, last: Cursor) -> Cursor | None:
    """Return the cursor after which a history has nothing that was published.

    Args:
        redis: A client of that Redis; for a user that may not read the counter and the time, all
            was published.
        channel: Whose history.
        last: Its last message.

    Returns:
        The cursor, which need not be a message's; None: everything was published.

    Raises:
        RedisError, OSError: Redis does not answer.

    """
    try:
        seconds, micros = await redis.time()
        counter: Any = await redis.get(channels.number(channel))
        if counter is None or not counter.isdigit() or len(counter) > MAX_DIGITS:
            return None
        latest = Cursor(seconds * 1000 + micros // 1000 + AHEAD, GREATEST.number)
        if last <= latest:
            return None
        upto = str(last)
        for _ in range(MAX_BY_HAND // _PAGE):
            entries: Any = await redis.xrevrange(
                channels.history(channel), upto, f"({latest}", count=_PAGE
            )
            for identifier, _ in entries:
                upto = f"({identifier.decode()}"
                cursor = Cursor.parse(identifier.decode())
                if cursor and cursor.number == int(counter):
                    # Published before Redis' clock was set back.
                    return None if cursor == last else cursor
            if len(entries) < _PAGE:
                break
    except ResponseError:  # It may not, or a key is of another type.
        return None
    return latest


async def last_published(redis: Redis, channel: str) -> Cursor | None:
    """Return a history's last message; None: there is none, or too much by hand after it.

    Args:
        redis: A client of that Redis.
        channel: Whose history.

    Raises:
        RedisError, OSError: Redis does not answer, or the key is of another type.

    """
    upto, count = GREATEST, 1
    while True:
        entries: Any = await redis.xrevrange(channels.history(channel), str(upto), count=count)
        cursors = [cursor for name, _ in entries if (cursor := Cursor.parse(name.decode()))]
        if cursors and upto is GREATEST and may_be_by_hand(cursors[0]):
            end = await end_of_published(redis, channel, cursors[0])
            if end:
                upto = end
                continue
        if cursors or len(entries) < count or count == MAX_BY_HAND:
            return cursors[0] if cursors else None
        count = min(count * _MORE, MAX_BY_HAND)


_MORE = 10
"""Times as many are read where none of those read is a message."""
