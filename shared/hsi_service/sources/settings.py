"""Settings of the sources, for the services that have them."""

from typing import Annotated

import httpx
from msgspec import Meta

from hsi.database_url import check_database_url
from hsi.schemas import channels
from hsi.settings import SettingsError, check_url, names_in
from hsi_service.settings import Settings

Name = Annotated[str, Meta(min_length=1)]
_MAX_PORT = 65535
_HTTP = ("http://", "https://")


class SourceSettings(Settings, frozen=True, kw_only=True):
    """Where the figures come from. A source without an address is not queried."""

    yolo26_url: str = ""
    """The object detector, as http:// or https://."""
    nemotron_url: str = ""
    """The language model (llama.cpp), as http:// or https://."""
    database_url: str = ""
    """PostgreSQL, as postgresql:// (postgres:// and postgresql+asyncpg:// are the same)."""
    detection_queue: Name = channels.DETECTION_QUEUE
    """Redis list of images that wait for detection."""
    analysis_queue: Name = channels.ANALYSIS_QUEUE
    """Redis list of batches that wait for analysis."""
    dead_letter_queues: str = channels.DEAD_LETTER_QUEUES
    """Redis lists of what failed for good, separated by commas."""

    def __post_init__(self) -> None:
        """Check what a type cannot say. Addresses may hold passwords, and are not quoted."""
        super().__post_init__()
        _check_http_url("YOLO26_URL", self.yolo26_url)
        _check_http_url("NEMOTRON_URL", self.nemotron_url)
        check_database_url(self.database_url)

    def dead_letters(self) -> list[str]:
        """Return the names in `dead_letter_queues`."""
        return names_in(self.dead_letter_queues)


def _check_http_url(variable: str, url: str) -> None:
    """Check a URL that paths are appended to, with the library that will use it."""
    check_url(variable, url, _HTTP)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    is_address = parsed.host and (parsed.port is None or 0 < parsed.port <= _MAX_PORT)
    if url and not (is_address and "?" not in url and "#" not in url):
        raise SettingsError(
            f"{variable}: expected http://host:port or https://host:port, without ? and #; in a "
            "password, / ? # and % are %2F %3F %23 and %25"
        )
