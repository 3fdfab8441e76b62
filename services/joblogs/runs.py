"""A job's run as those tell it who speak HTTP: that it began, goes on, and how it ended.

What stands in Redis is what a job's own emitter writes (`hsi.joblogs`). Each may be asked for
again: a job that runs does not begin, and one that has ended does not end once more.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType
from redis.exceptions import NoPermissionError, RedisError, ResponseError, WatchError

from hsi.joblogs import job_state
from hsi.joblogs.job_state import ENDED, KEPT, JobState
from hsi.joblogs.lines import end_line
from hsi.joblogs.sender import MAX_JOBS
from hsi.logs import Throttled
from hsi.redis_client import async_client
from hsi.schemas import EndStatus, JobEnd, JobEndData, channels
from hsi.schemas.base import now
from hsi.spoilt_keys import is_wrong_type
from hsi_service.publish.publishing import Publishing, named_sender

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one question may take."""
MAX_TRIES = 20
"""Times that a state is written while others write it."""

_Change = Callable[[bytes | None], str | None]


class NoStateError(Exception):
    """A job's key holds something that is not a job's state."""


class JobRuns:
    """Writes how jobs are. Every method but `note` raises `RedisError` or `OSError`."""

    def __init__(self, redis_url: str, publishing: Publishing) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            publishing: By which the end of a log is published.

        """
        self._redis = async_client(redis_url, name="joblogs-runs", timeout=TIMEOUT)
        self._publishing = publishing
        self._trouble = Throttled(logger)

    async def begin(self, job_id: str) -> JobState:
        """Have a job run; one that runs already goes on.

        Raises:
            NoStateError: Its key holds something else.

        """
        began = now()

        def change(before: bytes | None) -> str | None:
            if job_state.parse(before).status == "running":
                return None
            return job_state.begun(before, job_id, began)

        state = await self._write(job_id, change)
        await self._list(job_id, state.started_at or began)
        return state

    async def end(self, job_id: str, status: EndStatus, exit_code: int | UnsetType) -> JobState:
        """End a job: first its log, then its state; one that has ended stays as it is.

        Raises:
            NoStateError: Its key holds something else.
            ServiceUnavailableException: Redis did not take the end of the log.

        """
        before = await self._read(job_id)
        if before.status in ENDED:
            return before
        # A second end of the same run is the same sender's, and Redis has it already.
        began = before.started_at.isoformat() if before.started_at else ""
        data = JobEndData(job_id=job_id, status=status, exit_code=exit_code)
        await self._publishing.publish(
            channels.job_logs(job_id),
            [end_line(JobEnd(data=data))],
            sender=named_sender("end", job_id, began),
        )
        at = now()

        def change(value: bytes | None) -> str | None:
            known = job_state.parse(value)
            if known.status in ENDED:
                return None
            return job_state.ended(
                value,
                job_id,
                known.started_at or at,
                status=status,
                at=at,
                exit_code=None if exit_code is UNSET else exit_code,
            )

        return await self._write(job_id, change)

    async def note(self, job_id: str) -> None:
        """Record that a job has logged: it is listed, and its state is kept for longer.

        Its lines are published by then, so a failure is told to the log alone.
        """
        try:
            await self._redis.expire(channels.job(job_id), KEPT)
            await self._list(job_id, now(), only_new=True)
        except (RedisError, OSError) as error:
            self._trouble.warning("cannot list a job that logs", reason=type(error).__name__)

    async def _read(self, job_id: str) -> JobState:
        key = channels.job(job_id)
        try:
            return _known(key, await self._redis.get(key))
        except ResponseError as error:
            raise _told(key, error) from error

    async def _write(self, job_id: str, change: _Change) -> JobState:
        key = channels.job(job_id)
        async with self._redis.pipeline(transaction=True) as commands:
            for _ in range(MAX_TRIES):
                try:
                    await commands.watch(key)
                    before: Any = await commands.get(key)
                    state = _known(key, before)
                    after = change(before)
                    if after is None:
                        await commands.unwatch()  # type: ignore[no-untyped-call]  # so it is
                        return state
                    commands.multi()  # type: ignore[no-untyped-call]  # so it is
                    commands.set(key, after, ex=KEPT)
                    await commands.execute()
                    return job_state.parse(after)
                except WatchError:
                    continue  # Somebody else was faster.
                except ResponseError as error:
                    raise _told(key, error) from error
        raise WatchError("others change the job's state all the time")

    async def _list(self, job_id: str, began: datetime, *, only_new: bool = False) -> None:
        async with self._redis.pipeline(transaction=False) as commands:
            commands.zadd(channels.JOBS, {job_id: began.timestamp()}, nx=only_new)
            commands.zremrangebyscore(channels.JOBS, job_state.NO_TIME, "+inf")
            commands.zremrangebyrank(channels.JOBS, 0, -MAX_JOBS - 1)
            listed, removed, trimmed = await commands.execute(raise_on_error=False)
        if isinstance(removed, NoPermissionError):  # Redis' user has its earlier rules.
            removed = None
        for reply in (listed, removed, trimmed):
            if isinstance(reply, Exception):
                raise reply

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _known(key: str, value: bytes | str | None) -> JobState:
    if value and job_state.is_foreign(value):
        raise NoStateError(f"the key {key} holds something that is not a job's state")
    return job_state.parse(value)


def _told(key: str, error: ResponseError) -> Exception:
    if is_wrong_type(error):
        return NoStateError(f"the key {key} holds something that is not a job's state")
    return error
