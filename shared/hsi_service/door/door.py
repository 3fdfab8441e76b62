"""The door of a replica: who comes is counted, judged, and let in or told why not.

The rules are in `access.py` and `limits.py`; here they meet metrics, logs and clocks. `examine` is
all that a handshake has to ask, whatever serves it; `http.py` has the door of requests.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from hsi.keys import Scope
from hsi.logs import Throttled
from hsi.schemas.close_codes import CloseCode
from hsi_service.door.access import Access, Decision, Handshake, Request
from hsi_service.door.keys import Identity
from hsi_service.door.keys_file import KeysFile
from hsi_service.door.limits import Excess, Failures, Limits, Rate, address_of
from hsi_service.lifecycle import Lifecycle
from hsi_service.metrics import Metrics
from hsi_service.settings import Settings

DRAINING_RETRY = 2
"""Seconds after which a client of a draining replica may ask again: another will answer."""
LOOK_INTERVAL = 2.0
"""Seconds between looks at the file of keys, and at the sessions that end."""

logger = logging.getLogger(__name__)


class Admission:
    """A client's place, and what to accept its handshake with. To be released when it has left."""

    __slots__ = ("_address", "_limits", "subprotocol", "who")

    def __init__(
        self, subprotocol: str | None, who: Identity | None, limits: Limits, address: str
    ) -> None:
        self.subprotocol = subprotocol
        """Goes into the answer to the handshake."""
        self.who = who
        """Who the client is; None where no credential is asked for."""
        self._limits: Limits | None = limits
        self._address = address

    def release(self) -> None:
        """Give the place back; once more does nothing."""
        limits, self._limits = self._limits, None
        if limits is not None:  # Its length is how many addresses it knows, which takes a while.
            limits.leave(self._address)


class Refusal(NamedTuple):
    """How to turn a client away.

    What another replica or another time may mend is an HTTP status, before the handshake. What will
    never do accepts first and closes then: a browser cannot see a status, and would try again
    without end.
    """

    reason: str
    status: int = 0
    """HTTP status to answer the handshake with; 0: accept it, and close with `code`."""
    retry_after: float | None = None
    """Seconds after which it may come back, with an HTTP status."""
    code: CloseCode | None = None
    subprotocol: str | None = None
    """What to accept with, before the close."""


class Door:
    """Decides on every handshake and on every request."""

    def __init__(
        self,
        settings: Settings,
        lifecycle: Lifecycle,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the rules, and read the file of keys.

        Args:
            settings: Credentials, origins and limits.
            lifecycle: A draining replica lets nobody in.
            metrics: Where refusals are counted.
            clock: Seconds that never go back.

        Raises:
            SettingsError: The file of keys cannot be used.

        """
        path = settings.api_keys_file
        self._file = KeysFile(Path(path)) if path else None
        self.access = Access(settings, self._file.entries if self._file else ())
        self._limits = Limits(
            connections=settings.max_connections,
            per_address=settings.max_connections_per_ip,
            handshakes_per_minute=settings.handshake_rate_limit,
        )
        self._failures = Failures()
        self._lifecycle = lifecycle
        self._metrics = metrics
        self._clock = clock
        self._logs: dict[str, Throttled] = {}
        self._next_end = math.inf
        """Seconds since 1970: when the first session of those who were let in ends."""
        self.message_rate = Rate.per_minute(settings.message_rate_limit)
        """For the bucket of each client (`limits.Bucket`)."""

    def examine(
        self, handshake: Handshake | Request, client: str | None, *, forwarded_for: str = ""
    ) -> Admission | Refusal:
        """Decide on a handshake; awaits nothing, and needs nothing of who serves it.

        Args:
            handshake: What the client says; a request, if it is to be answered without end.
            client: Its address, or that which a trusted proxy gives.
            forwarded_for: The X-Forwarded-For header, for a hint in the log.

        Returns:
            Its place, for the caller to release; or how to turn it away.

        """
        if self._lifecycle.draining:
            self._metrics.refusals.labels("503").inc()
            return Refusal(self._lifecycle.why_not_ready(), 503, DRAINING_RETRY)
        address = address_of(client)
        if excess := self._limits.enter(address, self._clock()):
            return self.turn_away(excess, client, forwarded_for=forwarded_for)
        admission: Admission | None = None
        try:
            if excess := self._excess(handshake, address):
                return self.turn_away(excess, client, forwarded_for=forwarded_for)
            decision = (
                self.access.judge_request(handshake)
                if isinstance(handshake, Request)
                else self.access.judge(handshake)
            )
            if decision.code is None:
                who = decision.who
                if who and who.expires < self._next_end:
                    self._next_end = who.expires
                admission = Admission(decision.subprotocol, who, self._limits, address)
                return admission
            self._charge(decision, address)
            if isinstance(handshake, Request):
                self.note(str(decision.status), decision.reason, client)
                return Refusal(decision.reason, decision.status)
            self.note(str(int(decision.code)), decision.reason, client)
            return Refusal(decision.reason, code=decision.code, subprotocol=decision.subprotocol)
        finally:
            if admission is None:
                self._limits.leave(address)

    def examine_request(
        self, request: Request, client: str | None, scope: Scope | None = "read"
    ) -> Decision | Excess:
        """Decide on a request under /api; the caller notes what it turns away.

        Args:
            request: What the client says.
            client: Its address, or that which a trusted proxy gives.
            scope: What it needs; None for any valid credential.

        """
        address = address_of(client)
        if excess := self._excess(request, address):
            return excess
        decision = self.access.judge_request(request, scope)
        self._charge(decision, address)
        return decision

    def charge(self, client: str | None) -> None:
        """Count a failure of an address that is judged elsewhere: a wrong invite."""
        self._failures.charge(address_of(client), self._clock())

    def too_many_failures(self, client: str | None) -> Excess | None:
        """Return why nothing that an address offers is looked at now, or None."""
        return self._failures.excess(address_of(client), self._clock())

    async def look(self) -> bool:
        """Read the keys again if their file changed; return whether those inside must be checked.

        To be called every `LOOK_INTERVAL`.
        """
        if self._file and await self._has_changed(self._file):
            before = set(self.access.ring.identities.values())
            self.access.use(self._file.entries)
            after = set(self.access.ring.identities.values())
            logger.info(
                "the keys have changed",
                extra={"come": _names(after - before), "gone": _names(before - after)},
            )
            return True
        return time.time() >= self._next_end

    async def _has_changed(self, file: KeysFile) -> bool:
        # In a thread: a file may be far away, and hang.
        return await asyncio.to_thread(file.look)

    def remember_ends(self, insiders: Iterable[Identity | None]) -> None:
        """Remember when the first of those inside has to go by the clock alone."""
        self._next_end = min((who.expires for who in insiders if who), default=math.inf)

    def note(
        self, status: str, reason: str, client: str | None, *, forwarded_for: str = ""
    ) -> None:
        """Count a refusal, and log one of each kind now and then."""
        self._metrics.refusals.labels(status).inc()
        if reason not in self._logs:
            self._logs[reason] = Throttled(logger)
        address = client or ""
        extra = {"status": status, "reason": reason, "address": address}
        if status == "429" and address not in (forwarded_for or address):
            # An unknown proxy makes all of its clients one address.
            extra["hint"] = "if this is your proxy, name it in TRUSTED_PROXIES"
        self._logs[reason].warning(f"turned a client away: {reason}", **extra)

    def turn_away(self, excess: Excess, client: str | None, *, forwarded_for: str = "") -> Refusal:
        """Return how to turn away who would break a limit, and note it."""
        self.note(str(excess.status), excess.reason, client, forwarded_for=forwarded_for)
        return Refusal(excess.reason, excess.status, excess.retry_after)

    def _excess(self, given: Handshake | Request, address: str) -> Excess | None:
        """Return why what is offered is not even tried; who offers nothing guesses nothing."""
        excess = self._failures.excess(address, self._clock())
        return excess if excess and self.access.offers(given) else None

    def _charge(self, decision: Decision, address: str) -> None:
        if decision.is_guess:
            self._failures.charge(address, self._clock())


def _names(keys: Iterable[Identity]) -> list[str]:
    return sorted(f"{who.name} ({who.scope})" for who in keys)
