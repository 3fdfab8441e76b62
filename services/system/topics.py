"""What clients of /ws/system listen to: statuses, and performance figures."""

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from hsi.schemas.moments import seconds_of
from hsi_service.bus.intake import Filter
from hsi_service.fanout.feed import Source
from hsi_service.fanout.topic import SnapshotTopic
from services.system.echoes import Echoes

STATUS, PERFORMANCE = "system_status", "performance_update"

Accepts = Callable[[float | None], bool]
"""Returns whether clients are to be shown another's status, by when that was collected."""


class _Dated(Struct):
    timestamp: datetime | None = None


_dated = msgspec.json.Decoder(_Dated)


class StatusTopic(SnapshotTopic):
    """The statuses. This replica's own come back from Redis: its clients had them first.

    Beside them are changes of services and cameras, which are published with history.
    """

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        super().__init__(channel, only, source)
        self._echoes = Echoes()
        self.on_echo: Callable[[], None] | None = None
        """Called when one of this replica's own comes back."""
        self.accepts: Accepts | None = None
        """Asked before clients are shown a status that was heard."""

    def hear(self, payload: bytes) -> None:
        """Take a payload, unless it is the echo of a status of this replica."""
        if not self._echoes.take(payload):
            super().hear(payload)
        elif self.on_echo:
            self.on_echo()

    def update(self, kind: str, text: str) -> None:
        """Send every client the latest, unless it is a status that they are not to be shown."""
        if kind != STATUS or self.accepts is None or self.accepts(collected_at(text)):
            super().update(kind, text)

    def show(self, status: bytes) -> None:
        """Send clients a status of this replica's own."""
        super().update(STATUS, status.decode())

    def expect(self, status: bytes) -> None:
        """Await the echo of a status that is about to be published."""
        self._echoes.expect(status)


class PerformanceTopic(SnapshotTopic):
    """The performance figures, for clients that have statuses too."""

    def heartbeat(self) -> None:
        """Leave heartbeats to the topic of statuses."""


def collected_at(text: str) -> float | None:
    """Return when a status says that it was collected, in seconds since 1970; None if it does not.

    A time without an offset is UTC.
    """
    try:
        moment = _dated.decode(text).timestamp
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    if moment is None:
        return None
    return seconds_of(moment)
