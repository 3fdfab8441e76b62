"""One publisher of N replicas, by a lease in Redis (R63).

The key `lease:<name>` holds a random token of its holder and expires by itself. A holder knows by
its own clock that it holds it no longer, before Redis lets another in: it counts from when it
*asked*, Redis from when it was asked, and it stops a margin earlier. So nothing that happens
between them, a frozen Redis, a lost answer or a process that slept, makes two holders.

What that rests on: the two clocks run equally fast, within the margin; Redis' own clock is not
set ahead; and Redis keeps what it acknowledged. A Redis that was wiped, rolled back, or failed over
to a replica that did not have the lease yet, lets a second one in until the first asks again.

What a holder sent may still arrive late: a connection that stalled goes on with what it held. So
each change of holder begins a new term, which Redis counts, and what a holder does in Redis goes by
`LeaderScript`, with the number of its term and of its round: what is older is refused.

Redis' answer has its time too, by which `redis_clock` goes.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.redis_client import async_client, refusal
from hsi.schemas import channels
from hsi.spoilt_keys import SpoiltKeys
from hsi_service.bus.holding import MARGIN, Holding
from hsi_service.redis_clock import RedisClock

logger = logging.getLogger(__name__)

LONGEST = 4
"""Times its duration that a lease may have left; what stands in its key for longer was put there by
hand, or by a replica with another interval, whose script is refused by its token."""
TRIES = 4
"""Times that a lease is asked for within its time, by its holder and by those who wait."""

_TAKE = """
local time = redis.call('TIME')
local holder, spoilt = redis.pcall('GET', KEYS[1]), 0
if type(holder) == 'table' then
  if not holder['err']:find('WRONGTYPE') then return redis.error_reply(holder['err']) end
  holder, spoilt = false, 1
elseif holder and holder ~= ARGV[1] then
  -- Of somebody else, or of nobody: a lease has an end.
  local left = redis.call('PTTL', KEYS[1])
  if left >= 0 and left <= tonumber(ARGV[4]) then return {0, 0, time[1], time[2], 0} end
  holder, spoilt = false, 1
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local state = redis.pcall('GET', KEYS[2])
local term, round, slot = string.match(
  type(state) == 'string' and #state < 48 and state or '', '^(%d+) (%d+) (%-?%d*)$')
if term and (#term > 14 or #slot > 14) then term, slot = nil, nil end
-- A round far ahead of its holder would refuse all that come; one or two may be on their way.
if not (holder and term and tonumber(round) <= ARGV[3] + 2) then
  term = string.format('%.0f', (term or 0) + 1)
  redis.call('SET', KEYS[2], term .. ' ' .. ARGV[3] .. ' ' .. (slot or ''))
end
return {1, tonumber(term), time[1], time[2], spoilt}
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Turn(NamedTuple):
    """One round of one term: the right to do something in Redis once, and in order."""

    term: int
    """Counted by Redis, which begins again when it was wiped."""
    round: int
    """Counted by the holder, and never again from the start."""
    slot: int | None
    """The slot for which it is; None if it is for none."""


def clock() -> float:
    """Return seconds that go on while the machine is suspended, where the system can tell."""
    return time.clock_gettime(_CLOCK) if _CLOCK is not None else time.monotonic()


_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Lease:
    """Asks for a lease, keeps it, and gives it up.

    Ask `held` right before what only one may do, each time; do not remember the answer.
    """

    def __init__(
        self,
        redis_url: str,
        name: str,
        *,
        duration: float,
        clock: Callable[[], float] = clock,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: What is led; the key is `lease:<name>`.
            duration: Seconds until another takes over from a holder that died. It takes at most
                one try more, which is a quarter of it.
            clock: Seconds that only ever grow.
            wall: This machine's clock, in seconds since 1970.

        """
        self.name = name
        self.duration = duration
        self._pause = duration / TRIES
        self._clock = clock
        self._holding = Holding(duration, clock)
        self._token = secrets.token_hex(16)
        self._redis = async_client(redis_url, name=f"lease-{name}", timeout=self._pause)
        self._take = self._redis.register_script(_TAKE)
        self._release = self._redis.register_script(_RELEASE)
        self._asking = asyncio.Lock()
        self._given_up = False
        self._answered_at = clock()
        self._trouble = Throttled(logger)
        self._spoilt = SpoiltKeys(logger)
        self._led = False
        self._turned = asyncio.Event()
        self._rounds = 0
        self.refused: str | None = None
        """Why Redis refused it when it was last asked, in its words; None: it did not."""
        self.term = 0
        """The term in which this replica leads, or led last; 0 if it never has."""
        self.taken = 0
        """Times that this replica became the holder."""
        self.redis_clock = RedisClock(steady=clock, wall=wall)
        """Redis' time, measured each time that the lease is asked for."""

    @property
    def held(self) -> bool:
        """Whether this replica holds it, at this moment, and no other does."""
        return self._holding.held

    def remaining(self) -> float:
        """Return the seconds for which it is surely held; 0 when it is not."""
        return self._holding.remaining()

    @property
    def token(self) -> str:
        """What its key holds while this replica holds it: proves it to Redis."""
        return self._token

    def next_turn(self, slot: int | None = None) -> Turn:
        """Return the right to act once as the holder, for a `LeaderScript`.

        Args:
            slot: For which it is; a slot that has been served already is refused.

        """
        self._rounds += 1
        return Turn(self.term, self._rounds, slot)

    @property
    def unanswered(self) -> bool:
        """Whether Redis was asked, and has not answered for as long as a lease is held."""
        silence = self._clock() - self._answered_at
        return not self._given_up and silence > self.duration * (1 - MARGIN)

    async def turned(self) -> None:
        """Wait until this replica is found to begin or to cease to lead.

        That a lease ran out is found when Redis is next asked; `remaining` says it before.
        """
        await self._turned.wait()

    async def run(self) -> None:
        """Ask for it, and keep it; ends only when cancelled. Once given up, it rests."""
        while True:
            began = self._clock()
            await self._ask()
            self._tell()
            await asyncio.sleep(max(0.0, began + self._pause - self._clock()))

    async def give_up(self) -> None:
        """Let another take it, now; this replica does not ask again."""
        self._given_up = True
        self._holding.give_up()
        self._tell()
        async with self._asking:
            try:
                async with asyncio.timeout(self._pause):
                    await self._release(keys=[channels.lease(self.name)], args=[self._token])
            except (RedisError, OSError) as error:
                logger.warning(
                    "the lease %s could not be given back; it ends by itself within %.1f s: %s",
                    self.name,
                    self.duration,
                    error,
                )
            await self._redis.aclose()

    async def _ask(self) -> None:
        async with self._asking:
            if self._given_up:
                return
            asked_at = self._clock()
            try:
                async with asyncio.timeout(self._pause):
                    granted, term, seconds, micros, spoilt = await self._take(
                        keys=[channels.lease(self.name), channels.term(self.name)],
                        args=[
                            self._token,
                            round(self.duration * 1000),
                            self._rounds,
                            round(LONGEST * self.duration * 1000),
                        ],
                    )
            except (RedisError, OSError) as error:
                # Whether it was granted is not known: nothing is won, and nothing lost before its
                # time. A grant that nobody heard of is ours all the same when we ask again.
                self.refused = refusal(error)
                self._trouble.warning(
                    "no answer about a lease", lease=self.name, trouble=_describe(error)
                )
            else:
                if spoilt:
                    self._spoilt.found(channels.lease(self.name), "not a lease; it is taken over")
                self._answered_at = answered_at = self._clock()
                self.refused = None
                self.term = term if granted else self.term
                self._holding.answered(granted=bool(granted), asked_at=asked_at)
                self.redis_clock.measured(
                    int(seconds) + int(micros) / 1_000_000,
                    asked_at=asked_at,
                    answered_at=answered_at,
                )

    def _tell(self) -> None:
        """Log and tell who leads, when that changes, and that this machine's clock is wrong."""
        if skew := self.redis_clock.new_skew():
            logger.warning(
                "this machine's clock and Redis' differ; Redis' is followed",
                extra={"ahead_s": round(skew, 3)},
            )
        if self.held is self._led:
            return
        self._led = self.held
        self.taken += self._led
        self._turned.set()
        self._turned = asyncio.Event()
        logger.info("leads" if self._led else "leads no longer", extra={"lease": self.name})


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
