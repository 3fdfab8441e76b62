"""What is known of a target beside how far it came; made of JSON's types, kept in Redis. Pure."""

from datetime import datetime

from msgspec import Struct, field

from hsi.schemas import RiskLevel
from services.notify.messages import Message, rank


class Told(Struct):
    """What a target was told of an event."""

    level: RiskLevel | None
    at: float


class Cooldown(Struct):
    """A time in which nothing is told that is not graver."""

    level: RiskLevel | None
    until: float
    held: list[Message] = field(default_factory=list)
    """The gravest of the events that were not told since; they are told together when it ends."""
    more: int = 0
    """Events that were not told either, and are not kept."""


class Trouble(Struct):
    """Something that began, and has not ended, or whose end was not told yet."""

    message: Message
    due: float
    """When it may be told."""
    told: Message | None = None
    """As it was told."""
    over: Message | None = None
    """Its end."""


class Tally(Struct):
    """Events that are counted, and told of together."""

    gravest: Message
    latest: Message
    since: datetime
    count: int = 1
    due: float = 0.0

    def add(self, message: Message) -> None:
        """Count one more."""
        self.count += 1
        self.latest = message
        if rank(message.level) > rank(self.gravest.level):
            self.gravest = message


class State(Struct, kw_only=True, omit_defaults=True):
    """All that is known of a target beside how far it came; made of JSON's types."""

    told: dict[str, Told] = field(default_factory=dict)
    """By what it was told of."""
    cooldowns: dict[str, Cooldown] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    burst_until: float = 0.0
    burst_level: RiskLevel | None = None
    waiting: list[Message] = field(default_factory=list)
    """What is told together when the burst's time is over."""
    more: int = 0
    """Messages of the burst that are not kept."""
    late: Tally | None = None
    """What was too old when it could have been told."""
    quiet: Tally | None = None
    """What came in quiet hours."""
    gap: Message | None = None
    outbox: list[Message] = field(default_factory=list)
    """What is to be delivered, in order."""
    tries: int = 0
    """Times that the first of them was tried in vain."""
    first_tried: float | None = None
    not_before: float = 0.0
    """When the other side wants to be asked again."""
    asked_for: float = 0.0
    """Seconds of waiting that it asked for while the first of them was tried."""


def tallied(tally: Tally | None, message: Message, due: float = 0.0) -> Tally:
    """Return a tally with one more message."""
    if tally is None:
        tally = Tally(gravest=message, latest=message, since=message.at)
    else:
        tally.add(message)
    tally.due = due
    return tally
