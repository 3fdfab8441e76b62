"""What Frigate says, of every version from 0.12 to 0.17, as one sighting. Pure, no I/O.

`frigate/events` tells of each tracked object, `frigate/reviews` of what belongs together: both as
new, update and end, with what was before and what is after. Only what is needed is read, and of
that only the id, the camera and the beginning must be there; what a version adds, leaves out or
writes in another form costs nothing but itself.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from hsi.schemas.complaints import explained
from services.mqtt.risk import Severity

MAX_PAYLOAD = 256 * 1024
"""Bytes of a message that is read; Frigate's have a few thousand."""
MAX_NAME = 64
"""Characters of a name in a summary."""
MAX_ZONES = 3
"""Zones that a summary names."""
_ID_BITS = 53
"""Of an event's number: so many are exact in JavaScript."""
_VERIFIED = "-verified"
_THUMBNAIL = re.compile(r"/media/frigate(/clips/review/[\w.-]+)")
_EARLIEST, _LATEST = 0.0, 32_503_680_000.0
_Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[\w.:-]+(?![\s\S])")]
_Camera = Annotated[str, Meta(min_length=1, max_length=128)]


class InvalidPayloadError(ValueError):
    """A message that is not one of Frigate's; the text says why in one short line."""


class Sighting(Struct, frozen=True, kw_only=True):
    """What Frigate has seen, as of one message."""

    id: str
    camera: str
    labels: tuple[str, ...]
    zones: tuple[str, ...]
    """All that it was in, in the order in which it entered them."""
    name: str
    """Who or which it is, where Frigate recognized it; else empty."""
    score: float
    severity: Severity | None
    is_false_positive: bool
    began: datetime
    ended: datetime | None
    image_path: str | None
    """Where Frigate has a picture, below its own address; None: it has none."""
    clip_path: str | None
    heard: tuple[str, ...] = ()
    """Those of its labels that were heard, and not seen."""


class _Object(Struct):
    id: _Id
    camera: _Camera
    start_time: float
    label: Any = None
    end_time: Any = None
    top_score: Any = None
    score: Any = None
    false_positive: Any = None
    entered_zones: Any = None
    current_zones: Any = None
    has_snapshot: Any = None
    has_clip: Any = None
    sub_label: Any = None
    recognized_license_plate: Any = None


class _Review(Struct):
    id: _Id
    camera: _Camera
    start_time: float
    severity: Any = None
    data: Any = None
    end_time: Any = None
    thumb_path: Any = None


class _EventMessage(Struct):
    after: _Object
    type: Any = None


class _ReviewMessage(Struct):
    after: _Review
    type: Any = None


def read_event(payload: bytes) -> Sighting:
    """Return what a message of `frigate/events` says.

    Raises:
        InvalidPayloadError: It is not one of Frigate's.

    """
    message = _decode(payload, _EventMessage)
    seen = message.after
    path = f"/api/events/{quote(seen.id)}"
    name = _name_of(seen.sub_label) or _name_of(seen.recognized_license_plate)
    return Sighting(
        id=seen.id,
        camera=seen.camera,
        labels=_distinct(_names_in(seen.label)),
        zones=_distinct([*_names_in(seen.entered_zones), *_names_in(seen.current_zones)]),
        name=name,
        score=_score(seen.top_score, seen.score),
        severity=None,
        is_false_positive=_is_true(seen.false_positive),
        began=_time(seen.start_time),
        ended=_end(message.type, seen.start_time, seen.end_time),
        image_path=f"{path}/snapshot.jpg" if _is_true(seen.has_snapshot) else None,
        clip_path=f"{path}/clip.mp4" if _is_true(seen.has_clip) else None,
    )


def read_review(payload: bytes) -> Sighting:
    """Return what a message of `frigate/reviews` says.

    Raises:
        InvalidPayloadError: It is not one of Frigate's.

    """
    message = _decode(payload, _ReviewMessage)
    review = message.after
    data = review.data if isinstance(review.data, dict) else {}
    seen = _distinct(label.removesuffix(_VERIFIED) for label in _names_in(data.get("objects")))
    heard = _distinct(label for label in _names_in(data.get("audio")) if label not in seen)
    thumbnail = _THUMBNAIL.fullmatch(_text(review.thumb_path))
    ended = _end(message.type, review.start_time, review.end_time)
    clip = None
    if ended and (end := _number(review.end_time)):
        clip = f"/api/{quote(review.camera, safe='')}/start/{review.start_time}/end/{end}/clip.mp4"
    return Sighting(
        id=review.id,
        camera=review.camera,
        labels=(*seen, *heard),
        zones=_distinct(_names_in(data.get("zones"))),
        name=next(filter(None, map(_name_of, _list(data.get("sub_labels")))), ""),
        score=1.0,
        severity="alert" if review.severity == "alert" else "detection",
        is_false_positive=False,
        began=_time(review.start_time),
        ended=ended,
        image_path=thumbnail[1] if thumbnail else None,
        clip_path=clip,
        heard=heard,
    )


def number_of(identifier: str) -> int:
    """Return the number that an event has everywhere: always the same for an id of Frigate's."""
    digest = blake2b(identifier.encode(), digest_size=8, person=b"hsi-frigate").digest()
    return int.from_bytes(digest) >> (64 - _ID_BITS)


def summary_of(sighting: Sighting) -> str:
    """Return what happened, for a person: "Person in the driveway (front door)"."""
    labels = [_words(label) for label in sighting.labels] or ["something"]
    name = _clean(sighting.name)
    if name and sighting.labels == ("person",):
        what = name
    else:
        what = _listed(labels)
        what = f"{what[:1].upper()}{what[1:]}" + (f" ({name})" if name else "")
    camera = _words(sighting.camera)
    zones = [_words(zone) for zone in sighting.zones]
    if zones:
        named = [f"the {zone.removeprefix('the ')}" for zone in zones[:MAX_ZONES]]
        return f"{what} in {_listed(named, more=len(zones) - MAX_ZONES)} ({camera})"
    is_heard = sighting.labels and set(sighting.labels) == set(sighting.heard)
    return f"{what} {'heard' if is_heard else 'seen'} by {camera}"


def _decode(payload: bytes, kind: type[Any]) -> Any:
    if len(payload) > MAX_PAYLOAD:
        raise InvalidPayloadError(f"{len(payload)} bytes, more than the {MAX_PAYLOAD} allowed")
    try:
        # A number may be written as text, and an id as a number.
        return msgspec.convert(
            _with_text(msgspec.json.decode(payload), "id", "camera", "label"), kind, strict=False
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidPayloadError(explained(error)[:200]) from None


def _with_text(message: Any, *names: str) -> Any:
    after = message.get("after") if isinstance(message, dict) else None
    if not isinstance(after, dict):
        return message
    numbers = {name: str(after[name]) for name in names if _is_number(after.get(name))}
    return message | {"after": after | numbers}


def _time(seconds: float) -> datetime:
    if not _EARLIEST < seconds < _LATEST:
        raise InvalidPayloadError("a time that cannot be one")
    return datetime.fromtimestamp(seconds, UTC)


def _end(kind: object, began: float, ended: object) -> datetime | None:
    """Return when it ended: "end" is its end, even where a version leaves the time out."""
    if (number := _number(ended)) and number < _LATEST:
        return _time(max(began, number))
    return _time(began) if kind == "end" else None


def _score(*scores: object) -> float:
    known = [number for score in scores if (number := _number(score)) is not None]
    return min(1.0, max(0.0, *known)) if known else 0.0


# What is needed by nothing may be of any form.


def _number(value: object) -> float | None:
    """Return a number, which may be written as text; None: it is not one."""
    if not (_is_number(value) or isinstance(value, str)):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # just checked
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_true(value: object) -> bool:
    """Return whether a flag is set, in any form."""
    if isinstance(value, str):
        return value.strip().lower() in {"true", "1", "yes", "on"}
    return value is True or (_is_number(value) and value != 0)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[object]:
    """Return what a list has; one text is a list of itself."""
    if isinstance(value, str):
        return [value]
    return value if isinstance(value, list) else []


def _names_in(value: object) -> list[str]:
    return [name for name in _list(value) if isinstance(name, str)]


def _name_of(recognized: object) -> str:
    """Return a name: versions give it as text, or with how sure they are of it."""
    if isinstance(recognized, list) and recognized:
        recognized = recognized[0]
    return recognized if isinstance(recognized, str) else ""


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _clean(name: str) -> str:
    """Return a name without what moves a cursor or hides text, and not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in name)
    return " ".join(shown.split())[:MAX_NAME]


def _words(name: str) -> str:
    """Return a name of a configuration as words."""
    return _clean(name.replace("_", " ")) or "unnamed"


def _listed(words: Sequence[str], *, more: int = 0) -> str:
    parts = [*words, *([f"{more} more"] if more > 0 else [])]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
