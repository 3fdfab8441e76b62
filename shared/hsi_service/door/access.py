"""Who gets in: by credential, by origin, and by where the request arrived (R4). Pure, no I/O.

Any one valid credential is enough. Secrets are kept as SHA-256 digests, and compared in constant
time with each that is configured, so that time does not tell how close a guess was. Keys are random
and long, so a slow hash would protect nothing more; but a request may try few of them.
"""

import functools
import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from hsi.keys import KEY_PROTOCOL, KeyEntry, Scope, includes
from hsi.loopback import is_loopback
from hsi.schemas.close_codes import CloseCode
from hsi_service.door import session_cookie
from hsi_service.door.keys import Identity, KeyRing
from hsi_service.origins import Origin, name_of

if TYPE_CHECKING:
    from hsi_service.settings import Settings  # It reads URLs by the clients' libraries.

MAX_CREDENTIALS = 4
"""Credentials of one request that are tried. More are a guesser's: then none is."""
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_COOKIES = 1024
"""Cookies that need not be verified again: in a storm of reconnects all of them come at once."""

NO_CREDENTIAL = "no credential: send ?api_key=, ?token= or the subprotocol api-key.<key>"
NO_API_KEY = "no API key: send it as X-API-Key or as Authorization: Bearer"
UNKNOWN_CREDENTIAL = "no valid credential: this API key or token is not known here"
TOO_MANY_CREDENTIALS = f"more than {MAX_CREDENTIALS} credentials: none of them was tried"
SESSION_ENDED = "this session has ended: sign in again"
KEY_TAKEN_AWAY = "this key or session is no longer valid here: sign in again"
WRONG_ORIGIN = "this page's origin is not allowed: ALLOWED_ORIGINS does not name it"
NO_ORIGIN = "with a cookie as the credential, an Origin header is needed"
NOT_ON_LOOPBACK = (
    "without credentials this service answers on loopback alone; set API_KEYS or AUTH_DISABLED=true"
)
FOREIGN_HOST = "without credentials this service answers to localhost and loopback addresses alone"


class Handshake(NamedTuple):
    """What a client says of itself when it asks for a WebSocket, and where it asked."""

    query: bytes = b""
    """The query string, as it was sent."""
    subprotocols: Sequence[str] = ()
    """Those it offers, in order."""
    origins: Sequence[str] = ()
    """The Origin headers; a browser sends one, other programs send none."""
    host: str = ""
    """The Host header; several joined by ", ", empty for none."""
    cookies: Sequence[str] = ()
    """The Cookie headers."""
    server: Sequence[Any] | None = None
    """Where it arrived: address and port, or the path of a Unix socket and None."""


class Request(NamedTuple):
    """What a client says of itself when it asks for something under /api, and where it asked."""

    keys: Sequence[str] = ()
    """The X-API-Key headers."""
    authorizations: Sequence[str] = ()
    """The Authorization headers."""
    origins: Sequence[str] = ()
    host: str = ""
    cookies: Sequence[str] = ()
    server: Sequence[Any] | None = None
    method: str = "GET"
    query: bytes = b""
    """The query string, as it was sent, where it may hold a credential."""


class Decision(NamedTuple):
    """Whether a client gets in, and if not, why. The reason quotes nothing."""

    code: CloseCode | None
    """None lets it in."""
    reason: str = ""
    subprotocol: str | None = None
    """What to accept a WebSocket with, even to close it: one offered with a key is echoed, or
    Chromium refuses the connection."""
    who: Identity | None = None
    """Who it is; None where no credential is asked for, or none is valid."""
    is_guess: bool = False
    """Whether it counts as a failure of its address."""
    lacks_scope: bool = False
    """Whether it is known, and may not do what it asks for."""

    @property
    def status(self) -> int:
        """What to answer a request with that does not get in: 401 without a valid credential."""
        return 401 if self.code is CloseCode.UNAUTHORIZED and not self.lacks_scope else 403


class Access:
    """What a replica asks of those who come."""

    def __init__(
        self,
        settings: "Settings",
        keys: Iterable[KeyEntry] = (),
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take what it needs out of the settings.

        Args:
            settings: Without a credential in them, everybody on this machine gets in.
            keys: More than they name: those of `API_KEYS_FILE`.
            clock: Seconds since 1970.

        """
        self._own_keys = settings.key_entries()
        self._token = settings.websocket_token
        self._clock = clock
        self.asks = settings.has_credentials
        """Whether a credential is asked for."""
        self._origins = {Origin.parse(origin) for origin in settings.allowed_origins}
        self.is_private = not (self.asks or settings.auth_disabled)
        """Whether being on this machine is the credential."""
        self._secret = settings.session_secret
        self._who_in = functools.lru_cache(_COOKIES)(
            functools.partial(session_cookie.unseal, secret=self._secret)
        )
        self.ring = KeyRing()
        """The keys that are good now."""
        self.use(keys)

    def use(self, keys: Iterable[KeyEntry]) -> None:
        """Let in those with these keys from now on, besides those of `API_KEYS`."""
        self.ring = KeyRing([*self._own_keys, *keys], token=self._token)

    def judge_place(self, server: Sequence[Any] | None, host: str) -> str:
        """Return why nothing is answered to a request that arrived there for this Host; or "".

        Where no credential is asked for, being on this machine is the credential. A page of any
        site has it, once its name is made to mean 127.0.0.1 (DNS rebinding): its Host shows that.

        Args:
            server: Address and port where it arrived, or the path of a Unix socket and None.
            host: The Host header; several joined by ", ", empty for none.

        """
        if not self.is_private:
            return ""
        if not (server and (is_loopback(str(server[0])) or _is_unix_socket(server))):
            return NOT_ON_LOOPBACK
        return "" if is_loopback(name_of(host)) else FOREIGN_HOST

    def judge(self, handshake: Handshake) -> Decision:
        """Return whether a client gets a WebSocket."""
        names = [name for name in handshake.subprotocols if name.startswith(KEY_PROTOCOL)]
        echo = names[0] if names else None
        if why := self.judge_place(handshake.server, handshake.host):
            return Decision(CloseCode.FORBIDDEN_ORIGIN, why, echo)
        # First, so that another site's page uses up no tries of the address where it is open.
        if not self._allows(handshake.origins, handshake.host):
            return Decision(CloseCode.FORBIDDEN_ORIGIN, WRONG_ORIGIN, echo)
        who: Identity | None = None
        if self.asks:
            # `api-key.` alone is a name without a key.
            in_names = [name.removeprefix(KEY_PROTOCOL) for name in names if name != KEY_PROTOCOL]
            keys, tokens = _values(handshake.query, b"api_key"), _values(handshake.query, b"token")
            cookies = self._cookies(handshake.cookies)
            if len(in_names) + len(keys) + len(tokens) + len(cookies) > MAX_CREDENTIALS:
                return _too_many(echo)
            found: list[Identity] = []
            for name in in_names:
                if owners := self.ring.of_keys([_bytes(name)]):
                    echo = echo if found else KEY_PROTOCOL + name
                    found += owners
            found += self.ring.of_keys(_spellings(keys))
            found += self.ring.of_tokens(_spellings(tokens))
            decision = self._decide(
                found, cookies, "read", has_more=bool(in_names or keys or tokens)
            )
            if decision.code is not None:
                reason = decision.reason or NO_CREDENTIAL
                return decision._replace(reason=reason, subprotocol=echo)
            if _came_by_cookie(decision) and not handshake.origins:
                # A browser always sends one; without it, it is no page that could have the cookie.
                return Decision(CloseCode.FORBIDDEN_ORIGIN, NO_ORIGIN, echo)
            who = decision.who
        return Decision(None, subprotocol=echo, who=who)

    def judge_request(self, request: Request, scope: Scope | None = "read") -> Decision:
        """Return whether a client gets what it asks for under /api: API keys and cookies.

        Args:
            request: What it says of itself.
            scope: What it needs; None for any valid credential.

        """
        if why := self.judge_place(request.server, request.host):
            return Decision(CloseCode.FORBIDDEN_ORIGIN, why)
        if not self._allows(request.origins, request.host):
            return Decision(CloseCode.FORBIDDEN_ORIGIN, WRONG_ORIGIN)
        decision = Decision(None)
        if self.asks:
            bearers = filter(None, map(_BEARER.fullmatch, request.authorizations))
            keys = [_bytes(key) for key in [*request.keys, *(found[1] for found in bearers)] if key]
            in_query, tokens = _values(request.query, b"api_key"), _values(request.query, b"token")
            cookies = self._cookies(request.cookies)
            if len(keys) + len(in_query) + len(tokens) + len(cookies) > MAX_CREDENTIALS:
                return _too_many()
            found = self.ring.of_keys([*keys, *_spellings(in_query)])
            found += self.ring.of_tokens(_spellings(tokens))
            decision = self._decide(
                found, cookies, scope, has_more=bool(keys or in_query or tokens)
            )
            if decision.code is not None:
                return decision._replace(reason=decision.reason or NO_API_KEY)
            is_safe = request.method in _SAFE_METHODS
            if _came_by_cookie(decision) and not (request.origins or is_safe):
                return Decision(CloseCode.FORBIDDEN_ORIGIN, NO_ORIGIN)
        return decision

    def judge_page(self, request: Request) -> str:
        """Return why a page may not ask for this, whatever its credential; or ""."""
        if why := self.judge_place(request.server, request.host):
            return why
        return "" if self._allows(request.origins, request.host) else WRONG_ORIGIN

    def offers(self, given: Handshake | Request) -> bool:
        """Return whether a client offers what could be a guess: keys and tokens, and no cookie."""
        if not self.asks:
            return False
        if isinstance(given, Request):
            in_headers = bool(given.keys or given.authorizations)
        else:
            in_headers = any(name.startswith(KEY_PROTOCOL) for name in given.subprotocols)
        return in_headers or bool(
            _values(given.query, b"api_key") or _values(given.query, b"token")
        )

    def why_out(self, who: Identity | None) -> str:
        """Return why somebody who was let in has to go now; "" while it may stay."""
        if who is None:
            return ""
        if who.expires <= self._clock():
            return SESSION_ENDED
        current = self.ring.now(who)
        return "" if current and includes(current.scope, "read") else KEY_TAKEN_AWAY

    def _decide(
        self, found: list[Identity], cookies: list[str], scope: Scope | None, *, has_more: bool
    ) -> Decision:
        """Return whether one of those who own what was offered may do what is asked for."""
        is_known = False
        for who in found:
            if scope is None or includes(who.scope, scope):
                return Decision(None, who=who)
            is_known = True
        sealed = [self._who_in(cookie) for cookie in cookies]
        ended = ""
        for session in filter(None, sealed):
            current = self.ring.now(session)
            if session.expires <= self._clock() or current is None:
                ended = SESSION_ENDED if current else KEY_TAKEN_AWAY
            elif scope is None or includes(current.scope, scope):
                return Decision(None, who=current)
            else:
                is_known = True
        if is_known:
            why = f"this key's scope does not include {scope}, which is needed here"
            return Decision(CloseCode.UNAUTHORIZED, why, lacks_scope=True)
        # A cookie is no guess: nobody guesses its seal, and one of a former secret is many tabs'.
        is_guess = has_more
        why = UNKNOWN_CREDENTIAL if is_guess or None in sealed else ended
        return Decision(CloseCode.UNAUTHORIZED, why, is_guess=is_guess)

    def _cookies(self, headers: Sequence[str]) -> list[str]:
        return list(session_cookie.values_in(headers)) if self._secret else []

    def _allows(self, origins: Sequence[str], host: str) -> bool:
        """Return whether a page of this origin may connect; who sends none is no page."""
        if not origins:
            return True
        origin = Origin.parse(origins[0]) if len(origins) == 1 else None
        if origin is None:
            return False
        return origin in self._origins or origin.host == name_of(host)


def _too_many(subprotocol: str | None = None) -> Decision:
    return Decision(
        CloseCode.UNAUTHORIZED, TOO_MANY_CREDENTIALS, subprotocol=subprotocol, is_guess=True
    )


def _came_by_cookie(decision: Decision) -> bool:
    """Return whether a cookie is the credential: a key alone has no end."""
    return decision.who is not None and math.isfinite(decision.who.expires)


def _is_unix_socket(server: Sequence[Any]) -> bool:
    return len(server) > 1 and server[1] is None


def _values(query: bytes, name: bytes) -> list[bytes]:
    """Return the values of a query parameter as they were sent, without the empty ones."""
    found = []
    for part in query.split(b"&"):
        key, _, value = part.partition(b"=")
        if value and unquote_to_bytes(key) == name:
            found.append(value)
    return found


def _spellings(values: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what values may mean.

    A `+` may be a space or itself: who pastes a secret into a URL does not think of that, so both
    are tried.
    """
    for value in values:
        yield from {unquote_to_bytes(value), unquote_to_bytes(value.replace(b"+", b" "))}


def _bytes(text: str) -> bytes:
    """Return what was sent as `text` in a header."""
    return text.encode("latin-1", errors="backslashreplace")
