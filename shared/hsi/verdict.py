"""How the home is, in two words: what pages, notifications and bridges tell a person. Pure.

"All quiet" is a claim, and needs every proof: events are heard now, the last 15 minutes are known
completely, all cameras are online, the AI works, and its queues move. Without one of them it is
"Quiet at 3 of 4 cameras", or "Can't tell" with the reason. A danger that is known wins over
everything that is not.

An event's age counts from its arrival at Redis, by the clock of the services: producers' and
browsers' clocks may be wrong, and what an event says of its own times is only shown. The dashboard
decides the same in TypeScript (dashboard/src/homeVerdict.ts), and both pass
tests/verdicts.json.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from math import isnan
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Struct, field

from hsi.schemas import RiskLevel, Seen
from hsi.seen import key_of, seen_in

RECENT = 15 * 60_000
"""Milliseconds for which an event says something about now."""
UNENDED = 24 * 3_600_000
"""Milliseconds for which a critical event counts that has not ended: no longer, because its end may
never be told."""
QUEUE_PATIENCE = 120_000
"""Milliseconds in which a queue that is not empty becomes shorter, unless it stands still."""
QUEUE_GAP = 60_000
"""Milliseconds between two samples of the queues that are a break, of which nobody knows more."""
AI_SERVICES = ("yolo26", "nemotron")

State = Literal["quiet", "quiet_at", "look", "look_now", "act_now", "cant_tell", "seen"]
QueueName = Literal["detection", "analysis"]

_LEVELS: tuple[RiskLevel, ...] = get_args(RiskLevel)
MAX_SCORE = 100
SCORES: dict[RiskLevel, tuple[int, int]] = {
    "low": (0, 29),
    "medium": (30, 59),
    "high": (60, 84),
    "critical": (85, MAX_SCORE),
}
"""The least and the greatest score of each level."""
_DANGERS: dict[RiskLevel, tuple[State, str]] = {
    "medium": ("look", "Worth a look"),
    "high": ("look_now", "Look now"),
    "critical": ("act_now", "Act now"),
}
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]+)?\s*")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Risk(Struct, frozen=True, kw_only=True):
    """The risk of an event, made of what its producer wrote."""

    level: RiskLevel | None
    """By its word in any case, else by its score; None where it has neither."""
    score: float | None
    """From 0 to 100."""
    out_of_range: bool = False
    """The score was not from 0 to 100, and is clamped."""


class Arrived(Struct, frozen=True):
    """An event of the history."""

    arrived: int
    """When it arrived at Redis, ms since 1970: the time of its cursor."""
    data: dict[str, Any]
    """As it was published."""
    cursor: str | None = None
    """Of its message; None for a plain PUBLISH. What has no id is known by it."""


class Feed(Struct, frozen=True):
    """Whether events are heard now, by the feed's own heartbeat."""

    state: Literal["heard", "waiting", "silent", "deaf"]
    """`deaf`: the events service answers, and says that it cannot hear Redis."""
    since: int | None = None


class Window(Struct, frozen=True):
    """Whether all events of the last 15 minutes are known."""

    state: Literal["complete", "waiting", "incomplete", "failed"]
    since: int | None = None
    """From when on they are known; `failed`: since when they cannot be read."""


class Status(Struct, frozen=True):
    """Whether statuses are heard; without them nothing is known of cameras, AI and queues."""

    state: Literal["heard", "waiting", "silent"]
    since: int | None = None


class Cameras(Struct, frozen=True):
    """How many cameras there are that are not deleted, and how many of them are online."""

    total: int
    online: int
    offline: int


class Queues(Struct, frozen=True):
    """Whether the queues of the AI move."""

    state: Literal["moving", "stuck", "unknown"]
    queue: QueueName | None = None
    """The one that stands still."""
    since: int | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """All that is known; times are ms since 1970 of the services' clock."""

    now: int | None
    """None while no heartbeat has told it."""
    feed: Feed
    window: Window
    status: Status
    cameras: Cameras | None
    ai: dict[str, str]
    """Health by service."""
    queues: Queues
    events: Sequence[Arrived] = field(default_factory=tuple)
    """In any order; those that do not count may be among them."""
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """Which of them somebody has seen (`hsi.seen.key_of`)."""


class HomeVerdict(Struct, frozen=True, kw_only=True):
    """How the home is."""

    state: State
    title: str
    detail: str
    """The event that makes it so, or the reason."""
    since: int | None = None
    """Since when it cannot be told, or when the event was seen, ms since 1970; None where nobody
    knows."""
    event: Arrived | None = None
    """The gravest event that counts, if any is known: of those that nobody has seen, but for the
    state `seen`."""
    risk: Risk | None = None
    """That event's."""


def risk_of(data: Mapping[str, Any]) -> Risk:
    """Return the risk that an event's data tell of, however oddly they do."""
    given = _number(data.get("risk_score"))
    score = None if given is None else min(max(given, 0), MAX_SCORE)
    word = data.get("risk_level")
    level = word.strip().lower() if isinstance(word, str) else None
    known = next((one for one in _LEVELS if one == level), None)
    return Risk(level=known or _level_of(score), score=score, out_of_range=score != given)


def counts(event: Arrived, risk: Risk, now: int) -> bool:
    """Return whether an event says something about now (ms since 1970)."""
    age = now - event.arrived
    if age <= RECENT:
        return True
    return risk.level == "critical" and not _has_ended(event.data) and age <= UNENDED


def home_verdict(facts: Facts) -> HomeVerdict:
    """Return how the home is, as far as these facts prove it."""
    counting = _counting(facts)
    found = max((one for one in counting if one.seen is None), key=_gravity, default=None)
    event = found.event if found else None
    risk = found.risk if found else None
    danger = _danger(risk) if risk else None
    if event is not None and danger is not None:
        state, title = danger
        return HomeVerdict(state=state, title=title, detail=_words(event), event=event, risk=risk)
    if (lacking := next(_unproven(facts), None)) is not None:
        reason, since = lacking
        title = "Can't tell"
        return HomeVerdict(
            state="cant_tell", title=title, detail=reason, since=since, event=event, risk=risk
        )
    settled = max((one for one in counting if one.seen), key=_gravity, default=None)
    if settled is not None and settled.seen is not None:
        return _seen_verdict(settled.event, settled.risk, settled.seen)
    cameras = facts.cameras
    if cameras is not None and cameras.online < cameras.total:
        missing = cameras.total - cameras.online
        return HomeVerdict(
            state="quiet_at",
            title=f"Quiet at {cameras.online} of {cameras.total} cameras",
            detail=f"{missing} camera{' is' if missing == 1 else 's are'} not online",
            event=event,
            risk=risk,
        )
    detail = "No event in 15 minutes" if event is None else _words(event)
    return HomeVerdict(state="quiet", title="All quiet", detail=detail, event=event, risk=risk)


def _seen_verdict(event: Arrived, risk: Risk, mark: Seen) -> HomeVerdict:
    who = f" by {mark.by}" if mark.by else ""
    at = mark.at if mark.at.tzinfo else mark.at.replace(tzinfo=UTC)
    return HomeVerdict(
        state="seen",
        title="Seen",
        detail=f"{_words(event)}, seen{who}",
        since=round(at.timestamp() * 1000),
        event=event,
        risk=risk,
    )


class QueueWatch:
    """Learns from the depths of the queues whether they move."""

    def __init__(self) -> None:
        """Know nothing."""
        self._last: dict[QueueName, int] = {}
        # Since when each of them has not become shorter, though something waits.
        self._since: dict[QueueName, int] = {}
        self._at: int | None = None
        self._known = False

    def note(self, at: int, *, detection: int | None, analysis: int | None) -> None:
        """Record the depths of a moment, in ms; None is one that nobody knows."""
        if self._at is not None and at - self._at > QUEUE_GAP:
            self._since.clear()
        self._at = at
        self._known = detection is not None and analysis is not None
        depths: dict[QueueName, int | None] = {"detection": detection, "analysis": analysis}
        for name, depth in depths.items():
            before = self._last.get(name)
            if depth is None or depth == 0 or (before is not None and depth < before):
                self._since.pop(name, None)
            if depth is not None:
                self._last[name] = depth
                if depth > 0:
                    self._since.setdefault(name, at)

    @property
    def queues(self) -> Queues:
        """Whether they move, as of the last moment."""
        if self._at is None or not self._known:
            return Queues("unknown")
        for name, since in self._since.items():
            if self._at - since >= QUEUE_PATIENCE:
                return Queues("stuck", name, since)
        return Queues("moving")


def _number(value: Any) -> float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return None if isnan(value) else value


def _level_of(score: float | None) -> RiskLevel | None:
    if score is None:
        return None
    return next((level for level in _LEVELS[::-1] if score >= SCORES[level][0]), "low")


def _has_ended(data: Mapping[str, Any]) -> bool:
    ended = data.get("ended_at")
    return isinstance(ended, str) and _TIME.match(ended) is not None


class _Counting(NamedTuple):
    """An event that says something about now."""

    event: Arrived
    risk: Risk
    seen: Seen | None
    """Who has seen it, if it is a danger; else nobody needs to."""


def _counting(facts: Facts) -> list[_Counting]:
    """Return the events that count, each with its risk and who has seen it."""
    if facts.now is None:
        return []
    found = []
    for event in facts.events:
        risk = risk_of(event.data)
        if counts(event, risk, facts.now):
            mark = None
            if _danger(risk):
                mark = seen_in(facts.seen, key_of(event.data, event.cursor), risk.level)
            found.append(_Counting(event, risk, mark))
    return found


def _danger(risk: Risk) -> tuple[State, str] | None:
    # An event whose risk nobody knows is worth a look.
    return _DANGERS.get(risk.level or "medium")


def gravity(event: Arrived, risk: Risk) -> tuple[int, float, int]:
    """Return what events are compared by: level, then score, then arrival."""
    level = _LEVELS.index(risk.level or "medium")
    return level, -1 if risk.score is None else risk.score, event.arrived


def _gravity(one: _Counting) -> tuple[int, float, int]:
    return gravity(one.event, one.risk)


def _words(event: Arrived) -> str:
    summary, camera = event.data.get("summary"), event.data.get("camera_id")
    words = summary if isinstance(summary, str) and summary else "An event without a summary"
    if not isinstance(camera, str) or not camera:
        return words
    return f"{re.sub('[_-]+', ' ', camera)}: {words}"


def _unproven(facts: Facts) -> Iterator[tuple[str, int | None]]:
    """Yield what "All quiet" lacks, the most important first, each with since when."""
    feed, window, status, queues = facts.feed, facts.window, facts.status, facts.queues
    if feed.state != "heard":
        yield _FEED[feed.state], feed.since
    if facts.now is None:
        yield "The time of the services is not known", None
    if window.state != "complete":
        yield _WINDOW[window.state], window.since
    if status.state != "heard":
        yield _STATUS[status.state], status.since
    if reason := _cameras_unproven(facts.cameras) or _ai_unproven(facts.ai):
        yield reason, None
    if queues.state == "stuck":
        yield f"The {queues.queue} queue does not move", queues.since
    if queues.state == "unknown":
        yield "Whether the queues move is not known", None


_FEED = {
    "waiting": "Waiting for events",
    "silent": "No news of events",
    "deaf": "The events service cannot hear Redis",
}
_WINDOW = {
    "waiting": "Waiting for the last 15 minutes",
    "incomplete": "Only part of the last 15 minutes is known",
    "failed": "The last 15 minutes cannot be read",
}
_STATUS = {
    "waiting": "Waiting for a status",
    "silent": "No news of cameras, AI and queues",
}


def _cameras_unproven(cameras: Cameras | None) -> str | None:
    if cameras is None:
        return "The state of the cameras is not known"
    if cameras.total == 0:
        return "No camera is set up"
    return "No camera is online" if cameras.online == 0 else None


def _ai_unproven(ai: Mapping[str, str]) -> str | None:
    ill = [name for name in AI_SERVICES if ai.get(name) != "healthy"]
    return ", ".join(f"{name} is {ai.get(name, 'not reported')}" for name in ill) or None
