"""Which messages of the stream a client wants, and how many such wishes are granted. Pure.

What is asked for in another order or case, or twice, is the same `EventFilter`: those who ask for
it share a topic, and it looks at each message once for all of them.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Self

from msgspec import Struct

from hsi.schemas.validation import RESERVED_TYPES
from hsi.verdict import MAX_SCORE
from hsi_service.bus.intake import Message, parts_of
from hsi_service.door.limits import CAPACITY_RETRY, Excess, NoRoomError
from hsi_service.skeleton.whole_numbers import whole_number
from services.events.wanted import ParameterError, camera_of, cameras_of, greatest_risk

MAX_FILTERS = 64
"""Distinct filters of a process; each looks at every message."""
MAX_FILTERS_OF_ADDRESS = 4
"""Distinct filters of an address."""
MAX_TYPES = 16
"""Types of messages that may be asked for at once."""
_TYPE = re.compile(r"[a-z0-9_.-]{1,64}")
_ALWAYS = RESERVED_TYPES | {"unreadable"}
"""What a service itself says; and what is in place of a message that nobody can read."""
_OF_NO_CAMERA = frozenset({"event_seen"})
"""What names no camera and no risk, and is about an event that does."""


class _Facts(NamedTuple):
    """What filters ask of a message."""

    kind: str
    camera: str | None
    risk: float
    """The greatest that it may be of."""


@functools.lru_cache(maxsize=1)  # All filters ask, one after the other, about the same message.
def _facts_of(text: str) -> _Facts:
    kind, data = parts_of(text)
    return _Facts(kind, camera_of(data), greatest_risk(kind, data))


class Asked(NamedTuple):
    """The parameters of a request, as they were sent."""

    camera_id: Iterable[str] | None = None
    min_risk: str | None = None
    types: Iterable[str] | None = None


class EventFilter(Struct, frozen=True):
    """What a client wants of the stream. Called with a message, it says whether that is for it."""

    camera_ids: frozenset[str] = frozenset()
    """One of these has seen it; empty: any."""
    min_risk: int | None = None
    types: frozenset[str] = frozenset()
    """It is of one of these types, in lower case; empty: of any."""

    @classmethod
    def parse(cls, asked: Asked) -> Self | None:
        """Return what is asked for; None: every message.

        Raises:
            ParameterError: It makes no sense.

        """
        wanted = cls(
            camera_ids=cameras_of([one for one in asked.camera_id or () if one]),
            min_risk=least_risk(asked.min_risk),
            types=_types(",".join(asked.types or ())),
        )
        return None if wanted == cls() else wanted

    def __call__(self, message: Message) -> bool:
        """Return whether a message is one of those.

        An event that does not say what is asked about may be one: it is never lost to a filter.
        """
        if message.type in _ALWAYS:
            return True
        kind, camera, risk = _facts_of(message.text)
        if self.types and kind.lower() not in self.types:
            return False
        if kind in _OF_NO_CAMERA:
            return True
        if self.camera_ids:
            may_be_any = camera is None and kind == "event"
            if camera not in self.camera_ids and not may_be_any:
                return False
        return self.min_risk is None or risk >= self.min_risk

    def __str__(self) -> str:
        """Return it as a query."""
        parts = [f"camera_id={camera}" for camera in sorted(self.camera_ids)]
        if self.min_risk is not None:
            parts.append(f"min_risk={self.min_risk}")
        if self.types:
            parts.append(f"types={','.join(sorted(self.types))}")
        return "&".join(parts)


def least_risk(text: str | None) -> int | None:
    """Return the risk that `min_risk` asks for; None: any, also where it is empty.

    Raises:
        ParameterError: It is not one.

    """
    if not text:
        return None
    try:
        return whole_number("min_risk", text, most=MAX_SCORE)
    except ValueError as error:
        raise ParameterError("min_risk", str(error).removeprefix("min_risk: ")) from None


def _types(text: str) -> frozenset[str]:
    names = {name for part in text.split(",") if (name := part.strip().lower())}
    if len(names) > MAX_TYPES:
        raise ParameterError("types", f"expected at most {MAX_TYPES} types")
    if not all(_TYPE.fullmatch(name) for name in names):
        raise ParameterError("types", "expected names of types, separated by commas")
    if comes_always := names & _ALWAYS:
        raise ParameterError("types", f"{min(comes_always)} comes in any case")
    return frozenset(names)


class Filters:
    """The filters of a process, and who has them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._clients: Counter[tuple[str, EventFilter]] = Counter()
        """How many clients of an address have a filter."""

    def enter(self, address: str, wanted: EventFilter) -> None:
        """Take in a client with a filter.

        Raises:
            NoRoomError: There are too many filters already.

        """
        if (address, wanted) not in self._clients:
            others = {only for owner, only in self._clients if owner == address}
            if len(others) >= MAX_FILTERS_OF_ADDRESS:
                raise _too_many(f"this address has {MAX_FILTERS_OF_ADDRESS} different filters")
            others = {only for _, only in self._clients} - {wanted}
            if len(others) >= MAX_FILTERS:
                raise _too_many(f"this replica has {MAX_FILTERS} different filters")
        self._clients[address, wanted] += 1

    def leave(self, address: str, wanted: EventFilter) -> None:
        """Let a client go."""
        self._clients[address, wanted] -= 1
        if not self._clients[address, wanted]:
            del self._clients[address, wanted]


def _too_many(why: str) -> NoRoomError:
    return NoRoomError(Excess(429, f"{why}, and may have no more", CAPACITY_RETRY))
