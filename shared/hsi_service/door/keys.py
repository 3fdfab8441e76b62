"""The keys that let clients in, and those who came with them. Pure, no I/O.

A client is remembered by an `Identity`, one object for all clients of a key. Whether its key is
still there is asked of the ring that is in use now.
"""

import math
from collections.abc import Iterable, Mapping
from hmac import compare_digest
from typing import NamedTuple

from hsi.keys import BEGINNING, KeyEntry, Scope, digest, includes

TOKEN_NAME = "token"  # noqa: S105 (a name)
"""Name of `WEBSOCKET_TOKEN` among the keys."""


class Identity(NamedTuple):
    """Who a client is: what it came with, and what that may."""

    name: str
    """Of the key, for people."""
    scope: Scope
    key: str
    """The beginning of the key's digest."""
    expires: float = math.inf
    """Seconds since 1970: the end of its session. A key itself has no end."""


class KeyRing:
    """The keys that are good now."""

    def __init__(self, entries: Iterable[KeyEntry] = (), *, token: str = "") -> None:
        """Take the keys.

        Args:
            entries: Of two with the same digest the later one counts.
            token: Secret that lets WebSockets in with scope `read`; empty for none.

        """
        by_digest = {entry.digest: entry for entry in entries}
        self._keys = [
            (bytes.fromhex(entry.digest), Identity(entry.name, entry.scope, entry.beginning))
            for entry in by_digest.values()
        ]
        self._tokens: list[tuple[bytes, Identity]] = []
        if token:
            kept = digest(token.encode())
            identity = Identity(TOKEN_NAME, "read", kept.hex()[:BEGINNING])
            self._tokens.append((kept, identity))
        self._by_key = {who.key: who for _, who in (*self._keys, *self._tokens)}

    @property
    def identities(self) -> Mapping[str, Identity]:
        """All keys, by the beginnings of their digests."""
        return self._by_key

    def of_keys(self, secrets: Iterable[bytes]) -> list[Identity]:
        """Return whose API keys these are; those that are nobody's are left out."""
        return _owners(secrets, self._keys)

    def of_tokens(self, secrets: Iterable[bytes]) -> list[Identity]:
        """Return the same for tokens of WebSockets."""
        return _owners(secrets, self._tokens)

    def now(self, who: Identity) -> Identity | None:
        """Return what an identity is worth with the keys of now.

        Returns:
            It, with a narrower scope if its key has one by now; None if its key was taken away, or
            the two scopes have nothing in common.

        """
        key = self._by_key.get(who.key)
        if key is None:
            return None
        if includes(key.scope, who.scope):
            return who
        return who._replace(scope=key.scope) if includes(who.scope, key.scope) else None


def _owners(secrets: Iterable[bytes], known: list[tuple[bytes, Identity]]) -> list[Identity]:
    """Return whose secrets these are; looks at all that is known, whatever it finds."""
    found = []
    for given in map(digest, secrets):
        owner: Identity | None = None
        for kept, who in known:
            if compare_digest(given, kept):
                owner = who
        if owner:
            found.append(owner)
    return found
