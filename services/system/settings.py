"""What the system service reads from the environment, beside what all services and sources do."""

from typing import Annotated

from msgspec import Meta

from hsi_service.settings import PositiveSeconds
from hsi_service.sources import SourceSettings

Interval = Annotated[float, Meta(ge=0.1, le=3600)]


class SystemSettings(SourceSettings, frozen=True, kw_only=True):
    """Settings of the system service."""

    broadcast_interval: Interval = 5
    """Seconds between two statuses (R31)."""
    circuit_recovery_timeout: PositiveSeconds = 30
    """Seconds that the breaker stays open (R37)."""
