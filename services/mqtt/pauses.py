"""How long the broker is left alone between two connections. No I/O."""

from redis.backoff import EqualJitterBackoff

BASE = 0.2
CAP = 15.0
"""Seconds before the next connection: about as long at first, and at most."""
STABLE_AFTER = 30.0
"""Seconds that a connection must stand for the next loss to count as the first."""
RIVAL_BASE = 10.0
RIVAL_CAP = 60.0
"""The same where another client with our id takes the session over: each connection that comes back
ends the other's, so two that came back at once would end each other without end."""
RIVAL_AFTER = 4
"""Connections in a row that were let in and ended soon: so it looks where a broker says nothing of
another client, as mosquitto 2.0.11 does."""


class Pauses:
    """The pauses of one client, jittered, ever longer up to their cap."""

    def __init__(self) -> None:
        self._backoff = EqualJitterBackoff(cap=CAP, base=BASE)
        self._against_rival = EqualJitterBackoff(cap=RIVAL_CAP, base=RIVAL_BASE)
        self._losses = 0
        self._ended_soon = 0

    @property
    def suspects_rival(self) -> bool:
        """Whether another client with our id seems to end our connections."""
        return self._ended_soon >= RIVAL_AFTER

    def after(self, stood: float, *, taken_over: bool = False) -> float:
        """Return the next pause, in seconds.

        Args:
            stood: Seconds for which the connection stood; 0 if there was none.
            taken_over: The broker says that another client with our id ended it.

        """
        if stood >= STABLE_AFTER:
            self._losses = self._ended_soon = 0
        else:
            self._losses += 1
            self._ended_soon += stood > 0
        if taken_over:
            self._ended_soon = max(self._ended_soon, RIVAL_AFTER)
        if self.suspects_rival:
            return self._against_rival.compute(self._ended_soon - RIVAL_AFTER)
        return self._backoff.compute(self._losses)
