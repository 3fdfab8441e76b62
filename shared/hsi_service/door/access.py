"""Who gets in: credentials and origins (R4). Pure, no I/O.

Any one valid credential is enough. Secrets are kept as SHA-256 digests, and compared in constant
time with each that is configured, so that time does not tell how close a guess was. Keys are random
and long, so a slow hash would protect nothing more.
"""

import re
from collections.abc import Iterable, Sequence
from hmac import compare_digest
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from hsi.keys import KEY_PROTOCOL, digest
from hsi.schemas.close_codes import CloseCode
from hsi_service.origins import Origin, is_loopback, name_of

if TYPE_CHECKING:
    from hsi_service.settings import Settings  # It reads URLs by the clients' libraries.

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)

NO_CREDENTIAL = "no credential: send ?api_key=, ?token= or the subprotocol api-key.<key>"
NO_API_KEY = "no API key: send it as X-API-Key or as Authorization: Bearer"
UNKNOWN_CREDENTIAL = "no valid credential: this API key or token is not known here"
WRONG_ORIGIN = "this page's origin is not allowed: ALLOWED_ORIGINS does not name it"


class Handshake(NamedTuple):
    """What a client says of itself when it asks for a WebSocket."""

    query: bytes = b""
    """The query string, as it was sent."""
    subprotocols: Sequence[str] = ()
    """Those it offers, in order."""
    origins: Sequence[str] = ()
    """The Origin headers; a browser sends one, other programs send none."""
    host: str = ""
    """The Host header; empty for none."""


class Request(NamedTuple):
    """What a client says of itself when it asks for something under /api."""

    keys: Sequence[str] = ()
    """The X-API-Key headers."""
    authorizations: Sequence[str] = ()
    """The Authorization headers."""
    origins: Sequence[str] = ()
    host: str = ""


class Decision(NamedTuple):
    """Whether a client gets in, and if not, why. The reason quotes nothing."""

    code: CloseCode | None
    """None lets it in."""
    reason: str = ""
    subprotocol: str | None = None
    """What to accept a WebSocket with, even to close it: one offered with a key is echoed, or
    Chromium refuses the connection."""


class Access:
    """What a replica asks of those who come."""

    def __init__(self, settings: "Settings") -> None:
        """Take what it needs out of the settings.

        Args:
            settings: Without a credential in them, everybody who reaches the service gets in.

        """
        token = settings.websocket_token
        self._keys = [bytes.fromhex(key) for key in settings.api_keys]
        self._tokens = [digest(token.encode())] if token else []
        self._asks = settings.has_credentials
        self._origins = {Origin.parse(origin) for origin in settings.allowed_origins}
        self._is_private = not (self._asks or settings.auth_disabled)

    def judge(self, handshake: Handshake) -> Decision:
        """Tell whether a client gets a WebSocket."""
        offered = [name for name in handshake.subprotocols if name.startswith(KEY_PROTOCOL)]
        # `api-key.` alone is a name without a key.
        in_names = {
            name: [_bytes(name.removeprefix(KEY_PROTOCOL))]
            for name in offered
            if name != KEY_PROTOCOL
        }
        keys, tokens = _values(handshake.query, b"api_key"), _values(handshake.query, b"token")
        valid_names = [name for name, key in in_names.items() if _any_is(key, self._keys)]
        echo = next(iter(valid_names or offered), None)
        valid = _any_is(keys, self._keys) | _any_is(tokens, self._tokens) | bool(valid_names)
        if self._asks and not valid:
            reason = UNKNOWN_CREDENTIAL if keys or tokens or in_names else NO_CREDENTIAL
            return Decision(CloseCode.UNAUTHORIZED, reason, echo)
        if not self._allows(handshake.origins, handshake.host):
            return Decision(CloseCode.FORBIDDEN_ORIGIN, WRONG_ORIGIN, echo)
        return Decision(None, subprotocol=echo)

    def judge_request(self, request: Request) -> Decision:
        """Tell whether a client gets what it asks for under /api: the same rules, API keys only."""
        bearers = filter(None, map(_BEARER.fullmatch, request.authorizations))
        keys = [_bytes(key) for key in [*request.keys, *(found[1] for found in bearers)] if key]
        if self._asks and not _any_is(keys, self._keys):
            return Decision(CloseCode.UNAUTHORIZED, UNKNOWN_CREDENTIAL if keys else NO_API_KEY)
        if not self._allows(request.origins, request.host):
            return Decision(CloseCode.FORBIDDEN_ORIGIN, WRONG_ORIGIN)
        return Decision(None)

    def _allows(self, origins: Sequence[str], host: str) -> bool:
        """Tell whether a page of this origin may connect; who sends none is no page."""
        if not origins:
            return True
        origin = Origin.parse(origins[0]) if len(origins) == 1 else None
        if origin is None:
            return False
        if origin in self._origins:
            return True
        # Where no credential is asked for, being on this machine is the credential. A page of any
        # site has it, once its name is made to mean 127.0.0.1 (DNS rebinding): trust only ours.
        name = name_of(host)
        return origin.host == name and (is_loopback(name.strip("[]")) or not self._is_private)


def _values(query: bytes, name: bytes) -> list[bytes]:
    """Return the values of a query parameter, without the empty ones.

    A `+` may be a space or itself: whoever pastes a secret into a URL does not think of that, so
    both are tried.
    """
    found: list[bytes] = []
    for part in query.split(b"&"):
        key, _, value = part.partition(b"=")
        if value and unquote_to_bytes(key) == name:
            found += {unquote_to_bytes(value), unquote_to_bytes(value.replace(b"+", b" "))}
    return found


def _bytes(text: str) -> bytes:
    """Return what was sent as `text` in a header."""
    return text.encode("latin-1", errors="backslashreplace")


def _any_is(secrets: Iterable[bytes], digests: Iterable[bytes]) -> bool:
    """Tell whether any secret has any of these digests; looks at all of them, whatever it finds."""
    found = False
    for given in map(digest, secrets):
        for known in digests:
            found |= compare_digest(given, known)
    return found
