"""What is sent over HTTP, on its way to Redis: who may send how much, and how that ends."""

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from litestar import Request
from litestar.exceptions import (
    ClientException,
    HTTPException,
    ServiceUnavailableException,
    TooManyRequestsException,
)
from redis.exceptions import NoPermissionError, RedisError

from hsi.logs import Throttled
from hsi.publisher import Publisher
from hsi.publishing import (
    MAX_BATCH,
    Published,
    PublishError,
    Repeated,
    TooFewReplicasError,
    TooManyWaitingError,
)
from hsi.redis_client import reason_of
from hsi_service.door.http import client_of
from hsi_service.door.limits import Buckets, Rate, address_of
from hsi_service.publish.bodies import (
    BadKeyError,
    Fault,
    InvalidBodyError,
    TooManyError,
    UnreadableBodyError,
    checked_key,
    media_type,
)

logger = logging.getLogger(__name__)

PATIENCE = 2.5
"""Seconds that Redis is tried for; the last attempt may take 3 s more, and so may connecting (and
waiting for replicas 2 s)."""
MOST_SECONDS = 10.0
"""Seconds that a request with more messages than Redis takes at once may wait for all of them."""
RETRY_AFTER = 2
"""Seconds after which it is worth while to ask again."""
MAX_WAITING = 16 * 1024 * 1024
"""Bytes of bodies that may wait for Redis in this replica."""
REQUESTS_PER_MINUTE = 1200
"""Of one key: twenty a second, each of which may be a list."""
MAY_BE_PUBLISHED = "it may have been published: ask again with the same Idempotency-Key"
NOTHING_PUBLISHED = "nothing was published"
_OLD_RULES = "this service's user of Redis may not publish: it needs its new rules (users.acl)"
_SENDER_DIGITS = 32

HttpRequest = Request[Any, Any, Any]


class Publishing:
    """Publishes for those who ask over HTTP, within limits; one per replica."""

    def __init__(
        self, redis_url: str, *, per_minute: int, history_length: int, replicas: int = 0
    ) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            per_minute: Requests of a key, or of an address where no key is asked for; 0 is no
                limit.
            history_length: Messages that a channel's history keeps.
            replicas: Replicas of Redis that have a message before it is acknowledged.

        """
        self._publisher = Publisher(
            redis_url,
            history_length=history_length,
            patience=PATIENCE,
            replicas=replicas,
            by_script=True,
        )
        self._pace = Buckets(Rate.per_minute(per_minute))
        self._waiting = 0
        """Bytes of bodies."""
        self._denied = Throttled(logger)

    async def body_of(self, request: HttpRequest, *types: str) -> tuple[bytes, str]:
        """Return a request's body and its media type, if its sender may send one now.

        Args:
            request: The request.
            types: Media types that are taken.

        Raises:
            HTTPException: 415, 429, or 413 by Litestar.

        """
        given = media_type(request.headers.get("content-type", ""))
        if given not in types:
            raise HTTPException(
                f"Content-Type: expected {' or '.join(types)}"
                + (" (with curl: --json)" if "application/json" in types else ""),
                status_code=415,
            )
        if wait := self._pace.take(_name_of(request), time.monotonic()):
            raise TooManyRequestsException(
                "too many requests to publish", headers={"Retry-After": str(math.ceil(wait))}
            )
        return await request.body(), given

    async def publish(
        self, channel: str, payloads: Sequence[bytes], *, sender: str | None
    ) -> list[Published]:
        """Publish messages, in order: each once for a sender, however often it is asked for.

        Args:
            channel: The channel.
            payloads: Messages as JSON.
            sender: Of `sender_of`; None: nobody asks again.

        Raises:
            ServiceUnavailableException: Redis did not take them, or did not say so: 503.

        """
        with self._room_for(sum(map(len, payloads))):
            try:
                async with asyncio.timeout(MOST_SECONDS):
                    return await self._publisher.publish_many(channel, payloads, sender=sender)
            except TooManyWaitingError as error:
                # Those before the last hundred may be published.
                so_far = NOTHING_PUBLISHED if len(payloads) <= MAX_BATCH else MAY_BE_PUBLISHED
                raise unavailable(f"too much waits for Redis; {so_far}") from error
            except TimeoutError as error:
                raise unavailable(f"Redis is slow; {MAY_BE_PUBLISHED}") from error
            except PublishError as error:
                raise unavailable(self._explain(error.__cause__)) from error

    def _explain(self, why: BaseException | None) -> str:
        """Return why something was not acknowledged, and what is so then."""
        if isinstance(why, NoPermissionError):
            self._denied.warning(_OLD_RULES, reason=str(why))
            return f"{_OLD_RULES}; {NOTHING_PUBLISHED}"
        if isinstance(why, TooFewReplicasError):
            return f"{why}; {MAY_BE_PUBLISHED}"
        is_told = isinstance(why, RedisError | OSError)
        reason = reason_of(why) if is_told else "Redis did not acknowledge it"  # type: ignore[arg-type]  # just checked
        return f"{reason}; {MAY_BE_PUBLISHED}"

    @contextmanager
    def _room_for(self, size: int) -> Iterator[None]:
        if self._waiting + size > MAX_WAITING:
            raise unavailable(f"too much waits for Redis; {NOTHING_PUBLISHED}")
        self._waiting += size
        try:
            yield
        finally:
            self._waiting -= size

    async def aclose(self) -> None:
        """Close the connection; those whose messages wait are answered 503."""
        await self._publisher.aclose()


def sender_of(request: HttpRequest) -> str | None:
    """Return the sender that a request is, by its Idempotency-Key and whose it is; None: no key.

    Two who send the same key are two senders.

    Raises:
        BadKeyError: It cannot be a key.

    """
    key = checked_key(request.headers.getall("idempotency-key", []))
    return None if key is None else named_sender(request.auth.key if request.auth else "", key)


def named_sender(*parts: str) -> str:
    """Return the name of the sender that stands for these parts alone."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"http-{digest[:_SENDER_DIGITS]}"


def are_repeated(published: Sequence[Published]) -> bool:
    """Return whether Redis had all of these already."""
    return all(isinstance(one, Repeated) for one in published)


def cursor_of(published: Published) -> str | None:
    """Return where a message is; None: Redis has it, and does not know where any more."""
    return published.cursor or None


@contextmanager
def refusing() -> Iterator[None]:
    """Answer what is wrong with a body: 400, 413, or 422 that names each field."""
    try:
        yield
    except (UnreadableBodyError, BadKeyError) as error:
        raise ClientException(str(error)) from None
    except TooManyError as error:
        raise HTTPException(str(error), status_code=413) from None
    except InvalidBodyError as error:
        raise HTTPException(
            str(error), status_code=422, extra=[_told(fault) for fault in error.faults]
        ) from None


def unavailable(why: str) -> ServiceUnavailableException:
    """Return what Litestar is to answer with while Redis takes nothing."""
    return ServiceUnavailableException(why, headers={"Retry-After": str(RETRY_AFTER)})


def _told(fault: Fault) -> dict[str, Any]:
    index = {} if fault.place is None else {"index": fault.place}
    return {**index, "key": fault.key, "message": fault.message}


def _name_of(request: HttpRequest) -> str:
    return request.auth.key if request.auth else f"from {address_of(client_of(request))}"
