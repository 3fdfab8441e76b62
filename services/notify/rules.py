"""Of what a target is told, and when. Pure.

Quiet hours are by the clock on the wall of the rules' timezone, and by no length: they begin and
end when people expect it, when clocks go forward or back, too.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from hsi.schemas import RiskLevel
from services.notify.messages import SUBJECTS, Kind, Subject, rank

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[Day, ...] = get_args(Day)
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9](?![\s\S])")]
"""As "22:00"."""
Duration = Annotated[float, Meta(ge=0, le=7 * 86400)]
"""Seconds."""
FIELDS = ("title", "summary", "camera", "level", "score", "time", "kind", "url", "count", "home")
"""What a template may name in braces."""
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Quiet(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours in which nothing is told; they may go over midnight."""

    start: TimeOfDay = msgspec.field(name="from")
    end: TimeOfDay = msgspec.field(name="to")
    """No longer within; from a time to the same time is the whole day."""
    days: tuple[Day, ...] = _DAYS
    """On which they begin."""
    critical: bool = True
    """Whether what is critical is told all the same."""
    summary: bool = False
    """Whether their end tells how many events there were."""

    def has(self, wall: datetime) -> bool:
        """Return whether a time of the clock on the wall is within."""
        time = f"{wall:%H:%M}"
        today, yesterday = (
            _DAYS[day.weekday()] in self.days for day in (wall, wall - timedelta(days=1))
        )
        if self.start < self.end:
            return today and self.start <= time < self.end
        return (today and time >= self.start) or (yesterday and time < self.end)


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one kind of message; what is not said is in the usual words."""

    title: str | None = None
    body: str | None = None

    def __post_init__(self) -> None:
        for text in (self.title, self.body):
            check_template(text or "")


class Rules(Struct, frozen=True, kw_only=True):
    """Of what one target is told."""

    level: RiskLevel = "high"
    """Events at or above it are told."""
    levels: dict[str, RiskLevel] = {}
    """The same for single cameras, by their ids."""
    cameras: tuple[str, ...] | None = None
    """Ids of those that are told of; None: of all. What names no camera is told."""
    kinds: tuple[Subject, ...] = SUBJECTS
    quiet: tuple[Quiet, ...] = ()
    timezone: str = "UTC"
    cooldown: Duration = 60.0
    """After an event, nothing of its camera is told for so long, unless it is graver."""
    group: Duration = 10.0
    """What comes within so long after something was told waits, and is told together."""
    all_clear: bool = True
    """Whether the end of what was told is told."""
    picture: bool = True
    too_old: Duration = 900.0
    """What is older when it could be told is not told by itself, but counted in a summary."""
    templates: dict[Kind, Template] = {}

    def __post_init__(self) -> None:
        zone(self.timezone)

    def wants(self, kind: Subject, level: RiskLevel | None, camera_id: str | None) -> bool:
        """Return whether something is told at all, at one hour or another."""
        if kind not in self.kinds:
            return False
        if camera_id is not None and self.cameras is not None and camera_id not in self.cameras:
            return False
        if kind != "event":
            return True
        return rank(level) >= rank(self.levels.get(camera_id or "", self.level))

    @property
    def sums_up(self) -> bool:
        """Whether the events of quiet hours are counted, and told of when these are over."""
        return any(quiet.summary for quiet in self.quiet)

    def is_quiet(self, at: datetime, level: RiskLevel | None) -> bool:
        """Return whether something of this level has to wait, or is not told, at this moment.

        Args:
            at: With a timezone.
            level: Of what would be told.

        """
        if not self.quiet:
            return False
        wall = at.astimezone(zone(self.timezone))
        return any(
            quiet.has(wall) and not (quiet.critical and level == "critical") for quiet in self.quiet
        )


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """Return a timezone by its name in the IANA database, as `Europe/Berlin`.

    Raises:
        ValueError: There is no such timezone.

    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a path, or a folder of the database
        raise ValueError("there is no such timezone; one is Europe/Berlin") from None


def check_template(text: str) -> None:
    """Check a template before anything is told by it.

    Raises:
        ValueError: It names what there is not, or has a brace that stands alone.

    """
    for found in _PLACEHOLDER.finditer(text):
        if found[0] in {"{{", "}}"}:
            continue
        if found[1] is None:
            raise ValueError("a brace stands alone; write {{ or }} for one")
        if found[1] not in FIELDS:
            raise ValueError(f"a name in braces is unknown; there are {', '.join(FIELDS)}")


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a template's text: each name in braces is replaced by its value, and nothing else.

    No `str.format`, which follows attributes; values are put in as they are, whatever they hold.
    """

    def value(found: re.Match[str]) -> str:
        return found[0][0] if found[1] is None else values.get(found[1], "")

    return _PLACEHOLDER.sub(value, template)
