"""What the events service reads from the environment, beside what all services do."""

from hsi.database_url import check_database_url
from hsi_service.publish.publishing import REQUESTS_PER_MINUTE
from hsi_service.settings import Limit, Settings


class EventsSettings(Settings, frozen=True, kw_only=True):
    """Settings of the events service."""

    database_url: str = ""
    """PostgreSQL, whose table `events` has what is older than the history; empty: none."""
    publish_rate_limit: Limit = REQUESTS_PER_MINUTE
    """Requests to publish of a key in a minute, or of an address where no key is asked for."""

    def __post_init__(self) -> None:
        """Check what a type cannot say. An address may hold a password, and is not quoted."""
        super().__post_init__()
        check_database_url(self.database_url)
