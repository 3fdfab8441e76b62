"""PostgreSQL: a pool that reconnects for ever, and what the statuses need from it."""

import asyncio
from typing import Any

import asyncpg
from msgspec import Struct

from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import count

ANSWER_TIMEOUT = 2.0
"""Seconds for an answer, connecting included."""
MAX_CONNECTIONS = 2
IDLE = 60.0
"""Seconds after which a connection that nobody uses is closed."""

_CAMERAS = """
SELECT count(*),
       count(*) FILTER (WHERE status::text = 'online'),
       count(*) FILTER (WHERE status::text = 'offline')
FROM cameras
WHERE deleted_at IS NULL
"""

# Of this database alone; the connections of clients, without those of the service that asks.
_ACTIVITY = """
SELECT (SELECT count(*) FROM pg_stat_activity
        WHERE state = 'active' AND backend_type = 'client backend'
          AND application_name <> current_setting('application_name')),
       current_setting('max_connections')::int,
       blks_hit, blks_read, xact_commit + xact_rollback,
       extract(epoch FROM clock_timestamp())::double precision
FROM pg_stat_database
WHERE datname = current_database()
"""
THROUGHPUT_WINDOW = 5
"""Minutes."""
_DETECTIONS = """
SELECT count(*) FROM detections
WHERE detected_at > now() - make_interval(mins => $1) AND detected_at <= now()
"""
_EVENTS = """
SELECT count(*) FROM events
WHERE started_at > now() - make_interval(mins => $1) AND started_at <= now()
"""


class Activity(Struct, frozen=True, kw_only=True):
    """What PostgreSQL says of itself and of this database. What it does not say is None."""

    connections_active: int | None
    """Clients' connections at work, without ours and our other replicas'."""
    connections_max: int | None
    blocks_hit: int | None
    """Blocks found in its cache, ever."""
    blocks_read: int | None
    """Blocks that were not, ever."""
    transactions: int | None
    """Ended ones, ever."""
    at: float
    """When, in seconds of its clock."""


class Rates(Struct, frozen=True, kw_only=True):
    """What came out of the pipeline lately, per minute. None where it cannot be told."""

    detections: float | None
    events: float | None


class Cameras(Struct, frozen=True, kw_only=True):
    """Cameras that are not deleted; those in error or unknown are neither online nor offline."""

    total: int
    online: int
    offline: int


class Database:
    """Asks PostgreSQL. A question connects again if need be, so an outage ends by itself."""

    def __init__(self, url: str, *, name: str) -> None:
        """Prepare.

        Args:
            url: postgresql://, postgres:// or postgresql+asyncpg://.
            name: Of the service, shown by pg_stat_activity.

        """
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._name = name
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()

    async def cameras(self) -> Cameras:
        """Count the cameras.

        Raises:
            SourceError: PostgreSQL does not answer, or not with what was asked.

        """
        total, online, offline = await self.row(_CAMERAS)
        return Cameras(total=total, online=online, offline=offline)

    async def activity(self) -> Activity:
        """Ask what it is doing.

        Raises:
            SourceError: PostgreSQL does not answer, or not with what was asked.

        """
        active, most, hit, read, transactions, at = await self.row(_ACTIVITY)
        return Activity(
            connections_active=count(active),
            connections_max=count(most),
            blocks_hit=count(hit),
            blocks_read=count(read),
            transactions=count(transactions),
            at=at,
        )

    async def throughput(self) -> Rates:
        """Count what was detected, and what became events, in the last five minutes.

        Raises:
            SourceError: Neither can be told.

        """
        detections, events = await asyncio.gather(
            self.row(_DETECTIONS, THROUGHPUT_WINDOW),
            self.row(_EVENTS, THROUGHPUT_WINDOW),
            return_exceptions=True,
        )
        for error in (detections, events):
            if isinstance(error, BaseException) and not isinstance(error, SourceError):
                raise error
        if isinstance(detections, SourceError) and isinstance(events, SourceError):
            raise detections
        return Rates(detections=_per_minute(detections), events=_per_minute(events))

    async def row(self, query: str, *arguments: Any) -> asyncpg.Record:
        """Return the first row of a query's result.

        Raises:
            SourceError: PostgreSQL does not answer, or has no such row.

        """
        found = await self.rows(query, *arguments)
        if not found:
            raise SourceError("PostgreSQL answers with nothing")
        return found[0]

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Return all rows of a query's result.

        Raises:
            SourceError: PostgreSQL does not answer.

        """
        try:
            return await self._rows(query, *arguments)
        except asyncpg.PostgresError as error:
            raise SourceError(f"PostgreSQL refuses: {type(error).__name__}") from error
        except TimeoutError as error:
            raise SourceError(f"PostgreSQL does not answer within {ANSWER_TIMEOUT:g} s") from error
        except (OSError, ValueError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            # Their texts may hold the address; the type says enough.
            raise SourceError(f"PostgreSQL cannot be asked: {type(error).__name__}") from error

    async def _rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            pool = await self._opened()
            connection = await pool.acquire()
            try:
                return await connection.fetch(query, *arguments)
            except asyncpg.PostgresError:
                raise
            except BaseException:
                # Whatever state it is in, the next question gets another. A frozen server would
                # let us wait for the end of a query that we gave up.
                connection.terminate()
                raise
            finally:
                await pool.release(connection)

    async def _opened(self) -> "asyncpg.Pool[asyncpg.Record]":
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=MAX_CONNECTIONS,
                    timeout=ANSWER_TIMEOUT,
                    command_timeout=ANSWER_TIMEOUT,
                    max_inactive_connection_lifetime=IDLE,
                    # A pooler between us and PostgreSQL need not know prepared statements.
                    statement_cache_size=0,
                    server_settings={"application_name": f"hsi-{self._name}"},
                )
            return self._pool

    async def aclose(self) -> None:
        """Close the connections, at once."""
        if self._pool is not None:
            self._pool.terminate()


def _per_minute(found: asyncpg.Record | BaseException) -> float | None:
    if isinstance(found, BaseException):
        return None
    total = count(found[0])
    return None if total is None else total / THROUGHPUT_WINDOW
