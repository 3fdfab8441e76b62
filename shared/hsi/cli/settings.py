"""Settings of the command line, from the environment; each command reads only those it needs."""

from typing import Annotated

import msgspec
from msgspec import Meta

from hsi.redis_url import check_redis_url
from hsi.schemas import channels
from hsi.settings import DEFAULT_REDIS_URL, names_in

Name = Annotated[str, Meta(min_length=1)]


class RedisNames(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Names of channels and queues."""

    redis_event_channel: Name = channels.SECURITY_EVENTS
    detection_queue: Name = channels.DETECTION_QUEUE
    analysis_queue: Name = channels.ANALYSIS_QUEUE
    dead_letter_queues: str = channels.DEAD_LETTER_QUEUES

    def dead_letters(self) -> list[str]:
        """Return the names in `dead_letter_queues`."""
        return names_in(self.dead_letter_queues)


class JobSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Where a job's log goes."""

    redis_url: str = DEFAULT_REDIS_URL

    def __post_init__(self) -> None:
        """Check the URL of Redis."""
        check_redis_url(self.redis_url)


class ProducerSettings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """Where and how commands publish."""

    redis_url: str = DEFAULT_REDIS_URL
    redis_event_channel: Name = channels.SECURITY_EVENTS
    history_length: Annotated[int, Meta(ge=1, le=10_000_000)] = channels.HISTORY_LENGTH
    wait_for_replicas: Annotated[int, Meta(ge=0, le=100)] = 0

    def __post_init__(self) -> None:
        """Check the URL of Redis."""
        check_redis_url(self.redis_url)
