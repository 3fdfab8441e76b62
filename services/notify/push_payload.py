"""What a push carries: few enough bytes, and only for the browser that subscribed. Pure, no I/O.

The push services of browsers pass every push on and can read none: it is encrypted for the
browser's own key (RFC 8291). What they see is its size, when it came, and the headers.
"""

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import quote, urlsplit

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from hsi.schemas import RiskLevel
from services.notify.messages import Message, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PAYLOAD = 3000
"""Bytes before they are encrypted; what push services take is 4,096 of what comes out."""
MIN_PAYLOAD = 500
"""Bytes into which every push can be cut."""
MAX_TITLE, MAX_BODY, MAX_TAG, MAX_URL = 120, 500, 200, 512
"""Characters; the page shows no more (dashboard/src/worker/notification.ts)."""
LIFETIMES: dict[RiskLevel | None, int] = {"low": 3600, "medium": 4 * 3600}
"""Seconds that a push service keeps a push for a device that it cannot reach."""
LIFETIME = 24 * 3600
_POINT_BYTES, _SECRET_BYTES, _TOPIC_BYTES = 65, 16, 24

Urgency = Literal["low", "normal", "high"]
_URGENCIES: dict[RiskLevel | None, Urgency] = {
    "low": "low",
    "medium": "normal",
    "high": "high",
    "critical": "high",
    None: "normal",
}


class BrowserKeys(NamedTuple):
    """What a browser gave us to encrypt with."""

    p256dh: bytes
    """A point on P-256, uncompressed."""
    auth: bytes

    @classmethod
    def parse(cls, p256dh: str, auth: str) -> "BrowserKeys | None":
        """Return the keys that texts in base64url are; None: nothing can be encrypted with them."""
        try:
            keys = cls(_bytes(p256dh), _bytes(auth))
            if len(keys.p256dh) != _POINT_BYTES or len(keys.auth) != _SECRET_BYTES:
                return None
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), keys.p256dh)
        except (ValueError, binascii.Error):
            return None
        return keys


def payload_of(message: Message, *, base: str = "", most: int = MAX_PAYLOAD) -> bytes:
    """Return what the page's worker shows, as JSON.

    Args:
        message: What is told.
        base: Where the dashboard is; an address below it becomes a path, because a browser may know
            the dashboard by another name, and opens pages of its own origin alone.
        most: Bytes that it may take, from `MIN_PAYLOAD` on; the end of a longer text is left out.

    """
    url = path_below(message.url, base) if message.url else _path_of(message)
    fields = {
        "title": shortened(message.title, MAX_TITLE),
        "body": shortened(message.body, MAX_BODY),
        "tag": message.tag[:MAX_TAG],
        "url": url if len(url) <= MAX_URL else "/",
        "level": message.level,
    }
    # The tag is next to last: with another one, it would be another notification.
    shorter: dict[str, Callable[[str], str]] = {
        "body": _half,
        "url": lambda _: "/",
        "title": _half,
        "tag": _half,
    }
    for name, make in shorter.items():
        while len(content := msgspec.json.encode(fields)) > most:
            before = str(fields[name])
            after = make(before)
            if after == before:
                break
            fields[name] = after
        else:
            break
    return content


def _path_of(message: Message) -> str:
    """Return the page that shows a message: a browser needs no DASHBOARD_URL to find it."""
    is_event = message.kind == "event" and message.cursor
    return f"/events/{quote(message.cursor, safe='')}" if is_event else "/"


def path_below(url: str, base: str) -> str:
    """Return the dashboard's path in an address; of another one, or without any, its first page."""
    if base and url.startswith(base.rstrip("/") + "/"):
        url = url[len(base.rstrip("/")) :]
    return url if url.startswith("/") and not urlsplit(url).netloc else "/"


def headers_of(message: Message, keys: BrowserKeys) -> dict[str, str]:
    """Return the headers that say how a push is to be treated (RFC 8030)."""
    return {
        "Content-Type": "application/octet-stream",
        "Content-Encoding": "aes128gcm",
        "TTL": str(LIFETIMES.get(message.level, LIFETIME)),
        "Urgency": _URGENCIES[message.level],
        "Topic": topic_of(message.tag, keys),
    }


def topic_of(tag: str, keys: BrowserKeys) -> str:
    """Return the topic of a tag: a later push takes the place of an earlier one that waits.

    The push service sees it, and without the browser's secret learns no camera or event by it.
    """
    return _text(hmac.digest(keys.auth, tag.encode(), hashlib.sha256)[:_TOPIC_BYTES])


def _half(text: str) -> str:
    return shortened(text, len(text) // 2) if len(text) > 1 else text


def _bytes(text: str) -> bytes:
    text = text.rstrip("=")
    padding = "=" * (-len(text) % 4)
    return base64.b64decode((text + padding).encode("ascii"), altchars=b"-_", validate=True)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
