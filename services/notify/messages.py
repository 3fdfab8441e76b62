"""What a person is told: one message, whatever carries it. Pure.

A message is made once and is the same for every try, so that who gets it twice can know it by
its `key`. Nothing in it is a secret; all of its text comes from others, and is plain text.
"""

from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from hsi.schemas import RiskLevel

Kind = Literal[
    "event", "alert", "service", "camera", "degraded", "all_clear", "summary", "redis", "test"
]
"""What a message is about; `summary` stands for several that nobody was told of by themselves."""
KINDS: tuple[Kind, ...] = get_args(Kind)
Subject = Literal["event", "alert", "service", "camera", "degraded", "redis"]
"""The kinds that a person chooses; the others follow from these."""
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
LEVELS: tuple[RiskLevel, ...] = get_args(RiskLevel)
MAX_TITLE = 200
MAX_BODY = 2000
"""Characters; the rest of a longer text is left out."""


class Message(Struct, frozen=True, kw_only=True):
    """What one target is told."""

    kind: Kind
    title: str
    body: str
    level: RiskLevel | None
    """How grave it is; None: not grave at all, as an all clear, or not known."""
    url: str
    """The page that shows more; empty where `DASHBOARD_URL` is not set."""
    image_url: str | None
    """A picture of it, as its producer said: an address, or a path below the page's own origin."""
    tag: str
    """What it is about: a later message with the same tag takes the place of an earlier one."""
    camera_id: str | None
    at: datetime
    """When it happened (UTC), by Redis' clock."""
    cursor: str
    """Of the message that it was made of, in the history of its channel; of the last of several."""
    source: bytes | None
    """That message as it was published; None for what was made of several, or of none."""
    started_at: datetime | None = None
    """When the event itself began, as its producer said."""

    @property
    def key(self) -> str:
        """What makes it itself, however often it is told."""
        return f"{self.kind} {self.cursor} {self.tag}"


def rank(level: RiskLevel | None) -> int:
    """Return a level's place among all, from the lowest; unknown risk is worth a look."""
    return LEVELS.index(level or "medium")


def shortened(text: str, length: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def named(identifier: str) -> str:
    """Return the id of a camera or a service as people read it: `front_door` is "Front door"."""
    words = " ".join(identifier.replace("_", " ").replace("-", " ").split())
    return words[:1].upper() + words[1:]
