"""HealthMonitor: when the health of a service has changed (R34). Pure."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Struct

from hsi.logs import Throttled
from hsi.schemas import channels
from hsi.schemas.base import ServiceHealth
from services.system.settling import CONFIRMATIONS, Row

logger = logging.getLogger(__name__)


class HealthResult(NamedTuple):
    """What one look at a service found."""

    health: ServiceHealth
    reason: str = ""
    """Why, for a person to read; empty when it is healthy."""


class HealthChange(NamedTuple):
    """The health of a service changed: this is told, once."""

    service: str
    health: ServiceHealth
    message: str


class _Known(Struct, frozen=True):
    """What is known of one service."""

    settled: ServiceHealth
    """What clients were told last, or found in their first status."""
    pending: int = 0
    """Results in a row that say otherwise."""
    healthy: bool = False
    """Whether those say that it is healthy."""


class HealthMonitor:
    """Follows the health of services; the same results make the same changes, wherever it runs.

    The first result of a service is no change: there is nothing that it changed from. What is
    known can be carried to the next leader by `exported` and `adopt`, so that a change of leader
    neither tells something twice nor forgets to tell it.
    """

    def __init__(self, confirmations: int = CONFIRMATIONS) -> None:
        """Know nothing yet.

        Args:
            confirmations: Results in a row that make a change; at least 1.

        """
        self._confirmations = confirmations
        self._known: dict[str, _Known] = {}
        self._spoilt = Throttled(logger)

    def observe(self, results: Mapping[str, HealthResult]) -> list[HealthChange]:
        """Take one round's results, by service; return what changed.

        A service without a result stays as it is. Results that are not healthy count as the same
        row, whichever word they use; the last one's word is told.
        """
        changes = []
        for service, result in results.items():
            known = self._known.get(service)
            if known is None:
                self._known[service] = _Known(result.health)
                continue
            self._known[service] = known = self._next(known, result.health)
            if known.pending >= self._confirmations:
                self._known[service] = _Known(result.health)
                changes.append(HealthChange(service, result.health, _message(result)))
        return changes

    def get_status(self) -> dict[str, ServiceHealth]:
        """Return what is settled, by service."""
        return {service: known.settled for service, known in self._known.items()}

    def exported(self) -> bytes:
        """Return what is known, for `adopt`."""
        return msgspec.json.encode(self._known)

    def adopt(self, state: bytes | None) -> None:
        """Go on from what another replica exported; from nothing, if that cannot be read.

        Args:
            state: What `exported` returned there; None if there is none.

        """
        try:
            self._known = msgspec.json.decode(state, type=dict[str, _Known]) if state else {}
        except (ValueError, RecursionError) as error:  # Of its schema, its text, or its depth.
            self._known = {}
            self._spoilt.warning(
                f"the key {channels.SYSTEM_HEALTH} does not hold what it should: {error}"[:300]
            )

    @staticmethod
    def _next(known: _Known, health: ServiceHealth) -> _Known:
        if health == known.settled:
            return _Known(known.settled)
        row = Row(known.pending, known.healthy).after(is_good=health == "healthy")
        return _Known(known.settled, row.length, row.is_good)


def _message(result: HealthResult) -> str:
    if result.health == "healthy":
        return "Health check succeeded"
    return f"Health check failed: {result.reason}" if result.reason else "Health check failed"
