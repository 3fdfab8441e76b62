"""Lines of a job's log as somebody sends them over HTTP: checked by the field. Pure, no I/O."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from hsi.joblogs.lines import log_line
from hsi.schemas import EndStatus, LogLevel
from hsi_service.publish.bodies import (
    Fault,
    InvalidBodyError,
    UnreadableBodyError,
    bounded,
    decoded,
    fault_in,
    items_of,
)

JSON, LINES_OF_JSON, TEXT = "application/json", "application/x-ndjson", "text/plain"
MAX_LINES = 1000
"""Lines of a request."""
LEVELS: tuple[LogLevel, ...] = get_args(LogLevel)


class GivenLine(Struct, forbid_unknown_fields=True):
    """A line that says more than its text."""

    message: Annotated[str, Meta(description="The line; over 16 KiB of UTF-8 it is cut.")]
    level: Annotated[
        LogLevel | UnsetType, Meta(description="How serious it is, in any case; else `?level=`.")
    ] = UNSET
    timestamp: Annotated[
        datetime | UnsetType, Meta(description="When it was logged; else now.")
    ] = UNSET
    context: Annotated[
        dict[str, Any] | UnsetType, Meta(description="Fields beside it, up to 16 KiB of JSON.")
    ] = UNSET


class GivenState(Struct, forbid_unknown_fields=True):
    """How a job is: it runs, or it has ended."""

    status: Annotated[
        Literal["running"] | EndStatus | UnsetType,
        Meta(description="`running` when it begins; else how it ended. It follows from exit_code."),
    ] = UNSET
    exit_code: Annotated[
        Annotated[int, Meta(ge=0, le=255)] | UnsetType,
        Meta(description="A command's exit status: 0 is completed, any other failed."),
    ] = UNSET

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        if self.status is UNSET and self.exit_code is UNSET:
            raise ValueError("expected `status` or `exit_code`")
        if self.status == "running" and self.exit_code is not UNSET:
            raise ValueError("a job that runs has no `exit_code`")

    @property
    def said(self) -> Literal["running"] | EndStatus:
        """The status, also where the exit status alone says it."""
        if self.status is not UNSET:
            return self.status
        return "failed" if self.exit_code else "completed"


def lines_of(body: bytes, media_type: str, *, level: LogLevel, now: datetime) -> list[bytes]:
    """Return the messages that a body's lines are, as a job's own emitter writes them.

    Args:
        body: As it was sent.
        media_type: `JSON` (a line or a list), `LINES_OF_JSON`, or `TEXT`.
        level: Of lines that do not say theirs.
        now: When those were logged that do not say so.

    Raises:
        UnreadableBodyError: It is not that.
        TooManyError: There are more than `MAX_LINES`.
        InvalidBodyError: There are none, or some cannot be lines.

    """
    if media_type == TEXT:
        given = bounded(_texts(body), most=MAX_LINES)
        return [_written(GivenLine(message=text), level, now) for text in given]
    if media_type == LINES_OF_JSON:
        items, is_list = (
            bounded([Raw(line) for line in body.split(b"\n") if line.strip()], most=MAX_LINES),
            True,
        )
    else:
        items, is_list = items_of(body, most=MAX_LINES)
    return _checked(items, level, now, is_list=is_list)


def state_of(body: bytes) -> GivenState:
    """Return the state that a body says.

    Raises:
        UnreadableBodyError: It is not JSON.
        InvalidBodyError: It says none.

    """
    said = decoded(body)
    try:
        return msgspec.convert(said, GivenState)
    except msgspec.ValidationError as error:
        raise InvalidBodyError([Fault(None, *fault_in(error))]) from error


def _texts(body: bytes) -> list[str]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise UnreadableBodyError("the body is not UTF-8") from error
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _checked(items: Iterable[Raw], level: LogLevel, now: datetime, *, is_list: bool) -> list[bytes]:
    lines, faults = [], []
    for place, item in enumerate(items):
        try:
            lines.append(_written(_line_in(bytes(item)), level, now))
        except msgspec.ValidationError as error:
            faults.append(Fault(place if is_list else None, *fault_in(error)))
        except (ValueError, RecursionError):
            faults.append(Fault(place if is_list else None, "", "is not JSON"))
        except OverflowError:
            faults.append(Fault(place if is_list else None, "timestamp", "is out of range"))
    if faults:
        raise InvalidBodyError(faults)
    return lines


def _line_in(text: bytes) -> GivenLine:
    said = msgspec.json.decode(text)
    if isinstance(said, str):
        return GivenLine(message=said)
    if isinstance(said, dict) and isinstance(said.get("level"), str):
        said["level"] = said["level"].upper()
    return msgspec.convert(said, GivenLine)


def _written(line: GivenLine, level: LogLevel, now: datetime) -> bytes:
    at = now if line.timestamp is UNSET else line.timestamp
    try:
        created = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        datetime.fromtimestamp(created, UTC)
    except (ValueError, OSError) as error:
        raise OverflowError from error
    return log_line(
        level if line.level is UNSET else line.level,
        line.message,
        {} if line.context is UNSET else line.context,
        created=created,
    )
