"""Signs of life: what a topic's heartbeats and pongs tell clients of Redis.

A page that says "all quiet" needs more than a connection: that this replica hears Redis, and what
time it is there. What thousands of pages ask for every few seconds is made once for all of them.
"""

import asyncio
from typing import Any

from msgspec import UNSET

from hsi.schemas import Ping, Pong
from hsi.schemas.frames import frame_text
from hsi_service.bus.intake import Message
from hsi_service.bus.probe import Probe
from hsi_service.fanout.batch import Batch

SHARED_FOR = 0.1
"""Seconds for which all who ask get the same pong."""


class Signs:
    """What the clients of one topic are told, and what they were told last."""

    def __init__(self, probe: Probe | None) -> None:
        """Begin with nothing told.

        Args:
            probe: The replica's; None: nothing is said of Redis, and a pong says nothing.

        """
        self._probe = probe
        self._told: bool | None = None
        self._pongs: dict[str | None, Batch] = {}
        """Pongs of the moment, by the cursor that they have."""
        self._pongs_until = 0.0

    def is_heard(self) -> bool | None:
        """Return whether this replica hears Redis now; None: nothing is said of it."""
        return self._probe.is_heard() if self._probe else None

    def ping(self, cursor: str | None, *, heard: bool | None, breaks: int = 0) -> Message:
        """Return a heartbeat.

        Args:
            cursor: Of the topic; None: it has none.
            heard: Whether what is published reaches the topic's clients now.
            breaks: How often the topic may have missed what no history has.

        """
        return Message(frame_text(Ping(**self._sign(cursor, heard=heard, breaks=breaks))), "ping")

    def pong(self, cursor: str | None, *, heard: bool | None, breaks: int = 0) -> Batch:
        """Return the answer to a ping, the same object for all who ask at about the same time.

        An older cursor would have a client that comes back with it get messages twice; so a message
        in between makes a new one.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._pongs_until:
            self._pongs.clear()
            self._pongs_until = now + SHARED_FOR
        if cursor not in self._pongs:
            sign = self._sign(cursor, heard=heard, breaks=breaks) if self._probe else {}
            self._pongs[cursor] = Batch([frame_text(Pong(**sign))])
        return self._pongs[cursor]

    def has_changed(self, *, heard: bool | None) -> bool:
        """Return whether clients were told otherwise."""
        return self._told is not None and heard is not self._told

    def _sign(self, cursor: str | None, *, heard: bool | None, breaks: int) -> dict[str, Any]:
        self._told = heard
        now = self._probe.now() if self._probe else None
        tells_breaks = self._probe is not None and breaks > 0
        said = {
            "cursor": cursor,
            "now": now,
            "heard": heard,
            "breaks": breaks if tells_breaks else None,
        }
        return {name: UNSET if value is None else value for name, value in said.items()}
