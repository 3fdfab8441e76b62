"""Where the primary is, as Redis Sentinel knows: asked for each connection, and never kept.

After a failover the address of before may still answer, so the only one to use is the one that is
named now. What Sentinels are asked is redis-py's; connections to them last for one answer.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import redis.asyncio.sentinel
import redis.sentinel
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

Address = tuple[str, int]
"""A host and a port."""


class Sentinels(NamedTuple):
    """What a URL says of the Sentinels that watch over a primary."""

    addresses: tuple[Address, ...]
    primary: str
    """The name by which they know it."""
    options: Mapping[str, Any]
    """Arguments of redis-py's connections to them: who logs in, TLS."""


async def find_primary(sentinels: Sentinels, within: float) -> Address:
    """Return where the primary is, by the first Sentinel that knows one.

    Args:
        sentinels: Whom to ask.
        within: Seconds that all of them together may take.

    Raises:
        MasterNotFoundError: None of them names one (a `redis.ConnectionError`).

    """
    asked = redis.asyncio.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        sentinels.addresses,
        sentinel_kwargs=_options(sentinels, within) | {"retry": AsyncRetry(NoBackoff(), 0)},
    )
    try:
        return _address(await asked.discover_master(sentinels.primary))
    finally:
        await asked.aclose()


def find_primary_sync(sentinels: Sentinels, within: float) -> Address:
    """Return where the primary is: `find_primary` for threads."""
    asked = redis.sentinel.Sentinel(  # type: ignore[no-untyped-call]
        sentinels.addresses,
        sentinel_kwargs=_options(sentinels, within) | {"retry": Retry(NoBackoff(), 0)},
    )
    try:
        return _address(asked.discover_master(sentinels.primary))  # type: ignore[no-untyped-call]
    finally:
        for sentinel in asked.sentinels:
            sentinel.close()


def _options(sentinels: Sentinels, within: float) -> dict[str, Any]:
    each = within / len(sentinels.addresses)
    return {
        **sentinels.options,
        "socket_timeout": each,
        "socket_connect_timeout": each,
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _address(found: Any) -> Address:
    host, port = found
    return str(host), int(port)
