"""Functions in Redis: loading one that is missing.

A Redis that is new, was wiped or was replaced has none; so each caller can load its own. Where
somebody has replaced the library by one without the function, it is replaced in turn.
"""

import logging

import redis
import redis.asyncio
from redis.exceptions import ResponseError

logger = logging.getLogger(__name__)


def is_missing(error: Exception) -> bool:
    """Return whether a call failed because Redis does not have the function."""
    return isinstance(error, ResponseError) and "unction not found" in str(error)


def load(client: redis.Redis, name: str, library: str) -> None:
    """Load a library of functions into Redis, which does not have the function.

    Args:
        client: A client of that Redis.
        name: The function, for the log.
        library: Its library's source.

    Raises:
        RedisError, OSError: Redis refuses it, or does not answer.

    """
    try:
        client.function_load(library)
    except ResponseError as error:
        _raise_unless_there(error)
        # Another program has just loaded the same, or the library has lost its function.
        client.function_load(library, replace=True)
    _log_loaded(name)


async def load_async(client: redis.asyncio.Redis, name: str, library: str) -> None:
    """Do what `load` does, with an asynchronous client."""
    try:
        await client.function_load(library)
    except ResponseError as error:
        _raise_unless_there(error)
        await client.function_load(library, replace=True)
    _log_loaded(name)


def _raise_unless_there(error: ResponseError) -> None:
    if "already exists" not in str(error):
        raise error


def _log_loaded(name: str) -> None:
    logger.info("loaded function %s into Redis", name)
