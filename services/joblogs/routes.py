"""The joblogs service's routes."""

from typing import Annotated

from litestar import get, websocket
from litestar.di import NamedDependency
from litestar.exceptions import (
    NotFoundException,
    ServiceUnavailableException,
    ValidationException,
)
from litestar.params import FromPath, FromQuery, QueryParameter
from redis.exceptions import RedisError

from hsi.redis_client import reason_of
from hsi.schemas import JobStatus
from hsi.schemas.job_ids import InvalidJobIdError
from hsi_service.skeleton.session import Socket
from hsi_service.skeleton.streams import serves
from services.joblogs.jobs import (
    Job,
    JobQuery,
    Jobs,
    NoSuchJobError,
    NotListedError,
    SpoiltIndexError,
)
from services.joblogs.streamer import JobLogStreamer


@websocket("/ws/jobs/{job_id:str}/logs", opt=serves("streamer"))
async def job_logs(  # noqa: PLR0917 (Litestar passes them by name)
    socket: Socket,
    job_id: FromPath[str],
    streamer: NamedDependency[JobLogStreamer],
    since: FromQuery[str | None] = None,
    tail: FromQuery[str | None] = None,
    level: FromQuery[str | None] = None,
) -> None:
    """Stream a job's log: the lines so far, those to come, and the end (R3).

    `?tail=<n>` begins with the last n lines instead of 1,000; `?since=<cursor>` goes on after a
    line that the client has; `?level=WARNING` sends this level and above.
    """
    await streamer.connect(socket, job_id, since=since, tail=tail, level=level)


@get("/api/jobs", tags=["jobs"])
async def list_jobs(
    jobs: NamedDependency[Jobs],
    limit: Annotated[int, QueryParameter(ge=1, le=1000)] = 100,
    before: FromQuery[str | None] = None,
    status: FromQuery[list[JobStatus] | None] = None,
    q: Annotated[str, QueryParameter(max_length=128)] = "",
) -> list[Job]:
    """List the jobs that began last, the youngest first; on the first page also all that run.

    `?before=<id>` goes on after that job; `?status=failed` (repeatable) and `?q=<text>` list those
    that are so, and those with this text in their id.

    Raises:
        ServiceUnavailableException: Redis does not answer, is busy with a script, or has
            something else in place of the index: 503.
        ValidationException: `before` is not in the list: 400.

    """
    query = JobQuery(limit, before, frozenset(status or ()), q)
    try:
        return await jobs.recent(query)
    except NotListedError as error:
        raise ValidationException(str(error)) from error
    except SpoiltIndexError as error:
        raise ServiceUnavailableException(str(error)) from error
    except (RedisError, OSError) as error:
        raise _unanswered(error) from error


@get("/api/jobs/{job_id:str}", tags=["jobs"])
async def find_job(jobs: NamedDependency[Jobs], job_id: FromPath[str]) -> Job:
    """Return a job, as the list does: while its state or its log is kept.

    Raises:
        NotFoundException: There is none: it never was, or it is gone: 404.
        ValidationException: The id is not one of a job: 400.
        ServiceUnavailableException: Redis does not answer, or is busy with a script: 503.

    """
    try:
        return await jobs.find(job_id)
    except NoSuchJobError as error:
        raise NotFoundException(str(error)) from error
    except InvalidJobIdError as error:
        raise ValidationException(str(error)) from error
    except (RedisError, OSError) as error:
        raise _unanswered(error) from error


def _unanswered(error: Exception) -> ServiceUnavailableException:
    return ServiceUnavailableException(f"{reason_of(error)}; ask again soon")
