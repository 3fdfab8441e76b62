"""The cookie of a person who signed in: any replica of any service verifies it alone. Pure, no I/O.

It says who came, with which key and until when, and is sealed with an HMAC by `SESSION_SECRET`. The
digests of keys would not do for that: they are configuration, and many may read them. It holds the
beginning of its key's digest, so it ends with its key.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Iterator

import msgspec

from hsi.keys import Scope
from hsi_service.door.keys import Identity

COOKIE = "hsi_session"
MAX_AGE = 30 * 86_400
"""Seconds that a session lasts: a person signs in once a month."""
MAX_LENGTH = 1024
"""Characters of a cookie that is looked at; ours has some 250."""
_PURPOSE = b"hsi session, version 1\n"
"""So that nothing else that is sealed by the same secret is taken for a cookie."""


class _Content(msgspec.Struct, array_like=True, frozen=True):
    name: str
    scope: Scope
    key: str
    expires: float


def seal(who: Identity, secret: str) -> str:
    """Return the value of a cookie.

    Args:
        who: The person; `expires` is a time.
        secret: `SESSION_SECRET`.

    """
    content = msgspec.json.encode(_Content(*who))
    return f"{_text(content)}.{_text(_mac(content, secret))}"


def unseal(value: str, secret: str) -> Identity | None:
    """Return who came with a cookie, however long ago; None if it was not sealed by this secret."""
    if len(value) > MAX_LENGTH:
        return None
    content_text, dot, mac_text = value.partition(".")
    try:
        content, mac = _bytes(content_text), _bytes(mac_text)
    except (ValueError, binascii.Error):
        return None
    if not (dot and hmac.compare_digest(mac, _mac(content, secret))):
        return None
    try:
        read = msgspec.json.decode(content, type=_Content)
    except msgspec.MsgspecError:  # Of another version, by the same secret.
        return None
    return Identity(read.name, read.scope, read.key, read.expires)


def values_in(headers: Iterable[str]) -> Iterator[str]:
    """Yield the values of our cookie in Cookie headers; a browser may send several."""
    for header in headers:
        for part in header.split(";"):
            name, _, value = part.partition("=")
            if name.strip() == COOKIE and (value := value.strip().strip('"')):
                yield value


def set_cookie(value: str, *, max_age: int = MAX_AGE, secure: bool) -> str:
    """Return the Set-Cookie header that keeps a cookie; an empty value and age forget it.

    No script can read it, and no other site's page sends it along.
    """
    parts = [f"{COOKIE}={value}", "HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={max_age}"]
    return "; ".join([*parts, *(["Secure"] if secure else [])])


def _mac(content: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE + content, hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    padding = "=" * (-len(text) % 4)
    return base64.b64decode((text + padding).encode("ascii"), altchars=b"-_", validate=True)
