"""Job logs (R20)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from hsi.schemas.base import Message, Part

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

EndStatus = Literal["completed", "failed", "cancelled"]
"""How a job ended."""

JobStatus = Literal["pending", "running"] | EndStatus
"""How a job is: what stands in its key."""


class LogData(Part):
    """One line of a job's log."""

    timestamp: Annotated[datetime, Meta(description="When it was logged (UTC).")]
    level: Annotated[LogLevel, Meta(description="How serious it is.")]
    message: Annotated[str, Meta(description="The line.")]
    context: Annotated[
        dict[str, Any] | UnsetType, Meta(description="What the job said along with it.")
    ] = UNSET


class Log(Message, tag="log"):
    """A job logged a line."""

    data: LogData


class JobEndData(Part):
    """How a job ended."""

    job_id: Annotated[str, Meta(description="The job.")]
    status: Annotated[EndStatus, Meta(description="How it ended.")]
    exit_code: Annotated[
        Annotated[int, Meta(ge=0, le=255)] | UnsetType,
        Meta(description="A command's exit status; 128+n where signal n ended it."),
    ] = UNSET


class JobEnd(Message, tag="end"):
    """A job ended: the last message of its log."""

    data: JobEndData
