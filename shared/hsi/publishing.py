"""Publishing with history: what the two publishers, async and sync, have in common. Pure, no I/O.

Both call one Redis function (publish_v2.lua), which appends messages to their channel's history and
publishes them in one step. The sender numbers its messages, and the function skips what it has: so
both may try again after a timeout, when nobody can tell whether Redis has executed the first
attempt.
"""

import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Sequence
from importlib import resources
from typing import Any, NamedTuple, Self

from hsi.schemas import ChannelMessage, channels
from hsi.schemas.cursor import Cursor
from hsi.schemas.validation import encode, validate

FUNCTION = "hsi_publish_v2"
LIBRARY = resources.files("hsi").joinpath("publish_v2.lua").read_text()
"""Source of the library that has the function."""
_HEAD, _REGISTRATION = (
    "#!lua name=hsi_realtime_v2\n",
    f"redis.register_function('{FUNCTION}', publish)",
)
SCRIPT = LIBRARY.replace(_HEAD, "#!lua\n", 1).replace(
    _REGISTRATION, "return publish(KEYS, ARGV)", 1
)
"""The same as a script: for a user that may not replace a function which others call."""
SCRIPT_DIGEST = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
"""By which Redis knows the script."""
TIMEOUT = 3.0
"""Seconds that one attempt may take."""
WAIT_MILLISECONDS = 2_000
"""That one attempt waits for replicas; less than `TIMEOUT`, so that Redis answers."""
PATIENCE = 30.0
"""Seconds that a message is tried for."""
BACKOFF_BASE = 0.02
BACKOFF_CAP = 1.0
"""Seconds between two attempts, at most."""
MAX_BATCH = 100
"""Messages that are sent at once, at most."""
MAX_BATCH_BYTES = 1024 * 1024
"""Their size, at most; a larger message goes alone."""
SENDER_RESTS = 600.0
"""Seconds after which a sender takes a new name; Redis forgets one after an hour."""


class PublishError(Exception):
    """Redis did not acknowledge a message in time; it may or may not have been published."""


class ForgedSenderError(PublishError):
    """Redis says that it has messages of this sender, and not where: somebody else wrote that."""


class TooFewReplicasError(PublishError):
    """Redis has a message, and its replicas do not; to be tried again."""


class TooManyWaitingError(PublishError):
    """Too many messages wait for Redis already; this one was not accepted."""


class Published(NamedTuple):
    """Redis' acknowledgement of a message."""

    cursor: str
    """The message's place in the history; opaque."""
    receivers: int
    """Subscribers that heard it: one per service replica that listens. 0 for a repetition."""


class Repeated(Published):
    """The acknowledgement of a message that Redis had already: by its key, or by its sender."""

    __slots__ = ()


class Bounds(NamedTuple):
    """How much a channel's history keeps; the older messages make room."""

    messages: int = channels.HISTORY_LENGTH
    bytes: int | None = None
    """None: as many as are usual for the channel (`HISTORY_BYTES`, `JOB_LOG_BYTES`)."""

    @property
    def arguments(self) -> tuple[int, int | str]:
        """What the function in Redis is told."""
        return self.messages, "" if self.bytes is None else self.bytes


class Numbering:
    """The name and the numbers by which Redis knows one sender's messages on one channel."""

    def __init__(self) -> None:
        self._last: Cursor | None = None
        self._last_keyed: tuple[str, Cursor] | None = None
        self.rename()

    def rename(self) -> None:
        """Take a new name, and count from 1: Redis does not know the sender."""
        self.name = uuid.uuid4().hex
        self.first = 1
        """The number of the next message."""
        self.sent = 0
        """The greatest number that was sent, answered or not."""

    @classmethod
    def of(cls, name: str) -> Self:
        """Return the numbering of a sender that its caller has named, and may name again."""
        numbering = cls()
        numbering.name = name
        return numbering

    def advance(self, count: int) -> None:
        """Go on after so many messages."""
        self.first += count

    def acknowledgements(
        self, reply: Any, count: int, *, key: str | None = None, tried: int | None = None
    ) -> list[Published]:
        """Return what a call's reply says, unless it cannot be true.

        Args:
            reply: The function's, of a channel whose calls have all been asked about here.
            count: Messages that the call had.
            key: The idempotency key, if it had one.
            tried: Messages of them, from the first on, that an earlier call had, with others after
                them: those alone may be repeated, and Redis may not say where they are. None: all
                may be, and Redis knows where.

        Raises:
            ForgedSenderError: To be tried again under another name.
            PublishError: It is not an acknowledgement: something else has the function's name.

        """
        try:
            published = published_of(reply)
        except (TypeError, ValueError):
            published = []
        unsaid = 0
        while unsaid < min(tried or 0, len(published)) and published[unsaid].cursor == "":
            unsaid += 1
        cursors = [cursor for one in published[unsaid:] if (cursor := Cursor.parse(one.cursor))]
        if len(published) != count or len(cursors) != count - unsaid:
            if any(one.cursor == "" for one in published):
                raise ForgedSenderError("Redis does not know where this sender's messages are")
            raise PublishError(f"Redis' answer is not an acknowledgement: {str(reply)[:100]}")
        repeated = int(reply[1]) - unsaid
        if tried is not None and repeated + unsaid > tried:
            raise ForgedSenderError("Redis says that it has messages which this sender never sent")
        if repeated > 0 and not key and self._last and cursors[0] <= self._last:
            raise ForgedSenderError("Redis says that this sender's next messages are old ones")
        believable = not (
            key
            and self._last_keyed
            and key != self._last_keyed[0]
            and cursors[0] == self._last_keyed[1]
        )
        for cursor in cursors[max(0, repeated) :]:
            # A history that was emptied begins with 1, whatever the clock.
            is_later = self._last is None or cursor > self._last or cursor.number == 1
            believable = believable and is_later and cursor != self._last
            self._last = cursor
        if key:
            self._last_keyed = key, cursors[0]
        if not believable:
            raise PublishError(
                f"Redis' answer cannot be true: {str(reply)[:100]}; "
                f"something else has the name {FUNCTION}"
            )
        return published


class Numberings:
    """One sender's numbering of each channel's messages; one that rests for long begins again."""

    def __init__(self) -> None:
        self._used: OrderedDict[str, tuple[Numbering, float]] = OrderedDict()
        """By channel, with the time of the last use; the one that rests longest is first."""

    def of(self, channel: str, now: float) -> Numbering:
        """Return a channel's numbering.

        Args:
            channel: The channel.
            now: Seconds of a clock that only ever grows.

        """
        while self._used:
            resting, (_, used_at) = next(iter(self._used.items()))
            if now - used_at <= SENDER_RESTS:
                break
            del self._used[resting]
        numbering = self._used[channel][0] if channel in self._used else Numbering()
        self._used[channel] = numbering, now
        self._used.move_to_end(channel)
        return numbering


def payload_of(message: ChannelMessage | bytes) -> bytes:
    """Return a message as it goes to Redis, checked against its schema.

    Args:
        message: A Struct, or JSON, which stays as it is.

    Raises:
        InvalidMessageError: It breaks its schema, or has over 256 KiB.

    """
    if isinstance(message, bytes):
        validate(message)
        return message
    return encode(message)


def batches(payloads: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Split messages, in order, into what is sent at once."""
    parts: list[Sequence[bytes]] = []
    start, size = 0, 0
    for index, payload in enumerate(payloads):
        full = index - start >= MAX_BATCH or size + len(payload) > MAX_BATCH_BYTES
        if full and index > start:
            parts.append(payloads[start:index])
            start, size = index, 0
        size += len(payload)
    if payloads:
        parts.append(payloads[start:])
    return parts


def numbered_call(
    channel: str,
    payloads: Sequence[bytes],
    *,
    sender: str,
    first: int,
    bounds: Bounds,
    ttl: int | None = None,
) -> tuple[Any, ...]:
    """Return the arguments of FCALL that publish messages of one sender.

    Args:
        channel: The channel to publish to.
        payloads: The messages, as `payload_of` returns them.
        sender: The sender's name.
        first: The number of the first message.
        bounds: What the channel's history keeps.
        ttl: Seconds after the last message for which it is kept; None: for good.

    """
    keys = channels.history(channel), channels.number(channel), channels.sender(channel, sender)
    return FUNCTION, len(keys), *keys, channel, *bounds.arguments, ttl or "", first, *payloads


def keyed_call(channel: str, payload: bytes, *, key: str, bounds: Bounds) -> tuple[Any, ...]:
    """Return the arguments of FCALL that publish a message with an idempotency key.

    Args:
        channel: The channel to publish to.
        payload: The message, as `payload_of` returns it.
        key: Its idempotency key.
        bounds: What the channel's history keeps.

    """
    keys = channels.history(channel), channels.number(channel), channels.once(channel, key)
    return FUNCTION, len(keys), *keys, channel, *bounds.arguments, "", "", payload


def wait_calls(channel: str, replicas: int) -> tuple[tuple[Any, ...], ...]:
    """Return the commands that follow a call, on its connection, and wait for replicas.

    WAIT is about what its own connection wrote, and a call whose messages Redis has already writes
    nothing. So there is always a write before it: replicas that have it have the messages, too.

    Args:
        channel: The channel that the call published to.
        replicas: How many have to have it.

    """
    unused = channels.sender(channel, "-wait")
    return ("SET", unused, "", "PX", 1), ("WAIT", replicas, WAIT_MILLISECONDS)


def reply_with_replicas(replies: Sequence[Any], replicas: int) -> Any:
    """Return the reply of a call if as many replicas as asked for have what it wrote.

    Args:
        replies: Those of the call, and of `wait_calls`.
        replicas: How many have to have it.

    Raises:
        RedisError: One of the commands failed.
        TooFewReplicasError: Fewer of them had it in time.

    """
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    reply, _, having = replies
    if having < replicas:
        raise TooFewReplicasError(f"{having} of {replicas} replicas of Redis have it")
    return reply


def published_of(reply: Sequence[Any]) -> list[Published]:
    """Return the function's reply, [receivers, repeated, cursor ...], as text or as bytes."""
    receivers, repeated, *cursors = reply
    texts = [cursor.decode() if isinstance(cursor, bytes) else cursor for cursor in cursors]
    return [
        Published(cursor, int(receivers)) if number >= int(repeated) else Repeated(cursor, 0)
        for number, cursor in enumerate(texts)
    ]


def is_gap(error: Exception) -> bool:
    """Return whether Redis has refused a call because it has forgotten the sender."""
    return str(error).startswith("GAP ")
