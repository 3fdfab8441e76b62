"""PostgreSQL: a pool that reconnects without end, and what the statuses need from it.

A question that is given up goes on at the server, where it waits for a lock or a disk; asked again
and again, such questions take all the connections that there are. So the server ends each of them
by itself (`statement_timeout`), and until it has, ours holds its place among the few that may be
open.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from hsi_service.sources.time_limited import SourceError
from hsi_service.sources.validate import count

if TYPE_CHECKING:
    import asyncpg

    from hsi_service.sources.postgres_address import PostgresAddress

ANSWER_TIMEOUT = 2.0
"""Seconds for an answer, connecting included."""
MAX_CONNECTIONS = 2
"""Of a process: its questions that are open, those included that it has given up."""
MAX_HELD = 300.0
"""Seconds after which a question that was given up no longer holds its place, though the server
says nothing: it may be frozen, and another have its address."""
IDLE = 60.0
"""Seconds after which a connection that nobody uses is closed."""

# Of this transaction alone: as a parameter of the connection, a pooler such as pgbouncer would
# refuse it, and set for the session, it would be left to that pooler's next client. A little less
# than our patience, so that the server's answer still comes. The second limit is for a process that
# is suspended in the middle. A column without a time zone is UTC, as the pipeline writes it; but it
# is compared with now() in the session's, which a server, a database or a role may set to any.
_LIMITS = f"""
SET LOCAL statement_timeout = {round((ANSWER_TIMEOUT - 0.2) * 1000)};
SET LOCAL idle_in_transaction_session_timeout = 60000;
SET LOCAL TimeZone = 'UTC'
"""

_CAMERAS = """
SELECT count(*),
       count(*) FILTER (WHERE status::text = 'online'),
       count(*) FILTER (WHERE status::text = 'offline')
FROM cameras
WHERE deleted_at IS NULL
"""

# Of this database alone; the connections of clients, without those of the service that asks. A role
# that may not see what others do sees their connections as idle: 0 at work, whatever goes on.
_ACTIVITY = """
SELECT CASE WHEN pg_has_role('pg_read_all_stats', 'USAGE') THEN
         (SELECT count(*) FROM pg_stat_activity
          WHERE state = 'active' AND backend_type = 'client backend'
            AND application_name <> current_setting('application_name'))
       END,
       current_setting('max_connections')::int,
       blks_hit, blks_read, xact_commit + xact_rollback,
       extract(epoch FROM clock_timestamp())::double precision
FROM pg_stat_database
WHERE datname = current_database()
"""
THROUGHPUT_WINDOW = 5
"""Minutes."""
KNOWN_FOR = 1.0
"""Minutes for which something has to have come before a rate is told."""
# How many in the window, for how many seconds they came, and whether some came before it.
_DETECTIONS = """
SELECT count(*), extract(epoch FROM now() - min(detected_at))::double precision,
       EXISTS (SELECT FROM detections WHERE detected_at <= now() - make_interval(mins => $1))
FROM detections
WHERE detected_at > now() - make_interval(mins => $1) AND detected_at <= now()
"""
_EVENTS = """
SELECT count(*), extract(epoch FROM now() - min(started_at))::double precision,
       EXISTS (SELECT FROM events WHERE started_at <= now() - make_interval(mins => $1))
FROM events
WHERE started_at > now() - make_interval(mins => $1) AND started_at <= now()
"""
_NO_ANSWER = f"PostgreSQL does not answer within {ANSWER_TIMEOUT:g} s"


class Activity(Struct, frozen=True, kw_only=True):
    """What PostgreSQL says of itself and of this database. What it does not say is None."""

    connections_active: int | None
    """Clients' connections at work, without ours and our other replicas'; None for a role that may
    not see what others do."""
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

    def __init__(self, url: str, *, name: str, connections: int = MAX_CONNECTIONS) -> None:
        """Set it up; nothing is asked yet.

        Args:
            url: PostgreSQL's; empty: it is never asked.
            name: Of the service, shown by pg_stat_activity.
            connections: How many there may be; all of a process together `MAX_CONNECTIONS`.

        Raises:
            SettingsError: No connection can be made by this URL.

        """
        self._address = _address(url) if url else None
        self._name = name
        self._connections = connections
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._opening = asyncio.Lock()
        self._places = asyncio.Semaphore(connections)
        self._questions: set[asyncio.Task[list[asyncpg.Record]]] = set()

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

        Where the first one ever came in these, the rate is of the time since then, and not told
        before that is a minute.

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

    async def row(self, query: str, *arguments: Any) -> "asyncpg.Record":
        """Return the first row of a query's result.

        Raises:
            SourceError: PostgreSQL does not answer, or has no such row.

        """
        found = await self.rows(query, *arguments)
        if not found:
            raise SourceError("PostgreSQL answers with nothing")
        return found[0]

    async def rows(self, query: str, *arguments: Any) -> "list[asyncpg.Record]":
        """Return all rows of a query's result.

        Raises:
            SourceError: PostgreSQL does not answer.

        """
        if self._address is None:
            raise SourceError("no DATABASE_URL is set")
        import asyncpg  # noqa: PLC0415 (see `_address`)

        try:
            return await self._rows(query, *arguments)
        except asyncpg.QueryCanceledError as error:
            raise SourceError(_NO_ANSWER) from error
        except asyncpg.PostgresError as error:
            raise SourceError(f"PostgreSQL refuses: {type(error).__name__}") from error
        except TimeoutError as error:
            raise SourceError(_NO_ANSWER) from error
        except OSError as error:  # Its text may hold the address.
            raise SourceError("PostgreSQL cannot be reached") from error
        except (ValueError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            raise SourceError(f"PostgreSQL cannot be asked: {type(error).__name__}") from error

    async def _rows(self, query: str, *arguments: Any) -> "list[asyncpg.Record]":
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ANSWER_TIMEOUT
        try:
            async with asyncio.timeout_at(deadline):
                await self._places.acquire()
        except TimeoutError as error:
            raise SourceError("PostgreSQL is still at earlier questions") from error
        # A task of its own: who asks may leave, and the question goes on until its end is known.
        question = asyncio.create_task(self._ask(query, *arguments), name="question to PostgreSQL")
        self._questions.add(question)
        question.add_done_callback(self._ended)
        await asyncio.wait({question}, timeout=deadline - loop.time())
        if not question.done():
            raise TimeoutError
        return question.result()

    def _ended(self, question: "asyncio.Task[list[asyncpg.Record]]") -> None:
        self._questions.discard(question)
        self._places.release()
        if not question.cancelled():
            question.exception()  # Who asked may have left.

    async def _ask(self, query: str, *arguments: Any) -> "list[asyncpg.Record]":
        import asyncpg  # noqa: PLC0415 (see `_address`)

        async with asyncio.timeout(MAX_HELD):  # asyncpg's own limits would be for a part of it
            pool = await self._opened()
            connection = await pool.acquire()
            try:
                async with connection.transaction(readonly=True):
                    await connection.execute(_LIMITS)
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
        assert self._address  # noqa: S101 (`rows` has looked)
        async with self._opening:
            if self._pool is None:
                self._pool = await self._address.pool(
                    f"hsi-{self._name}", connections=self._connections, idle=IDLE
                )
            return self._pool

    async def aclose(self) -> None:
        """Close the connections, at once."""
        for question in self._questions:
            question.cancel()
        if self._pool is not None:
            self._pool.terminate()


def _address(url: str) -> "PostgresAddress":
    # Only a service that has a database loads asyncpg; it is a part of what a start takes.
    from hsi_service.sources.postgres_address import PostgresAddress  # noqa: PLC0415

    return PostgresAddress(url)


def _per_minute(found: "asyncpg.Record | BaseException") -> float | None:
    if isinstance(found, BaseException):
        return None
    number, seconds, goes_back = found
    total = count(number)
    if not total:
        return total
    minutes = THROUGHPUT_WINDOW if goes_back else seconds / 60
    return None if minutes < KNOWN_FOR else total / minutes
