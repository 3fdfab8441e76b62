"""API keys: their digests, what they may, and how a client sends one. Pure, no I/O."""

import hashlib
import re
from typing import Literal, NamedTuple, Self, get_args

KEY_PROTOCOL = "api-key."
"""The beginning of a subprotocol that carries an API key."""
Scope = Literal["read", "act", "publish", "admin"]
"""What a key may: read what there is; act on it too; publish alone; all but publish."""
SCOPES: tuple[Scope, ...] = get_args(Scope)
BEGINNING = 16
"""Hex digits of a digest by which a key is known where the digest itself is too much."""
_INCLUDED: dict[Scope, frozenset[Scope]] = {
    "read": frozenset({"read"}),
    "act": frozenset({"read", "act"}),
    "admin": frozenset({"read", "act", "admin"}),
    "publish": frozenset({"publish"}),
}
_SUBPROTOCOL = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_DIGEST = re.compile(r"[0-9a-fA-F]{64}")
_NAME = re.compile(r"[^\W_][\w .@'-]{0,63}")
_BARE_NAME = 8
"""Hex digits of its digest that are the name of a key without one."""


def digest(secret: bytes) -> bytes:
    """Return the digest of a secret: SHA-256, all that services keep of it."""
    return hashlib.sha256(secret).digest()


def includes(scope: Scope, needed: Scope) -> bool:
    """Return whether a scope includes another."""
    return needed in _INCLUDED[scope]


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


class KeyEntry(NamedTuple):
    """A key as services know it: `name:scope:digest` in `API_KEYS` and in `API_KEYS_FILE`."""

    name: str
    """For people, in logs and in `/status`."""
    scope: Scope
    digest: str
    """SHA-256, 64 hex digits in lower case."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the entry that a text is; a bare digest is a key of scope `read`.

        Raises:
            ValueError: It is not one. The text says what is wrong and does not quote it, because
                people put the key itself there by mistake.

        """
        *named, hex_digest = (part.strip() for part in text.split(":"))
        if not _DIGEST.fullmatch(hex_digest):
            raise ValueError(
                "is not a SHA-256 digest (64 hex digits), alone or as name:scope:digest; "
                "`hsi keys new` makes a key and prints its entry"
            )
        hex_digest = hex_digest.lower()
        if not named:
            return cls(hex_digest[:_BARE_NAME], "read", hex_digest)
        if len(named) != len(cls._fields) - 1:
            raise ValueError("is neither a digest nor name:scope:digest")
        name, scope = named
        return cls(checked_name(name), checked_scope(scope), hex_digest)

    @property
    def beginning(self) -> str:
        """The beginning of its digest, by which sessions name it."""
        return self.digest[:BEGINNING]

    def __str__(self) -> str:
        """Return it as it is written into `API_KEYS`."""
        return f"{self.name}:{self.scope}:{self.digest}"


def checked_name(name: str) -> str:
    """Return a key's name as it is.

    Raises:
        ValueError: It cannot be one.

    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "has a name that cannot be one: up to 64 letters, digits, spaces and _ . @ ' -, "
            "the first a letter or a digit"
        )
    return name


def checked_scope(scope: str) -> Scope:
    """Return a scope as it is.

    Raises:
        ValueError: There is no such scope.

    """
    for known in SCOPES:
        if scope == known:
            return known
    raise ValueError(f"has a scope that does not exist: there are {', '.join(SCOPES)}")


def parse_entries(texts: list[str] | tuple[str, ...], *, what: str) -> list[KeyEntry]:
    """Return the entries that texts are.

    Args:
        texts: One entry each.
        what: Where they stand, for the error: a variable, or a file.

    Raises:
        ValueError: One of them is not an entry; the text names its number and quotes nothing.

    """
    entries = []
    for number, text in enumerate(texts, start=1):
        try:
            entries.append(KeyEntry.parse(text))
        except ValueError as error:
            raise ValueError(f"{what}: number {number} of {len(texts)} {error}") from None
    digests = [entry.digest for entry in entries]
    if len(set(digests)) < len(digests):
        raise ValueError(f"{what}: one digest stands there twice; a key has one name and one scope")
    return entries
