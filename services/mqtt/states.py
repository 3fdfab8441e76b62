"""What Home Assistant is told of how things are, and of what happened: topics and payloads. Pure.

A state is one JSON object per topic, replaced as a whole, so that a level and its score never are
of two moments. What is not known is null, which Home Assistant shows as "unknown": a value of
before is never shown as one of now. Texts are at most as long as Home Assistant takes them.

What happened is told by `event` entities, each event once: when it is first told, when it becomes
graver, and when it ends. What is told only after it has stopped to say anything about now is
"missed", so that no automation takes it for news.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args
from urllib.parse import quote

import msgspec
from msgspec import Struct

from hsi.schemas import RaisedAlertData, RiskLevel, SystemStatusData
from hsi.seen import is_graver
from hsi.verdict import RECENT, Arrived, HomeVerdict, Risk, counts, gravity, risk_of
from hsi_service.home.cameras import CameraAt
from services.mqtt.discovery import QUIET, Camera, Config, Happening, Topics, tidy

MAX_STATE = 255
"""Characters of a state; Home Assistant refuses longer ones."""
MAX_TEXT = 1000
"""Characters of a text among attributes, which its recorder keeps up to 16 KiB of."""
MAX_ALERTS = 20
"""Alerts that are named; all are counted."""
HOLD = 120_000
"""Milliseconds from an event's arrival on for which there is activity, though it has ended."""
_ON, _OFF = "ON", "OFF"
_MEDIUM: tuple[RiskLevel, ...] = get_args(RiskLevel)[1:]


class Known(Struct, frozen=True, kw_only=True):
    """All that is known of the home at one moment."""

    now: int | None
    """Milliseconds since 1970, of the services' clock; None: nobody has told it."""
    informed: bool
    """Redis is heard."""
    complete: bool
    """All events that say something about now are known."""
    verdict: HomeVerdict
    status: SystemStatusData | None
    alerts: Sequence[RaisedAlertData] | None
    """Those that are raised; None: not known."""
    events: Sequence[Arrived]
    """Those that may count, each once: as it was told last."""
    latest: Mapping[str, Arrived]
    """The last event, by the camera's id."""
    cameras: Mapping[str, CameraAt]
    """Those that are listed, by id."""


class Told(Struct, frozen=True):
    """What was told of an event."""

    level: RiskLevel | None
    """The gravest that was told."""
    ended: bool


class _Counting(NamedTuple):
    """An event that says something about now."""

    event: Arrived
    risk: Risk


def states(topics: Topics, known: Known, cameras: Iterable[Camera], url: str) -> dict[str, bytes]:
    """Return the states of everything, by topic; all are retained."""
    counting = _counting(known)
    happened: dict[str, list[_Counting]] = {}
    for one in counting:
        happened.setdefault(str(one.event.data.get("camera_id", "")), []).append(one)
    of_cameras = {
        topics.camera(camera.slug): _camera_state(known, camera, happened.get(camera.id, ()), url)
        for camera in cameras
    }
    own = {topics.home: _home_state(known, counting, url), topics.figures: _figures(known)}
    return {topic: msgspec.json.encode(state) for topic, state in (own | of_cameras).items()}


def _counting(known: Known) -> list[_Counting]:
    if known.now is None:
        return []
    found = (_Counting(event, risk_of(event.data)) for event in known.events)
    return [one for one in found if counts(*one, known.now)]


def _home_state(known: Known, counting: Sequence[_Counting], url: str) -> Config:
    verdict, raised = known.verdict, known.alerts if known.informed else None
    return {
        "verdict": verdict.state,
        "says": {
            "title": verdict.title,
            "detail": tidy(verdict.detail, MAX_TEXT),
            "since": None if verdict.since is None else _moment(verdict.since),
        },
        **_risk(known, counting, url),
        "alerts": None if raised is None else len(raised),
        "raised": None if raised is None else _raised(raised),
        "informed": _ON if known.informed else _OFF,
    }


def _figures(known: Known) -> Config:
    status = known.status if has_figures(known) else None
    gpu = status.gpu if status else None
    queues = status.queues if status else None
    cameras = status.cameras if status else None
    services = status.services if status else {}
    ill = any(health != "healthy" for health in services.values())
    return {
        "gpu_temperature": gpu.temperature if gpu else None,
        "gpu_utilization": gpu.utilization if gpu else None,
        "detection_queue": queues.detection_queue if queues else None,
        "analysis_queue": queues.analysis_queue if queues else None,
        "dead_letters": queues.dlq_total if queues else None,
        "cameras_online": cameras.online if cameras else None,
        "cameras": {"total": cameras.total, "offline": cameras.offline} if cameras else None,
        "problem": (_ON if ill else _OFF) if services else None,
        "services": dict(services) or None,
    }


def has_figures(known: Known) -> bool:
    """Return whether anybody has told figures of late."""
    return known.informed and known.status is not None


def _camera_state(known: Known, camera: Camera, counting: Sequence[_Counting], url: str) -> Config:
    last = known.latest.get(camera.id) if known.informed else None
    summary = None if last is None else tidy(_summary(last.data), MAX_STATE)
    listed = known.cameras.get(camera.id) if known.informed else None
    online = None
    if listed is not None and listed.status != "unknown":
        online = _ON if listed.status == "online" else _OFF
    return {
        "activity": _activity(known, counting),
        "last_event": summary,
        "last": None if last is None else described(last, url),
        **_risk(known, counting, url),
        "connectivity": online,
        "status": None
        if listed is None
        else {
            "camera_status": listed.status,
            "since": _zulu(listed.since),
        },
    }


def described(event: Arrived, url: str) -> Config:
    """Return what is told of an event beside its summary."""
    data, risk = event.data, risk_of(event.data)
    return {
        "level": risk.level,
        "score": risk.score,
        "event_id": data.get("event_id") if _is_id(data.get("event_id")) else None,
        "camera_id": tidy(str(data.get("camera_id", "")), MAX_STATE),
        "started_at": _text(data.get("started_at")),
        "ended_at": _text(data.get("ended_at")),
        "arrived_at": _moment(event.arrived),
        "picture": address(data.get("image_url"), url),
        "clip": address(data.get("clip_url"), url),
        "link": f"{url}/events/{quote(event.cursor, safe='')}" if url and event.cursor else None,
        "cursor": event.cursor,
    }


def happenings(event: Arrived, told: Told | None, now: int | None) -> list[Happening]:
    """Return what a message tells of an event that nobody was told, in order.

    Args:
        event: As the message has it.
        told: What was told of the same event; None: nothing.
        now: Milliseconds since 1970, of the services' clock; None: not known.

    """
    level = risk_of(event.data).level
    found: list[Happening] = []
    if told is None or is_graver(level, told.level):
        found.append(level or "unrated")
    if told is not None and not told.ended and _has_ended(event.data):
        found.append("ended")
    if found and now is not None and now - event.arrived > RECENT:
        return ["missed"]
    return found


def told_by(event: Arrived, before: Told | None) -> Told:
    """Return what is told of an event once a message of it was."""
    level = risk_of(event.data).level
    if before is not None and not is_graver(level, before.level):
        level = before.level
    ended = _has_ended(event.data) or (before is not None and before.ended)
    return Told(level, ended)


def event_message(what: Happening, event: Arrived, name: str, url: str) -> bytes:
    """Return the payload of an `event` entity; its cursor and type tell one from its repetition.

    Args:
        what: Happened.
        event: To which.
        name: The camera's, for people.
        url: The dashboard's address, for links.

    """
    return msgspec.json.encode(
        {
            "event_type": what,
            "camera": tidy(name, MAX_STATE),
            "summary": tidy(_summary(event.data), MAX_TEXT),
            **described(event, url),
        }
    )


def address(given: object, url: str) -> str | None:
    """Return where Home Assistant finds a picture; None: it cannot be told, or there is none."""
    if not isinstance(given, str) or not given.isprintable():
        return None
    if given.startswith(("http://", "https://")):
        return tidy(given, 2048)
    return f"{url}{tidy(given, 2048)}" if url and given.startswith("/") else None


def _risk(known: Known, counting: Sequence[_Counting], url: str) -> Config:
    """Return the gravest risk that counts; "quiet" only where all that counts is known."""
    gravest = max(counting, key=lambda one: gravity(*one), default=None)
    if gravest is not None:
        event, risk = gravest
        summary = tidy(_summary(event.data), MAX_TEXT)
        # An event that has no level is worth a look, as one of medium risk.
        return {
            "risk": risk.level or "medium",
            "score": risk.score,
            "gravest": {"summary": summary, **described(event, url)},
        }
    if not (known.informed and known.complete):
        return {"risk": None, "score": None, "gravest": None}
    return {"risk": QUIET, "score": 0, "gravest": None}


def _activity(known: Known, counting: Sequence[_Counting]) -> str | None:
    """Return whether an event that is worth a look goes on, or has just been."""
    now = known.now
    if now is not None and any(_goes_on(one, now) for one in counting):
        return _ON
    return _OFF if known.informed and known.complete else None


def _goes_on(one: _Counting, now: int) -> bool:
    if (one.risk.level or "medium") not in _MEDIUM:
        return False
    return not _has_ended(one.event.data) or now - one.event.arrived <= HOLD


def _raised(alerts: Sequence[RaisedAlertData]) -> Config:
    graver = sorted(alerts, key=lambda alert: (alert.severity != "critical", _zulu(alert.since)))
    return {
        "messages": [tidy(alert.message, MAX_STATE) for alert in graver[:MAX_ALERTS]],
        "critical": sum(alert.severity == "critical" for alert in alerts),
        "metrics": [alert.metric for alert in graver[:MAX_ALERTS]],
    }


def _summary(data: Mapping[str, Any]) -> str:
    words = data.get("summary")
    words = " ".join(words.split()) if isinstance(words, str) else ""
    return words or "An event without a summary"


def _has_ended(data: Mapping[str, Any]) -> bool:
    ended = data.get("ended_at")
    return isinstance(ended, str) and bool(ended)


def _text(value: object) -> str | None:
    return tidy(value, MAX_STATE) if isinstance(value, str) and value else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53


def _moment(ms: int) -> str:
    return _zulu(datetime.fromtimestamp(ms / 1000, UTC))


def _zulu(at: datetime) -> str:
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
