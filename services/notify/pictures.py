"""Fetches the picture of an event, to be sent along: from known places, and never much.

An event's producer says where its picture is, so its address is a stranger's word. It is asked for
only where it is at an origin that a setting names, redirects are not followed, and what is no
picture, or too large, is left out: a message without a picture is told all the same.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx

from hsi.logs import Throttled
from hsi_service.origins import Origin

logger = logging.getLogger(__name__)

MAX_BYTES = 2 * 1024 * 1024
"""Of a picture; phones and mail servers refuse much more."""
TIMEOUT = 5.0
"""Seconds for all of it."""
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
_SIGNS = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/webp": b"RIFF",
    "image/gif": b"GIF8",
}
"""How each kind begins."""


class Picture(NamedTuple):
    """A picture as it was fetched."""

    content: bytes
    kind: str
    """As `image/jpeg`."""

    @property
    def name(self) -> str:
        """A file's name for it."""
        return f"event.{_SUFFIXES[self.kind]}"


class Pictures:
    """Fetches them."""

    def __init__(self, origins: Sequence[Origin], *, dashboard: str) -> None:
        """Know where pictures may be.

        Args:
            origins: Where they may come from, beside the dashboard's own.
            dashboard: `DASHBOARD_URL`, for pictures below the page's own origin; may be empty.

        """
        self._dashboard = dashboard
        own = origin_of(dashboard)
        self._origins = frozenset(origins) | (frozenset({own}) if own else frozenset())
        self._trouble = Throttled(logger)

    def where(self, image_url: str | None) -> str | None:
        """Return the address at which a picture may be asked for; None: nowhere."""
        if not image_url or "\\" in image_url:  # Which browsers read as a slash.
            return None
        if image_url.startswith("/") and not self._dashboard:
            return None
        address = urljoin(self._dashboard, image_url) if image_url.startswith("/") else image_url
        origin = origin_of(address)
        return address if origin is not None and origin in self._origins else None

    async def fetch(self, image_url: str | None) -> Picture | None:
        """Return the picture of an event; None where there is none that may be sent."""
        address = self.where(image_url)
        if address is None:
            return None
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._fetch(address)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # Its text may hold the address, which may hold a password.
            self._trouble.warning("a picture cannot be fetched", trouble=type(error).__name__)
            return None

    async def _fetch(self, address: str) -> Picture | None:
        async with (
            httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=TIMEOUT) as client,
            client.stream("GET", address, headers={"Accept": "image/*"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                self._trouble.warning("a picture cannot be fetched", status=answer.status_code)
                return None
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > MAX_BYTES:
                    self._trouble.warning("a picture is too large to be sent", limit=MAX_BYTES)
                    return None
        kind = next((kind for kind, sign in _SIGNS.items() if content.startswith(sign)), None)
        return None if kind is None else Picture(bytes(content), kind)


def origin_of(address: str) -> Origin | None:
    """Return the origin of an address; None where it has none, or names a user."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or "@" in parts.netloc:
            return None
        return Origin.parse(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        return None
