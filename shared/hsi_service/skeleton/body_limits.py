"""How many bytes a request's body may have: what its route says, where that is more than usual.

The connection asks when the head is there, before anything answers; so what is too large is refused
before it is read.
"""

import re
from collections.abc import Iterable
from typing import Self

from litestar import Litestar
from litestar.routes import HTTPRoute

MAX_BODY_BYTES = 64 * 1024
"""Of a request to a route that says nothing else."""


class BodyLimits:
    """The routes whose bodies may be larger than `MAX_BODY_BYTES`."""

    def __init__(self, larger: Iterable[tuple[str, int]] = ()) -> None:
        """Take the routes.

        Args:
            larger: Paths as Litestar writes them (`/api/jobs/{job_id:str}/lines`), and bytes.

        """
        self._larger = [(_pattern_of(path), limit) for path, limit in larger]

    @classmethod
    def of(cls, app: Litestar) -> Self:
        """Return an application's, by the `request_max_body_size` of its routes."""
        return cls(
            (route.path, limit)
            for route in app.routes
            if isinstance(route, HTTPRoute)
            for handler in route.route_handlers
            if isinstance(limit := handler.request_max_body_size, int) and limit > MAX_BODY_BYTES
        )

    def bytes_for(self, target: bytes) -> int:
        """Return how many bytes a body may have.

        Args:
            target: The path, with its query, as it was sent.

        """
        path = target.partition(b"?")[0]
        return next(
            (most for pattern, most in self._larger if pattern.fullmatch(path)), MAX_BODY_BYTES
        )


def _pattern_of(path: str) -> re.Pattern[bytes]:
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)).encode())
