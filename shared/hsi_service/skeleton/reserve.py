"""The last descriptors of this process: for probes, for Redis, and for nobody who stays.

Where none is left, the event loop accepts a connection and closes it without a word: a probe fails,
and a replica that serves thousands of clients well is restarted. So the last few are kept free of
WebSockets. The kernel gives each connection the lowest number that is free, so a high one says how
many are taken.
"""

import asyncio
import logging
import resource

from hsi.logs import Throttled

logger = logging.getLogger(__name__)

SIZE = 32
"""Descriptors that are kept for what does not stay."""


class Reserve:
    """Knows which connections have one of the last descriptors."""

    def __init__(self, limit: int | None = None) -> None:
        """Look how many there may be.

        Args:
            limit: Descriptors that this process may have; None: as the system says.

        """
        self._limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
        self._is_endless = self._limit == resource.RLIM_INFINITY
        self._said = Throttled(logger)

    def has(self, transport: asyncio.BaseTransport) -> bool:
        """Return whether a connection has one of the last; say so in the log, now and then."""
        connection = transport.get_extra_info("socket")
        if self._is_endless or connection is None or connection.fileno() < self._limit - SIZE:
            return False
        self._said.warning(
            "out of descriptors: new clients are refused; raise the limit (ulimit -n)",
            limit=self._limit,
        )
        return True
