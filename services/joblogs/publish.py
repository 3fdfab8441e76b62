"""`POST /api/jobs/<id>/lines` and `PUT /api/jobs/<id>`: a job's log from those who speak HTTP."""

from datetime import datetime
from typing import Annotated

from litestar import Response, post, put
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException, ValidationException
from litestar.params import FromPath, QueryParameter
from msgspec import Meta
from redis.exceptions import RedisError

from hsi.redis_client import reason_of
from hsi.schemas import JobStatus, LogLevel, channels, job_ids
from hsi.schemas.base import Count, Part, now
from hsi_service.door.http import needs
from hsi_service.publish import openapi
from hsi_service.publish.bodies import MAX_BODY
from hsi_service.publish.openapi import Body, schema_of
from hsi_service.publish.publishing import (
    HttpRequest,
    Publishing,
    are_repeated,
    cursor_of,
    refusing,
    sender_of,
    unavailable,
)
from hsi_service.skeleton.service import Service
from services.joblogs.given import (
    JSON,
    LEVELS,
    LINES_OF_JSON,
    MAX_LINES,
    TEXT,
    GivenLine,
    GivenState,
    lines_of,
    state_of,
)
from services.joblogs.runs import JobRuns, NoStateError

KEPT_LINES = 10_000
"""Lines of a job that are kept, as of its own emitter."""


class PublishedLines(Part):
    """That lines are published."""

    lines: Annotated[Count, Meta(description="How many the request has.")]
    cursor: Annotated[
        str | None,
        Meta(description="Place of the last one in the log; null where Redis no longer knows it."),
    ]


class JobRun(Part):
    """How a job is."""

    id: str
    status: JobStatus | None
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None


class JobPublishing:
    """Publishes lines and states of jobs; one per replica."""

    def __init__(self, service: Service, *, per_minute: int) -> None:
        """Connect on first use.

        Args:
            service: The replica.
            per_minute: Requests of a key; 0 is no limit.

        """
        settings = service.settings
        self._publishing = Publishing(
            settings.redis_url,
            per_minute=per_minute,
            history_length=KEPT_LINES,
            replicas=settings.wait_for_replicas,
        )
        self._runs = JobRuns(settings.redis_url, self._publishing)
        service.on_shutdown(self._publishing.aclose)
        service.on_shutdown(self._runs.aclose)

    async def add(
        self, request: HttpRequest, job_id: str, level: LogLevel
    ) -> Response[PublishedLines]:
        """Publish the lines of a request, and answer it."""
        body, media_type = await self._publishing.body_of(request, JSON, LINES_OF_JSON, TEXT)
        with refusing():
            sender = sender_of(request)
            lines = lines_of(body, media_type, level=level, now=now())
        channel = channels.job_logs(job_id)
        published = await self._publishing.publish(channel, lines, sender=sender)
        await self._runs.note(job_id)
        return Response(
            PublishedLines(lines=len(lines), cursor=cursor_of(published[-1])),
            status_code=200 if are_repeated(published) else 201,
            headers={"Location": f"../{job_id}"},  # Relative, so that it holds below a BASE_PATH.
        )

    async def put(self, request: HttpRequest, job_id: str) -> JobRun:
        """Write how a job is, and say how it is."""
        body, _ = await self._publishing.body_of(request, JSON)
        with refusing():
            given = state_of(body)
        try:
            if given.said == "running":
                state = await self._runs.begin(job_id)
            else:
                state = await self._runs.end(job_id, given.said, given.exit_code)
        except NoStateError as error:
            raise HTTPException(str(error), status_code=409) from error
        except (RedisError, OSError) as error:
            raise unavailable(f"{reason_of(error)}; ask again soon") from error
        return JobRun(
            id=job_id,
            status=state.status,
            started_at=state.started_at,
            ended_at=state.ended_at,
            exit_code=state.exit_code,
        )


_LINE = {"anyOf": [{"type": "string"}, schema_of(GivenLine)]}
_LINES = {
    JSON: Body(
        schema={"anyOf": [_LINE, {"type": "array", "maxItems": MAX_LINES, "items": _LINE}]},
        examples={
            "a line": "Processing batch 2/3",
            "lines": ["one", {"message": "two", "level": "WARNING", "context": {"batch": 2}}],
        },
    ),
    LINES_OF_JSON: Body(schema=_LINE, examples={"lines": '"one"\n{"message": "two"}\n'}),
    TEXT: Body(schema={"type": "string"}, examples={"lines": "one\ntwo\n"}),
}
_STATE = {
    JSON: Body(
        schema=schema_of(GivenState),
        examples={"it begins": {"status": "running"}, "it ended": {"exit_code": 0}},
    )
}


@post(
    "/api/jobs/{job_id:str}/lines",
    tags=["jobs"],
    opt=needs("publish"),
    request_max_body_size=MAX_BODY,
    operation_class=openapi.takes(_LINES, repeated="They were published already."),
)
async def add_lines(
    request: HttpRequest,
    job_id: FromPath[str],
    publishing: NamedDependency[JobPublishing],
    level: Annotated[
        str, QueryParameter(description="Of lines that do not say theirs: in any case of letters.")
    ] = "INFO",
) -> Response[PublishedLines]:
    """Add up to 1,000 lines to a job's log: all up to 100 at once, or none of these.

    A line is a string, or an object with `message`, and `level`, `timestamp` and `context` if it
    has more to say. In text/plain each line is one.

    Raises:
        ValidationException: The id is not one of a job, or the level is not one: 400.

    """
    known = next((one for one in LEVELS if one == level.upper()), None)
    if known is None:
        raise ValidationException(f"level: expected one of {', '.join(LEVELS)}")
    return await publishing.add(request, _checked(job_id), known)


@put(
    "/api/jobs/{job_id:str}",
    tags=["jobs"],
    opt=needs("publish"),
    operation_class=openapi.takes(_STATE, keyed=False),
)
async def put_job(
    request: HttpRequest, job_id: FromPath[str], publishing: NamedDependency[JobPublishing]
) -> JobRun:
    """Say that a job runs, or how it ended; what is so already stays, so it may be sent again.

    Raises:
        ValidationException: The id is not one of a job: 400.

    """
    return await publishing.put(request, _checked(job_id))


def _checked(job_id: str) -> str:
    try:
        return job_ids.check(job_id)
    except job_ids.InvalidJobIdError as error:
        raise ValidationException(str(error)) from error


ROUTES = [add_lines, put_job]
