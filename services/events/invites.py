"""Invites: codes for one use, which let somebody in without a key being typed.

Redis keeps each for ten minutes, under the digest of its code; so who reads Redis cannot use it.
"""

import hashlib
import logging
import secrets

import msgspec
from msgspec import Struct
from redis.exceptions import ResponseError

from hsi.keys import Scope
from hsi.redis_client import async_client
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.door.keys import Identity

LIFETIME = 600
"""Seconds in which an invite can be used."""
TIMEOUT = 2.0
"""Seconds that Redis may take for an answer."""
_CODE_BYTES = 24
_MAX_CODE = 128
_GUEST = "'s guest"

logger = logging.getLogger(__name__)


class SpoiltInviteError(Exception):
    """Something else is in the place of an invite."""


class _Kept(Struct, frozen=True):
    """What is known of an invite while nobody has used it."""

    name: str
    scope: Scope
    key: str


class Invites:
    """Every method raises `RedisError` or `OSError` where Redis does not answer."""

    def __init__(self, redis_url: str) -> None:
        """Connect on first use."""
        self._redis = async_client(redis_url, name="events-invites", timeout=TIMEOUT)
        self._spoilt = SpoiltKeys(logger)

    async def new(self, inviter: Identity, scope: Scope) -> str:
        """Return the code of a new invite.

        Args:
            inviter: Whose key the guest's session will belong to.
            scope: What the guest may.

        """
        code = secrets.token_urlsafe(_CODE_BYTES)
        kept = _Kept(inviter.name, scope, inviter.key)
        await self._redis.set(_key(code), msgspec.json.encode(kept), ex=LIFETIME)
        return code

    async def take(self, code: str) -> Identity | None:
        """Return the guest that a code is for, and let nobody use it again.

        Returns:
            Its name says who invited it; it has no end yet. None: there is no such invite.

        Raises:
            SpoiltInviteError: Its key holds something else, which the log names.

        """
        if not 0 < len(code) <= _MAX_CODE:
            return None
        key = _key(code)
        try:
            found = await self._redis.getdel(key)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(key, "expected an invite, a string; it stays as it is")
            raise SpoiltInviteError from error
        if found is None:
            return None
        try:
            kept = msgspec.json.decode(found, type=_Kept)
        except (ValueError, RecursionError):  # Somebody else has written it.
            return None
        return Identity(kept.name.removesuffix(_GUEST) + _GUEST, kept.scope, kept.key)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _key(code: str) -> str:
    return f"invite:{hashlib.sha256(code.encode()).hexdigest()}"
