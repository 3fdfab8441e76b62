"""What a leader does in Redis: only while it leads, and nothing older after something newer.

Redis itself looks, because what a frozen Redis or a stalled connection was sent, it does when it
goes on: beside the next leader, or after what the same one sent later over another connection. The
pair of a term and a round is no time, so a clock that is set back refuses nothing. It lives beside
the lease, and is gone when that is: a Redis that was wiped refuses nobody who leads.
"""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from hsi.schemas import channels
from hsi_service.bus.lease import Lease, Turn

_FIRST = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local term, round, slot = string.match(
  redis.call('GET', KEYS[2]) or '', '^(%d+) (%d+) (%-?%d*)$')
if term ~= ARGV[2] or tonumber(ARGV[3]) <= tonumber(round) then return -1 end
if ARGV[4] ~= '' and ARGV[4] == slot then return -2 end
redis.call('SET', KEYS[2], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. (ARGV[4] ~= '' and ARGV[4] or slot))
"""
_REFUSED = {-1: "another replica leads by now", -2: "another replica has served this slot"}


class NotLeadingError(Exception):
    """Redis refused it, because something newer was done or another replica leads; why, in words.

    Nothing happened.
    """


class LeaderScript:
    """A script that Redis runs for the holder of a lease, its rounds in order."""

    def __init__(self, redis: Redis, lease: Lease, script: str) -> None:
        """Set it up; nothing is asked yet.

        Args:
            redis: For its calls; the time limit is its own, or the caller's.
            lease: This replica's.
            script: In Lua; its keys begin at `KEYS[3]` and its arguments at `ARGV[5]`. It returns a
                number that is not negative.

        """
        self._lease = lease
        self._script = redis.register_script(_FIRST + script)

    async def run(
        self, turn: Turn, *, keys: Sequence[str], arguments: Sequence[bytes | str | int]
    ) -> int:
        """Run it; return what it returns.

        Args:
            turn: For this call alone.
            keys: Of the script.
            arguments: Of the script.

        Raises:
            NotLeadingError: Another replica leads by now, something newer was done, or the slot
                was served.
            RedisError: Redis did not answer; the script may run later, if nothing newer was done.
            OSError: The same.

        """
        name = self._lease.name
        first: list[Any] = [self._lease.token, turn.term, turn.round]
        slot = "" if turn.slot is None else turn.slot
        done = int(
            await self._script(
                keys=[channels.lease(name), channels.term(name), *keys],
                args=[*first, slot, *arguments],
            )
        )
        if why := _REFUSED.get(done):
            raise NotLeadingError(why)
        return done
