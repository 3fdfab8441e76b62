"""Job logs (seed: Job Logs Channel)."""

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from shared.schemas.base import Message, Part

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


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
