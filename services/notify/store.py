"""What the notify service keeps in Redis: each target's state with how far it came, dead letters.

Both are written in one step, and by the holder of the lease alone. So a death at any moment leaves
a state and a place in the histories that belong together: what was delivered and not yet written is
delivered once more, and nothing else is.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from redis.exceptions import RedisError, ResponseError

from hsi.redis_client import async_client
from hsi.schemas import Seen, channels
from hsi.seen import seen_in
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.bus.leader_script import LeaderScript
from hsi_service.bus.lease import Lease
from services.notify.messages import Message
from services.notify.news import seen_key
from services.notify.state import State

logger = logging.getLogger(__name__)

DEAD = "notify:dead"
"""Stream: what could not be delivered."""
MAX_DEAD = 1000
"""Dead letters that are kept."""
TIMEOUT = 3.0
"""Seconds for an answer."""
_SAVE = """
if ARGV[6] ~= '' then
  local function add()
    local added = redis.pcall('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'data', ARGV[6])
    return type(added) == 'table' and added['err']
  end
  local problem = add()
  if problem then return redis.error_reply(problem) end
end
redis.call('SET', KEYS[3], ARGV[5])
for key = 5, #KEYS do redis.call('SET', KEYS[key], ARGV[key + 3]) end
return 0
"""


def state_key(target: str) -> str:
    """Return the key of a target's state."""
    return f"notify:state:{target}"


def consumer_name(target: str, channel: str) -> str:
    """Return the name under which Redis knows how far a target came on a channel."""
    return f"notify:{target}:{channel}"


class DeadLetter(Struct):
    """A message that could not be delivered."""

    target: str
    at: datetime
    """When it was given up."""
    tries: int
    reason: str
    message: Message


class Store:
    """Keeps it, and reads it."""

    def __init__(self, redis_url: str, lease: Lease, *, channel: str) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            lease: This replica's.
            channel: Of events.

        """
        self._lease = lease
        self._redis = async_client(redis_url, name="notify", timeout=TIMEOUT)
        self._script = LeaderScript(self._redis, lease, _SAVE)
        self._saving = asyncio.Lock()
        self._seen_key = channels.seen(channel)
        self._spoilt = SpoiltKeys(logger)

    async def load(self, target: str) -> State:
        """Return what is known of a target; nothing, where it is new or cannot be read.

        Raises:
            RedisError, OSError: Redis does not answer.

        """
        key = state_key(target)
        try:
            kept: Any = await self._redis.get(key)
            return State() if kept is None else msgspec.json.decode(kept, type=State)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(key, "expected a string; it is replaced")
        except (msgspec.DecodeError, RecursionError) as error:
            self._spoilt.found(key, f"{error}; it is replaced")
        return State()

    async def save(
        self,
        target: str,
        state: State,
        cursors: Mapping[str, str],
        dead: DeadLetter | None = None,
    ) -> None:
        """Keep a target's state and how far it came; all or none.

        Args:
            target: Its name.
            state: What is known of it now.
            cursors: By channel.
            dead: What was given up by now.

        Raises:
            NotLeadingError: Another replica leads by now, or soon.
            RedisError, OSError: Redis does not answer; it may be kept later, if nothing newer is.

        """
        consumers = [channels.consumer(consumer_name(target, channel)) for channel in cursors]
        # One after the other: Redis refuses a turn that is older than one it has seen.
        async with self._saving:
            await self._script.run(
                self._lease.next_turn(),
                keys=[state_key(target), DEAD, *consumers],
                arguments=[
                    msgspec.json.encode(state),
                    b"" if dead is None else msgspec.json.encode(dead),
                    MAX_DEAD,
                    *cursors.values(),
                ],
            )

    async def forget(self, target: str, names: Sequence[str]) -> None:
        """Forget a target that is gone.

        Args:
            target: Its name.
            names: The channels that it followed.

        Raises:
            RedisError, OSError: Redis does not answer.

        """
        for key in (
            state_key(target),
            *(channels.consumer(consumer_name(target, name)) for name in names),
        ):
            await self._redis.delete(key)

    async def seen(self, messages: Sequence[Message]) -> list[Message]:
        """Return those of some messages whose event somebody has seen; none where nobody knows."""
        keys = {key: one for one in messages if (key := seen_key(one)) is not None}
        if not keys:
            return []
        try:
            marks: Any = await self._redis.hmget(self._seen_key, list(keys))
        except (RedisError, OSError):
            return []  # Told once too often is better than not told.
        found = []
        for (key, message), mark in zip(keys.items(), marks, strict=True):
            known = _mark(mark)
            if known is not None and seen_in({key: known}, key, message.level):
                found.append(message)
        return found

    async def dead_letters(self, count: int) -> list[tuple[str, DeadLetter]]:
        """Return the latest dead letters, the latest first, each with its id.

        Raises:
            RedisError, OSError: Redis does not answer.

        """
        found = []
        entries: Any = await self._redis.xrevrange(DEAD, count=count)
        for entry_id, fields in entries:
            try:
                letter = msgspec.json.decode(fields.get(b"data", b""), type=DeadLetter)
            except (msgspec.DecodeError, RecursionError):
                self._spoilt.found(DEAD, f"its entry {entry_id.decode()} cannot be read")
                continue
            found.append((entry_id.decode(), letter))
        return found

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _mark(value: bytes | None) -> Seen | None:
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=Seen)
    except (msgspec.DecodeError, RecursionError):
        return None
