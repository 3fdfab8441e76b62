"""What this service reads from the environment, beside what all do."""

from hsi_service.settings import PositiveSeconds, Settings


class JobLogSettings(Settings, frozen=True, kw_only=True, rename="upper"):
    """Settings of the joblogs service."""

    idle_timeout: PositiveSeconds = 300
    """Seconds after which a client is let go, if neither its job nor it has said anything."""
