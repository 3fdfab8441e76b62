"""API keys: their digests, and how a client sends one. Pure, no I/O."""

import hashlib
import re

KEY_PROTOCOL = "api-key."
"""The beginning of a subprotocol that carries an API key."""
_SUBPROTOCOL = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def digest(secret: bytes) -> bytes:
    """Return the digest of a secret: SHA-256, all that services keep of it."""
    return hashlib.sha256(secret).digest()


def key_protocol(key: str) -> str:
    """Return the subprotocol that carries an API key.

    Raises:
        ValueError: The key has characters that cannot stand there. The text does not quote it.

    """
    if not _SUBPROTOCOL.fullmatch(key):
        raise ValueError(
            "an API key travels as a WebSocket subprotocol, so it may hold letters, digits and "
            "! # $ % & ' * + - . ^ _ ` | ~ only, and at least one of them"
        )
    return KEY_PROTOCOL + key
