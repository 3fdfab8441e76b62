"""The browsers that want pushes: kept in Redis, each until it ends it, is gone, or its key is.

An endpoint is a secret: who knows it may disturb there. So it is in Redis alone, in a hash that
only this service may read, and is called by its digest everywhere else.
"""

import logging
import time
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from redis.asyncio.client import Pipeline, Redis
from redis.exceptions import ResponseError, WatchError

from hsi.keys import Scope, includes
from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import RiskLevel
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.door.access import Access
from hsi_service.door.keys import Identity
from services.notify.messages import Subject
from services.notify.push_payload import BrowserKeys
from services.notify.push_target import PushTarget, Sending, digest_of
from services.notify.rules import Quiet, Rules, TimeOfDay, zone
from services.notify.targets import Target

logger = logging.getLogger(__name__)

KEY = "notify:subscriptions"
TIMEOUT = 3.0
"""Seconds that one question to Redis may take."""
MAX_SUBSCRIPTIONS = 256
"""In all."""
MAX_PER_KEY = 64
"""Of one key: a household's phones, and the guests of who has it."""
NOT_OURS = 2 * MAX_SUBSCRIPTIONS + 1
"""A hash of as many fields was written by somebody else: it is not read."""
MAX_TRIES = 20
"""Times that a change is tried while others make theirs."""
MAX_CAMERAS = 100
GRACE = 120.0
"""Seconds after which a device is forgotten whose key is not known here: it gets nothing meanwhile,
and a key that is new may be known to another replica first."""
KINDS: tuple[Subject, ...] = ("event", "camera", "service", "degraded", "redis")
"""What a browser is told of: events by its rules, and that the home is not watched as it should be.
Alerts of the machine are for whom NOTIFY_RULES names."""
_NOT_OURS = "expected a hash of browsers' subscriptions; nobody can subscribe until it is deleted"
_LEFT_OUT = "some of its fields cannot be read, and are left out"


class Keys(Struct, frozen=True):
    """What a browser gave to encrypt with."""

    p256dh: Annotated[str, Meta(max_length=100)]
    auth: Annotated[str, Meta(max_length=40)]


class Subscription(Struct, frozen=True):
    """A browser's subscription, as it writes it (`PushSubscription.toJSON()`)."""

    endpoint: Annotated[str, Meta(max_length=2048)]
    keys: Keys


class QuietHours(Struct, frozen=True, forbid_unknown_fields=True):
    """Hours in which nothing is told, by the clock on the wall."""

    start: TimeOfDay = msgspec.field(name="from")
    end: TimeOfDay = msgspec.field(name="to")
    critical: bool
    """Whether a critical event is told all the same."""


class PushRules(Struct, frozen=True, forbid_unknown_fields=True):
    """What a person chose in the dashboard."""

    min_level: RiskLevel
    cameras: (
        Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=MAX_CAMERAS)] | None
    )
    quiet: QuietHours | None
    timezone: Annotated[str, Meta(max_length=64)]

    def rules(self) -> Rules:
        """Return them as those of a target.

        Raises:
            ValueError: There is no such timezone.

        """
        cameras = None if self.cameras is None else tuple(self.cameras)
        if self.quiet is None:
            return Rules(level=self.min_level, cameras=cameras, kinds=KINDS)
        zone(self.timezone)
        quiet = Quiet(start=self.quiet.start, end=self.quiet.end, critical=self.quiet.critical)
        return Rules(
            level=self.min_level,
            cameras=cameras,
            kinds=KINDS,
            quiet=(quiet,),
            timezone=self.timezone,
        )


class Kept(Struct, frozen=True, kw_only=True):
    """A subscription as Redis has it."""

    subscription: Subscription
    rules: PushRules
    device: str
    public_key: str
    """Of the VAPID key that it was made for: no other may send there."""
    name: str
    """Of the key, or of the guest, that the browser was signed in with."""
    scope: Scope
    key: str
    """The beginning of that key's digest; empty where no credential was asked for."""


class TooManySubscriptionsError(Exception):
    """There is no place for another one; the text says why."""


class SpoiltSubscriptionsError(Exception):
    """Something else is where subscriptions are kept, and the log names its key."""


class Subscriptions:
    """All subscriptions, as targets. One per replica.

    Every method raises `RedisError` or `OSError` where Redis does not answer, or refuses.
    """

    def __init__(self, redis_url: str, access: Access, sending: Sending) -> None:
        """Connect on first use.

        Args:
            redis_url: Where they are kept.
            access: Knows which keys are good now.
            sending: How pushes are sent.

        """
        self._redis = async_client(redis_url, name="notify-subscriptions", timeout=TIMEOUT)
        self._access = access
        self._sending = sending
        self._spoilt = SpoiltKeys(logger)
        self._former = Throttled(logger)
        self._decoder = msgspec.json.Decoder(Kept)
        self._known: dict[bytes, PushTarget] = {}
        """Targets by what Redis has of them; each stays the same one while that does."""
        self._unknown: dict[bytes, float] = {}
        """Since when the key of a subscription has not been known."""

    async def add(self, kept: Kept) -> None:
        """Keep a subscription, in place of one that the same browser had.

        Raises:
            TooManySubscriptionsError: There are as many as there may be.
            SpoiltSubscriptionsError: Something else is in their place.

        """
        field = digest_of(kept.subscription.endpoint)
        for _ in range(MAX_TRIES):
            try:
                async with self._redis.pipeline(transaction=True) as commands:
                    await commands.watch(KEY)
                    others = await self._others(commands, field)
                    if len(others) >= MAX_SUBSCRIPTIONS:
                        raise TooManySubscriptionsError(
                            f"{MAX_SUBSCRIPTIONS} devices get pushes of this home, which is as "
                            "many as there may be"
                        )
                    if kept.key and sum(one.key == kept.key for one in others) >= MAX_PER_KEY:
                        raise TooManySubscriptionsError(
                            f"{MAX_PER_KEY} devices get pushes by this key, which is as many as "
                            "there may be"
                        )
                    commands.multi()  # type: ignore[no-untyped-call]  # so it is
                    commands.hset(KEY, field, msgspec.json.encode(kept).decode())
                    await commands.execute()
                    return
            except WatchError:
                continue
        raise WatchError("others were always faster")

    async def remove(self, endpoint: str) -> bool:
        """Forget a subscription; return whether there was one."""
        return await self._forget(digest_of(endpoint))

    @property
    def disabled(self) -> Mapping[str, int]:
        """None is: a browser that wants no more is forgotten."""
        return {}

    async def targets(self) -> list[Target]:
        """Return the browsers that get pushes now: none whose key was taken away."""
        found: dict[bytes, PushTarget] = {}
        unknown: dict[bytes, float] = {}
        now, former = time.monotonic(), 0
        for field, text in (await self._fields(self._redis) or {}).items():
            kept = self._decoded(text)
            if kept is None:
                continue
            if self._is_taken_away(kept):
                unknown[field] = self._unknown.get(field, now)
                if now - unknown[field] >= GRACE:
                    logger.info("a device is forgotten: its key was taken away")
                    await self._forget(field.decode(errors="replace"))
            elif kept.public_key != self._sending.vapid.public_key:
                former += 1
            elif target := self._known.get(text) or self._target_of(kept):
                found[text] = target
        if former:
            self._former.warning(
                "devices subscribed with another VAPID key; each gets pushes again once the "
                "dashboard was opened there",
                devices=former,
            )
        self._known, self._unknown = found, unknown
        return list(found.values())

    async def gone(self, target: Target) -> None:
        """Forget a browser whose push service says that it is over."""
        if isinstance(target, PushTarget):
            await self._forget(digest_of(target.endpoint))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    def _is_taken_away(self, kept: Kept) -> bool:
        if not self._access.asks:
            return False
        now = self._access.ring.now(Identity(kept.name, kept.scope, kept.key))
        return now is None or not includes(now.scope, "read")

    def _target_of(self, kept: Kept) -> PushTarget | None:
        keys = BrowserKeys.parse(kept.subscription.keys.p256dh, kept.subscription.keys.auth)
        try:
            rules = kept.rules.rules()
        except ValueError:
            keys = None
        if keys is None:
            self._spoilt.found(KEY, _LEFT_OUT)
            return None
        return PushTarget(kept.subscription.endpoint, keys, rules, self._sending)

    async def _fields(self, commands: Redis | Pipeline) -> dict[bytes, bytes] | None:
        """Return what is kept; None: somebody else has written something there."""
        try:
            if await commands.hlen(KEY) < NOT_OURS:
                return await commands.hgetall(KEY)  # type: ignore[return-value]  # bytes
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
        self._spoilt.found(KEY, _NOT_OURS)
        return None

    async def _others(self, commands: Pipeline, field: str) -> list[Kept]:
        """Return the other subscriptions.

        Raises:
            SpoiltSubscriptionsError: Somebody else has written something there.

        """
        fields = await self._fields(commands)
        if fields is None:
            raise SpoiltSubscriptionsError
        texts = [text for name, text in fields.items() if name != field.encode()]
        return [kept for text in texts if (kept := self._decoded(text))]

    def _decoded(self, text: bytes) -> Kept | None:
        try:
            return self._decoder.decode(text)
        except (ValueError, RecursionError):
            self._spoilt.found(KEY, _LEFT_OUT)
            return None

    async def _forget(self, field: str) -> bool:
        try:
            return bool(await self._redis.hdel(KEY, field))
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            return False
