"""What was published, as rules look at it: events, and troubles that begin and end. Pure.

Lenient, as every subscriber is: an event that breaks its schema is told as far as it can be read.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from hsi.schemas import RaisedAlert, RiskLevel, ServiceStatus
from hsi.schemas.cursor import Cursor
from hsi.seen import key_of
from hsi.verdict import risk_of
from services.notify.messages import (
    MAX_BODY,
    MAX_TITLE,
    Kind,
    Message,
    Subject,
    named,
    shortened,
)
from services.notify.rules import Rules, filled, zone

Change = Literal["happened", "began", "ended"]
WORDS: dict[RiskLevel, str] = {
    "low": "New",
    "medium": "Worth a look",
    "high": "Look now",
    "critical": "Act now",
}
"""How grave an event is, in the page's words."""
_SOMETHING = "Something happened."


class News(Struct, frozen=True, kw_only=True):
    """What was published, and in which usual words a person is told of it."""

    subject: Subject
    change: Change
    """`happened` is an event; a trouble begins, and ends."""
    about: str
    """What it is about: of an event its tag, of a trouble what has it."""
    message: Message
    values: dict[str, str]
    """What templates may name."""


class _Envelope(Struct):
    type: str
    data: dict[str, Any]


_envelopes = msgspec.json.Decoder(_Envelope)


def event_in(text: str, cursor: str, *, dashboard: str) -> News | None:
    """Return the news in a message of the channel of events; None where there is none for people.

    Args:
        text: As it was published, without its cursor.
        cursor: Its own.
        dashboard: `DASHBOARD_URL`; may be empty.

    """
    try:
        envelope = _envelopes.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if envelope.type != "event":
        return None
    data = envelope.data
    camera_id, summary = _text(data, "camera_id"), _text(data, "summary")
    risk = risk_of(data)
    level = risk.level
    words = WORDS[level or "medium"]
    camera = named(camera_id) if camera_id else ""
    tag = f"{key_of(data, cursor)} {camera_id or ''}".strip()
    message = Message(
        kind="event",
        title=shortened(f"{words}: {camera}" if camera else words, MAX_TITLE),
        body=shortened(summary or _SOMETHING, MAX_BODY),
        level=level,
        url=_page(dashboard, f"events/{quote(cursor, safe='')}"),
        image_url=_text(data, "image_url"),
        tag=shortened(tag, MAX_TITLE),
        camera_id=camera_id,
        at=moment_of(cursor),
        cursor=cursor,
        source=text.encode(),
        started_at=_time(data, "started_at"),
    )
    return News(
        subject="event",
        change="happened",
        about=message.tag,
        message=message,
        values={
            "summary": message.body,
            "camera": camera,
            "level": level or "unknown",
            "score": "" if risk.score is None else f"{risk.score:g}",
        },
    )


def status_in(text: str, cursor: str, *, dashboard: str) -> News | None:
    """Return the news in a message of the channel `system_status`; None where there is none."""
    try:
        envelope = _envelopes.decode(text)
        if envelope.type == "service_status":
            return _service(msgspec.json.decode(text, type=ServiceStatus), text, cursor, dashboard)
    except (msgspec.DecodeError, RecursionError):
        return None
    return _camera(envelope.data, text, cursor, dashboard) if _is_camera(envelope) else None


def alert_in(text: str, cursor: str, *, dashboard: str) -> News | None:
    """Return the news in an entry of the history of alerts; None where it cannot be read."""
    try:
        alert = msgspec.json.decode(text, type=RaisedAlert).data
    except (msgspec.DecodeError, RecursionError):
        return None
    is_critical = alert.severity == "critical"
    return _trouble(
        "alert",
        f"alert {alert.id}",
        is_over=alert.ended is not None,
        title="Critical alert" if is_critical else "Alert",
        body=alert.message,
        level="critical" if is_critical else "medium",
        url=_page(dashboard, "performance"),
        text=text,
        cursor=cursor,
    )


def _service(status: ServiceStatus, text: str, cursor: str, dashboard: str) -> News:
    data = status.data
    name = named(data.service)
    is_degraded = data.status == "degraded"
    is_over = data.status == "healthy"
    return _trouble(
        "degraded" if is_degraded else "service",
        f"service {data.service}",
        is_over=is_over,
        title=f"{name} is {'well again' if is_over else data.status}",
        body=data.message,
        level="medium" if is_degraded else "high",
        url=_page(dashboard, ""),
        text=text,
        cursor=cursor,
    )


def _is_camera(envelope: _Envelope) -> bool:
    data = envelope.data
    return (
        envelope.type == "camera_status"
        and isinstance(data.get("camera_id"), str)
        and data.get("status") in {"online", "offline", "error"}
    )


def _camera(data: Mapping[str, Any], text: str, cursor: str, dashboard: str) -> News:
    identifier, status = data["camera_id"], data["status"]
    name = _text(data, "name") or named(identifier)
    is_over = status == "online"
    words = {"online": "is back", "offline": "is offline", "error": "has an error"}[status]
    return _trouble(
        "camera",
        f"camera {identifier}",
        is_over=is_over,
        title=f"{name} {words}",
        body="The camera answers again." if is_over else "The camera sends no pictures.",
        level="high",
        url=_page(dashboard, ""),
        text=text,
        cursor=cursor,
        camera_id=identifier,
        camera=name,
    )


def _trouble(
    subject: Subject,
    about: str,
    *,
    is_over: bool,
    title: str,
    body: str,
    level: RiskLevel,
    url: str,
    text: str,
    cursor: str,
    camera_id: str | None = None,
    camera: str = "",
) -> News:
    kind: Kind = "all_clear" if is_over else subject
    message = Message(
        kind=kind,
        title=shortened(f"All clear: {title}" if subject == "alert" and is_over else title, 200),
        body=shortened(body, MAX_BODY),
        level=None if is_over else level,
        url=url,
        image_url=None,
        tag=shortened(about, MAX_TITLE),
        camera_id=camera_id,
        at=moment_of(cursor),
        cursor=cursor,
        source=text.encode(),
    )
    return News(
        subject=subject,
        change="ended" if is_over else "began",
        about=message.tag,
        message=message,
        values={
            "summary": message.body,
            "camera": camera,
            "level": "" if is_over else level,
            "score": "",
        },
    )


def worded(
    message: Message, values: Mapping[str, str], rules: Rules, *, home: str = "", count: int = 1
) -> Message:
    """Return a message in the words of a target's templates, where it has any for its kind.

    Args:
        message: In the usual words.
        values: What templates may name beside what is in it.
        rules: The target's.
        home: How the home is, in a few words.
        count: How many it tells of.

    """
    template = rules.templates.get(message.kind)
    if template is None:
        return message
    known = {
        "summary": message.body,
        "level": message.level or "",
        "title": message.title,
        "time": time_of_day(message.at, rules),
        "kind": message.kind,
        "url": message.url,
        "count": str(count),
        "home": home,
    }
    title, body = (
        usual if text is None else filled(text, {**known, **values})
        for text, usual in ((template.title, message.title), (template.body, message.body))
    )
    return msgspec.structs.replace(
        message, title=shortened(title, MAX_TITLE), body=shortened(body, MAX_BODY)
    )


def time_of_day(at: datetime, rules: Rules) -> str:
    """Return a time as the clock on the wall shows it, by a target's timezone."""
    return f"{at.astimezone(zone(rules.timezone)):%H:%M}"


def seen_key(message: Message) -> str | None:
    """Return what a message's event is called where it is marked as seen; None for others."""
    if message.kind != "event" or message.source is None:
        return None
    try:
        return key_of(_envelopes.decode(message.source).data, message.cursor)
    except (msgspec.DecodeError, RecursionError):
        return None


def moment_of(cursor: str) -> datetime:
    """Return when Redis got an entry: the time of its id."""
    at = Cursor.parse(cursor)
    try:
        return datetime.fromtimestamp(at.milliseconds / 1000 if at else 0, UTC)
    except (ValueError, OverflowError, OSError):  # an id by hand, of the year 5138
        return datetime.fromtimestamp(0, UTC)


def _page(dashboard: str, path: str) -> str:
    return f"{dashboard.rstrip('/')}/{path}" if dashboard else ""


def _text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _time(data: Mapping[str, Any], name: str) -> datetime | None:
    try:
        value = msgspec.convert(data.get(name), datetime)
    except msgspec.ValidationError:
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
