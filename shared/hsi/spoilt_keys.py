"""Keys in Redis that hold something else than what belongs there: recognized, and named in the log.

Other programs write to the same Redis, and people do by hand. So what a key holds is never taken
for granted: the key costs what it would have said, and its name is in the log, for who may mend it.
"""

import logging
import time
from collections.abc import Callable

from redis.exceptions import ResponseError

INTERVAL = 60.0
"""Seconds between two lines about the same key."""
MAX_NAMED = 10
"""Keys that are named within `INTERVAL`; of more, the number is said."""
_MAX_KEY, _MAX_TROUBLE = 200, 200


def is_wrong_type(error: object) -> bool:
    """Return whether Redis refused a command because its key holds another type."""
    return isinstance(error, ResponseError) and str(error).startswith("WRONGTYPE")


class SpoiltKeys:
    """Names spoilt keys in a log: each once a minute, and few of many."""

    def __init__(
        self, logger: logging.Logger, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin without any.

        Args:
            logger: The logger to write to.
            clock: Seconds that only grow.

        """
        self._logger = logger
        self._clock = clock
        self._named: dict[str, float] = {}
        """When each was named last."""
        self._unsaid = 0

    def found(self, key: str, trouble: str) -> None:
        """Name a key.

        Args:
            key: Its name.
            trouble: What it should hold, and what becomes of it now.

        """
        now = self._clock()
        self._named = {name: at for name, at in self._named.items() if now - at < INTERVAL}
        if key in self._named or len(self._named) >= MAX_NAMED:
            self._unsaid += 1
            return
        self._named[key] = now
        extra = {"unsaid": self._unsaid} if self._unsaid else {}
        self._unsaid = 0
        self._logger.warning(
            "the key %s does not hold what it should: %s",
            key[:_MAX_KEY],
            trouble[:_MAX_TROUBLE],
            extra=extra,
        )
