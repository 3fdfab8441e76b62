"""Which jobs there are, and how they are: few round trips, however many jobs there are or ask."""

import itertools
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, NamedTuple

from msgspec import DecodeError, Meta, Struct
from msgspec.json import Decoder
from redis.asyncio.client import Pipeline
from redis.exceptions import ResponseError

from hsi.joblogs import job_state
from hsi.joblogs.job_state import ENDED, JobState
from hsi.redis_client import async_client
from hsi.schemas import JobStatus, channels, job_ids
from hsi.schemas.base import Count, Part
from hsi.schemas.moments import moment_of
from hsi.spoilt_keys import SpoiltKeys, is_wrong_type
from hsi_service.shared_answers import SharedAnswers

logger = logging.getLogger(__name__)

TIMEOUT = 3.0
"""Seconds that one read may take."""
MAX_JOBS = 1000
"""Jobs of the index that are looked at, those that began last; it has no more."""
MAX_LOOKED_AT = 10 * MAX_JOBS
"""Members of the index that are looked at for them: somebody may have added what is no job."""
KEPT = 1.0
"""Seconds for which all who ask are told of the same look at the index."""
_RUNNING: frozenset[JobStatus] = frozenset(("running",))
_MAX_DIGITS = 9  # A log with more lines is not one: somebody has written into its counter.


class Job(Part):
    """A job, for a list of them."""

    id: Annotated[str, Meta(description="The job.")]
    status: Annotated[
        JobStatus | None, Meta(description="How it is; null where nobody says or it is forgotten.")
    ]
    started_at: Annotated[datetime | None, Meta(description="When it began (UTC).")]
    ended_at: Annotated[datetime | None, Meta(description="When it ended (UTC).")]
    lines: Annotated[
        Count | None,
        Meta(
            description="Lines of its log so far, also those no longer kept; null once it is gone."
        ),
    ]
    last_said_at: Annotated[
        datetime | None,
        Meta(
            description="When it last said something (UTC), by Redis' clock: the last message of "
            "its log, its end among them; null where none is kept. One that runs and has said "
            "nothing for long may have died."
        ),
    ] = None


class JobQuery(NamedTuple):
    """Which jobs somebody asks for, the youngest first."""

    limit: int = 100
    """How many."""
    before: str | None = None
    """Those that began before this job; None: from the youngest on, and also all that run."""
    statuses: frozenset[JobStatus] = frozenset()
    """Those that are so; none: all."""
    text: str = ""
    """Those with this text in their id, in any case."""


ALL = JobQuery()
"""The jobs that began last."""


class _Look:
    """What the index and the states of its jobs were at one moment; read further as it is asked."""

    def __init__(self, began: dict[str, float], states: Sequence[bytes | str | None]) -> None:
        self.began = began
        """When each job began, the youngest first."""
        self.values = dict(zip(began, states, strict=True))
        """Their states, as they are kept."""
        self.states: dict[str, JobState] = {}
        """The same, of those that were looked at."""
        self.jobs: dict[str, Job] = {}
        """Those that somebody has asked for."""


class SpoiltIndexError(Exception):
    """The index of jobs is not one; the text says so."""


class NotListedError(Exception):
    """The job that a list is to go on after is not in the index; the text says so."""


class NoSuchJobError(Exception):
    """Nothing is kept of a job; the text says whether it ever was."""


class _Kind(Struct):
    """What is looked at of a log's last message."""

    type: str


_kinds = Decoder(_Kind)


class _Log(NamedTuple):
    """What is counted of a log: how many messages it has had, and its last one."""

    number: bytes | None
    last: bytes | None
    said_at: datetime | None
    """When Redis took that one."""

    @property
    def is_there(self) -> bool:
        """Whether anything of it is kept."""
        return self.number is not None or self.last is not None

    def lines(self, state: JobState) -> int | None:
        """Return how many lines it has had: each run's end is a message, and no line.

        Args:
            state: Of its job. It counts the ends, where the job's runs were an emitter's; else the
                last message is looked at.

        """
        count = _count(self.number)
        if not count:
            return count
        ends = state.ends or 0
        if not (ends and state.status in ENDED):  # Else the last end is counted already.
            ends += self._is_end()
        return max(0, count - ends)

    def _is_end(self) -> bool:
        try:
            return self.last is not None and _kinds.decode(self.last).type == "end"
        except (DecodeError, RecursionError):  # Somebody has appended it by hand.
            return False


class Jobs:
    """Reads jobs. Every method raises `RedisError` or `OSError` when Redis does not answer.

    What somebody else wrote there and is none of ours is no fault: it counts as not known.
    """

    def __init__(self, redis_url: str, *, name: str, kept: float = KEPT) -> None:
        """Connect on first use.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            name: Of the service, for people who look at Redis.
            kept: Seconds for which all who ask are told the same.

        """
        self._redis = async_client(redis_url, name=f"{name}-jobs", timeout=TIMEOUT, read_only=True)
        self._spoilt = SpoiltKeys(logger)
        self._looks: SharedAnswers[None, _Look] = SharedAnswers(kept=kept)
        self._lists: SharedAnswers[JobQuery, list[Job]] = SharedAnswers()
        self._found: SharedAnswers[str, Job] = SharedAnswers(kept=kept)

    async def recent(self, query: JobQuery = ALL) -> list[Job]:
        """Return the jobs that are asked for, youngest first.

        On the first page also those that run and are older. Up to a second old: one look at the
        index is for all who ask. Each takes what it asks for.

        Raises:
            NotListedError: The job to go on after is not in the index.
            SpoiltIndexError: Nobody can tell: something else has the name of the index.

        """
        return await self._lists.ask(query, partial(self._list, query))

    async def _list(self, query: JobQuery) -> list[Job]:
        look = await self._looks.ask(None, self._look)
        listed = list(self._matching(look, query))
        missing = [job_id for job_id in listed if job_id not in look.jobs]
        if missing:
            for job_id, log in zip(missing, await self._logs(missing), strict=True):
                state = self._state_in(look, job_id)
                look.jobs[job_id] = _job(job_id, state, look.began[job_id], log)
        return [look.jobs[job_id] for job_id in listed]

    def _matching(self, look: _Look, query: JobQuery) -> list[str]:
        """Return the ids that are asked for; of no more jobs than needed is the state looked at."""
        ids = list(look.began)
        if query.before is not None:
            if query.before not in look.began:
                raise NotListedError(f"before: no job {query.before} is listed here")
            ids = ids[ids.index(query.before) + 1 :]
        if text := query.text.casefold():
            ids = [job_id for job_id in ids if text in job_id.casefold()]
        wanted = query.statuses
        fitting = (job_id for job_id in ids if not wanted or self._is(look, job_id, wanted))
        listed = list(itertools.islice(fitting, query.limit))
        if query.before is None and (not wanted or wanted & _RUNNING):
            first = frozenset(listed)
            others = (job_id for job_id in ids if job_id not in first)
            listed += [job_id for job_id in others if self._is(look, job_id, _RUNNING)]
        return listed

    def _is(self, look: _Look, job_id: str, statuses: frozenset[JobStatus]) -> bool:
        value = look.values[job_id]
        may_be = any(_may_be(value, status) for status in statuses)
        return may_be and self._state_in(look, job_id).status in statuses

    def _state_in(self, look: _Look, job_id: str) -> JobState:
        if job_id not in look.states:
            look.states[job_id] = self._state(job_id, look.values[job_id])
        return look.states[job_id]

    async def find(self, job_id: str) -> Job:
        """Return a job, up to a second old.

        Raises:
            InvalidJobIdError: It is no job id.
            NoSuchJobError: Nothing is kept of it.

        """
        return await self._found.ask(job_ids.check(job_id), partial(self._find, job_id))

    async def _find(self, job_id: str) -> Job:
        key = channels.job(job_id)
        async with self._redis.pipeline(transaction=False) as commands:
            commands.get(key)
            self._ask_about_logs(commands, [job_id])
            value, *logs = await commands.execute(raise_on_error=False)
        is_there = value is not None  # Also where it is of another type.
        if is_wrong_type(value):
            self._spoilt.found(key, "expected a job's state, a string")
            value = None
        if isinstance(value, Exception):
            raise value
        (log,) = _logs_of(logs)
        state = self._state(job_id, value)
        if is_there and state.started_at is not None:
            return _job(job_id, state, None, log)
        try:
            began = (await self._looks.ask(None, self._look)).began.get(job_id)
        except SpoiltIndexError:
            began = None
        if not (is_there or log.is_there):
            raise NoSuchJobError(_why_not(job_id, was=began is not None))
        return _job(job_id, state, began, log)

    async def _logs(self, jobs: Sequence[str]) -> list["_Log"]:
        """Return what is counted of each job's log, in one round trip."""
        async with self._redis.pipeline(transaction=False) as commands:
            self._ask_about_logs(commands, jobs)
            return _logs_of(await commands.execute(raise_on_error=False))

    @staticmethod
    def _ask_about_logs(commands: Pipeline, jobs: Sequence[str]) -> None:
        logs = [channels.job_logs(job_id) for job_id in jobs]
        commands.mget(list(map(channels.number, logs)))
        for log in logs:
            commands.xrevrange(channels.history(log), count=1)

    async def _look(self) -> _Look:
        began: dict[str, float] = {}
        foreign = 0
        try:
            for start in range(0, MAX_LOOKED_AT, MAX_JOBS):
                found: Any = await self._redis.zrevrange(
                    channels.JOBS, start, start + MAX_JOBS - 1, withscores=True
                )
                for name, score in found:
                    if job_id := _job_id(name):
                        began.setdefault(job_id, score)
                    else:
                        foreign += 1
                if len(began) >= MAX_JOBS or len(found) < MAX_JOBS:
                    break
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            self._spoilt.found(channels.JOBS, "expected a sorted set; jobs cannot be listed")
            raise SpoiltIndexError(
                f"the key {channels.JOBS} in Redis is not the sorted set of jobs: "
                "delete it, or rename it"
            ) from None
        if foreign:
            self._spoilt.found(
                channels.JOBS, "some members of the index are no job ids, and are passed over"
            )
        began = dict(itertools.islice(began.items(), MAX_JOBS))
        states = await self._redis.mget(list(map(channels.job, began))) if began else []
        return _Look(began, states)

    async def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """Return how each of these jobs is, in one round trip.

        Args:
            jobs: Their ids, which must not change meanwhile: no view of a dict.

        Raises:
            InvalidJobIdError: One is no job id.

        """
        if not jobs:
            return {}
        values = await self._redis.mget([channels.job(job_id) for job_id in jobs])
        return {
            job_id: self._state(job_id, value) for job_id, value in zip(jobs, values, strict=True)
        }

    def _state(self, job_id: str, value: bytes | str | None) -> JobState:
        if value is not None and job_state.is_foreign(value):
            self._spoilt.found(channels.job(job_id), "expected a job's state, as JSON")
        return job_state.parse(value)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _logs_of(replies: Sequence[Any]) -> list[_Log]:
    """Return what Redis answers about logs; one that is not a log is empty.

    Raises:
        RedisError: It does not answer.

    """
    numbers, *lasts = ([] if is_wrong_type(reply) else reply for reply in replies)
    for reply in (numbers, *lasts):
        if isinstance(reply, Exception):
            raise reply
    return [
        _Log(number, last[0][1].get(b"m"), _arrival(last[0][0]))
        if last
        else _Log(number, None, None)
        for number, last in zip(numbers, lasts, strict=True)
    ]


def _job(job_id: str, state: JobState, began: float | None, log: _Log) -> Job:
    return Job(
        id=job_id,
        status=state.status,
        started_at=state.started_at or (None if began is None else moment_of(began)),
        ended_at=state.ended_at,
        lines=log.lines(state),
        last_said_at=log.said_at,
    )


def _why_not(job_id: str, *, was: bool) -> str:
    if was:
        return f"job {job_id} is gone: its state and its log are kept for an hour"
    return f"no job {job_id} is known here: it has not begun, or it is over for long"


def _may_be(value: bytes | str | None, status: JobStatus) -> bool:
    """Return whether it is worth while to parse a state for whether the job is so."""
    # JSON may spell any word with backslashes, and be UTF-16.
    return isinstance(value, bytes) and (
        status.encode() in value or b"\\" in value or b"\0" in value
    )


def _job_id(name: bytes) -> str | None:
    try:
        return job_ids.check(name.decode())
    except ValueError:  # Not UTF-8, or no job id.
        return None


def _arrival(entry_id: bytes) -> datetime | None:
    return moment_of(int(entry_id.partition(b"-")[0]) / 1000)


def _count(number: bytes | str | None) -> int | None:
    ours = number is not None and number.isdigit() and len(number) <= _MAX_DIGITS
    return int(number) if number is not None and ours else None
