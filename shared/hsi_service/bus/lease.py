"""One publisher of N replicas, by a lease in Redis (R63).

The key `lease:<name>` holds a random token of its holder and expires by itself. A holder knows by
its own clock that it holds it no longer, before Redis lets another in: it counts from when it
*asked*, Redis from when it was asked, and it stops a margin earlier. So nothing that happens
between them, a frozen Redis, a lost answer or a process that slept, makes two holders.

What that rests on: the two clocks run equally fast, within the margin; Redis' own clock is not
set ahead; and Redis keeps what it acknowledged. A Redis that was wiped, or failed over to a
replica that did not have the lease yet, lets a second one in until the first asks again.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import channels
from hsi_service.bus.holding import MARGIN, Holding

logger = logging.getLogger(__name__)

TRIES = 4
"""Times that a lease is asked for within its time, by its holder and by those who wait."""

_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


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
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            redis_url: redis://, rediss:// or unix://.
            name: What is led; the key is `lease:<name>`.
            duration: Seconds until another takes over from a holder that died. It takes at most
                one try more, which is a quarter of it.
            clock: Seconds that only ever grow.

        """
        self.name = name
        self.duration = duration
        self._pause = duration / TRIES
        self._clock = clock
        self._holding = Holding(duration, clock)
        self._token = secrets.token_hex(16)
        self._redis = async_client(
            redis_url, name=f"lease-{name}", timeout=self._pause, single_connection=True
        )
        self._take = self._redis.register_script(_TAKE)
        self._release = self._redis.register_script(_RELEASE)
        self._asking = asyncio.Lock()
        self._given_up = False
        self._answered_at = clock()
        self._trouble = Throttled(logger)
        self._led = False
        self.taken = 0
        """Times that this replica became the holder."""

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

    @property
    def unanswered(self) -> bool:
        """Whether Redis was asked, and has not answered for as long as a lease is held."""
        silence = self._clock() - self._answered_at
        return not self._given_up and silence > self.duration * (1 - MARGIN)

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
                    granted = await self._take(
                        keys=[channels.lease(self.name)],
                        args=[self._token, round(self.duration * 1000)],
                    )
            except (RedisError, OSError) as error:
                # Whether it was granted is not known: nothing is won, and nothing lost before its
                # time. A grant that nobody heard of is ours all the same when we ask again.
                self._trouble.warning(
                    "no answer about a lease", lease=self.name, trouble=_describe(error)
                )
            else:
                self._answered_at = self._clock()
                self._holding.answered(granted=bool(granted), asked_at=asked_at)

    def _tell(self) -> None:
        """Log who leads, when that changes."""
        if self.held is self._led:
            return
        self._led = self.held
        self.taken += self._led
        logger.info("leads" if self._led else "leads no longer", extra={"lease": self.name})


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
