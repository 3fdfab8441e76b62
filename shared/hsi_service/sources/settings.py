"""Settings of the sources, for the services that have them."""

import re
from ipaddress import AddressValueError, IPv4Address
from typing import Annotated

from msgspec import Meta

from hsi.database_url import check_database_url
from hsi.schemas import channels
from hsi.settings import SettingsError, check_url, names_in
from hsi_service.settings import Settings

Name = Annotated[str, Meta(min_length=1)]
_MAX_PORT = 65535
_HTTP = ("http://", "https://")
_PLAIN = re.compile(
    r"https?://([a-zA-Z][a-zA-Z0-9.-]*|[0-9]+(?:\.[0-9]+){3})(?::([0-9]{1,5}))?(?:/[a-zA-Z0-9._-]*)*"
)
"""What nobody reads in more than one way: a name or IPv4, perhaps a port and a path."""


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
    if url and not is_address(url):
        raise SettingsError(
            f"{variable}: expected http://host:port or https://host:port, without ? and #; in a "
            "password, / ? # and % are %2F %3F %23 and %25"
        )


def is_address(url: str) -> bool:
    """Return whether httpx would take it, with a path appended.

    httpx is asked only about what is not plain: loading it takes longer than most of a start.
    """
    if plain := _PLAIN.fullmatch(url):
        host, port = plain.groups()
        return (host[0].isalpha() or _is_ipv4(host)) and _is_port(int(port) if port else None)
    import httpx  # noqa: PLC0415 (see above)

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return bool(parsed.host) and _is_port(parsed.port) and "?" not in url and "#" not in url


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port <= _MAX_PORT


def _is_ipv4(host: str) -> bool:
    try:
        IPv4Address(host)
    except AddressValueError:
        return False
    return True
