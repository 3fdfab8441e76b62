"""PostgreSQL: a pool that reconnects for ever, and what the statuses need from it."""

import asyncio
from typing import Any

import asyncpg
from msgspec import Struct

from shared.sources.guard import SourceError

LIMIT = 2.0
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


class Cameras(Struct, frozen=True, kw_only=True):
    """Cameras that are not deleted; those in error or unknown are neither online nor offline."""

    total: int
    online: int
    offline: int


class Database:
    """Asks PostgreSQL. Each question connects anew if need be, so it heals by itself."""

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

    async def row(self, query: str, *arguments: Any) -> asyncpg.Record:
        """Return the first row of a query's result.

        Raises:
            SourceError: PostgreSQL does not answer, or has no such row.

        """
        try:
            found = await self._row(query, *arguments)
        except asyncpg.PostgresError as error:
            raise SourceError(f"PostgreSQL refuses: {type(error).__name__}") from error
        except TimeoutError as error:
            raise SourceError(f"PostgreSQL does not answer within {LIMIT:g} s") from error
        except (OSError, ValueError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            # Their texts may hold the address; the type says enough.
            raise SourceError(f"PostgreSQL cannot be asked: {type(error).__name__}") from error
        if found is None:
            raise SourceError("PostgreSQL answers with nothing")
        return found

    async def _row(self, query: str, *arguments: Any) -> asyncpg.Record | None:
        async with asyncio.timeout(LIMIT):
            pool = await self._opened()
            connection = await pool.acquire()
            try:
                return await connection.fetchrow(query, *arguments)
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
                    timeout=LIMIT,
                    command_timeout=LIMIT,
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
