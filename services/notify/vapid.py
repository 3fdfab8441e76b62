"""How a push service knows who sends: VAPID (RFC 8292), by a key of this home. Pure, no I/O."""

import re
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from py_vapid import Vapid02
from py_vapid.utils import b64urldecode, b64urlencode

from hsi.settings import SettingsError

LIFETIME = 12 * 3600
"""Seconds that a token is good for; a push service takes a day at most."""
RENEWED = 3600
"""Seconds before its end from which on a token is not used again."""
MAX_AUDIENCES = 64
"""Push services whose tokens are kept."""
_RAW_KEY = re.compile(r"[A-Za-z0-9_-]{43}=?")
_PEM = "-----BEGIN"
_HOW = "expected 32 bytes in base64url, as `hsi push keys` prints them, or a PEM of P-256"


class Vapid:
    """Signs for push services; its tokens are used again while they are good."""

    def __init__(self, private_key: str, subject: str) -> None:
        """Read the key.

        Args:
            private_key: 32 bytes in base64url, or a PEM.
            subject: Where a push service finds who sends: `mailto:…` or `https://…`.

        Raises:
            SettingsError: It is no key. The text does not quote it.

        """
        self._vapid = Vapid02(_key_of(private_key))
        self._subject = subject
        point = self._vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key: str = b64urlencode(point)
        """What browsers subscribe with, in base64url."""
        self._kept: dict[str, tuple[str, float]] = {}
        """By push service: the header, and until when it is used."""

    def authorization(self, endpoint: str, now: float) -> str:
        """Return the Authorization header of a push.

        Args:
            endpoint: Where it goes, an https URL.
            now: Seconds since 1970.

        """
        parts = urlsplit(endpoint)
        audience = f"{parts.scheme}://{parts.netloc}"
        header, until = self._kept.get(audience, ("", 0.0))
        # A clock that was set back would make one that ends too late for push services.
        if not now <= until <= now + LIFETIME:
            if len(self._kept) >= MAX_AUDIENCES:
                self._kept.clear()
            expires = int(now) + LIFETIME
            claims = {"aud": audience, "exp": expires, "sub": self._subject}
            header = str(self._vapid.sign(claims)["Authorization"])
            self._kept[audience] = (header, expires - RENEWED)
        return header


def _key_of(text: str) -> ec.EllipticCurvePrivateKey:
    text = text.strip()
    try:
        if text.startswith(_PEM):
            key = load_pem_private_key(text.encode(), password=None)
        elif _RAW_KEY.fullmatch(text):
            number = int.from_bytes(b64urldecode(text.rstrip("=").encode()))
            key = ec.derive_private_key(number, ec.SECP256R1())
        else:
            raise SettingsError(f"VAPID_PRIVATE_KEY: {_HOW}")
    except (ValueError, TypeError):
        raise SettingsError(f"VAPID_PRIVATE_KEY: {_HOW}") from None
    if not (isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)):
        raise SettingsError(f"VAPID_PRIVATE_KEY: {_HOW}")
    return key
