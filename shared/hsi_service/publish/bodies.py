"""What a body of HTTP holds, and what is wrong with it, by the field. Pure, no I/O."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from hsi.schemas.complaints import explained

MAX_BODY = 1024 * 1024
"""Bytes of a body."""
MAX_KEY = 128
"""Characters of an idempotency key."""
_KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY}}}")
_PLACE = re.compile(r"(?P<why>.*?)(?: - at `(?P<place>[^`]*)`)?", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>[^`]+)`")


class UnreadableBodyError(ValueError):
    """A body is not what its Content-Type says; the text says what it is not."""


class TooManyError(ValueError):
    """A body has more messages than it may; the text says how many it may have."""


class BadKeyError(ValueError):
    """An idempotency key cannot be one; the text says what one may be."""


class Fault(NamedTuple):
    """What is wrong with a message."""

    place: int | None
    """In the list, from 0; None: it was no list."""
    key: str
    """The field, as `data.risk_score`; empty: the message itself."""
    message: str

    def __str__(self) -> str:
        """Return it in one line."""
        where = "" if self.place is None else f"message {self.place}: "
        return f"{where}{self.key}{': ' if self.key else ''}{self.message}"


class InvalidBodyError(ValueError):
    """Messages of a body break their schema."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Take what is wrong.

        Args:
            faults: One for each message that cannot be published.

        """
        super().__init__("; ".join(map(str, faults[:3])) + ("; …" if len(faults) > 3 else ""))  # noqa: PLR2004
        self.faults = faults


def items_of(body: bytes, *, most: int) -> tuple[list[Raw], bool]:
    """Return the messages of a body of JSON, and whether it is a list of them.

    Args:
        body: As it was sent.
        most: Messages that it may have.

    Raises:
        UnreadableBodyError: It is not JSON.
        TooManyError: It has more.
        InvalidBodyError: It has none.

    """
    whole = decoded(body)
    is_list = isinstance(whole, list)
    items = msgspec.json.decode(body, type=list[Raw]) if is_list else [Raw(body.strip())]
    return bounded(items, most=most), is_list


def bounded(items: list[Any], *, most: int) -> list[Any]:
    """Return messages, if there are some, and no more than there may be.

    Raises:
        TooManyError: There are more.
        InvalidBodyError: There are none.

    """
    if len(items) > most:
        raise TooManyError(f"expected at most {most} in a request, found {len(items)}")
    if not items:
        raise InvalidBodyError([Fault(None, "", f"expected 1 to {most}, found none")])
    return items


def decoded(text: bytes) -> Any:
    """Return what JSON says.

    Raises:
        UnreadableBodyError: It is not JSON.

    """
    try:
        text.decode()
        return msgspec.json.decode(text)
    except UnicodeDecodeError as error:
        raise UnreadableBodyError("the body is not UTF-8") from error
    except RecursionError as error:
        raise UnreadableBodyError("the body is nested too deeply") from error
    except ValueError as error:
        raise UnreadableBodyError(f"the body is not JSON: {error}") from error


def fault_in(error: Exception) -> tuple[str, str]:
    """Return the field that msgspec complains about, and its complaint.

    Args:
        error: Of msgspec, for JSON that was decoded or an object that was converted.

    """
    text = explained(error)
    match = _PLACE.fullmatch(text)
    why, place = (match["why"], match["place"] or "") if match else (text, "")
    path = place.removeprefix("$").removeprefix(".")
    for pattern, told in ((_MISSING, "is missing"), (_UNKNOWN, "is not known")):
        if found := pattern.fullmatch(why):
            path, why = f"{path}.{found['name']}".removeprefix("."), told
    return path, why[:1].lower() + why[1:]


def checked_key(values: Sequence[str]) -> str | None:
    """Return the idempotency key of a request; None: it has none.

    Args:
        values: Of the Idempotency-Key headers.

    Raises:
        BadKeyError: It cannot be one, or there are two.

    """
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise BadKeyError(
            f"Idempotency-Key: expected one, of 1 to {MAX_KEY} characters, ASCII without spaces"
        )
    return values[0]


def media_type(content_type: str) -> str:
    """Return what a Content-Type says, without its parameters."""
    return content_type.partition(";")[0].strip().lower()
