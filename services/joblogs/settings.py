"""What this service reads from the environment, beside what all do."""

from typing import Annotated

from msgspec import Meta

from hsi.schemas import channels
from hsi_service.publish.publishing import REQUESTS_PER_MINUTE
from hsi_service.settings import Limit, PositiveSeconds, Settings


class JobLogSettings(Settings, frozen=True, kw_only=True, rename="upper"):
    """Settings of the joblogs service."""

    idle_timeout: PositiveSeconds = 300
    """Seconds after which a client is let go, if neither its job nor it has said anything."""
    job_logs_bytes: Annotated[int, Meta(ge=1024 * 1024)] = channels.JOB_LOGS_BYTES
    """Bytes of Redis' memory that all job logs may take together."""
    publish_rate_limit: Limit = REQUESTS_PER_MINUTE
    """Requests to publish of a key in a minute, or of an address where no key is asked for."""
