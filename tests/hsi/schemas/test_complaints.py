"""Complaints about a message, in words."""

import json
from typing import Annotated, Any

import msgspec
import pytest

from hsi.schemas.complaints import explained
from hsi.schemas.validation import InvalidMessageError, validate
from tests.clients import golden

ID_RANGE = "Expected a number from 0 to 9007199254740991"
LINK = "Expected http://…, https://… or a path"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("event_id", 10**20, ID_RANGE),
        ("event_id", 2**53, ID_RANGE),
        ("id", -4, ID_RANGE),
        ("image_url", "javascript:x", LINK),
        ("clip_url", "a`b", LINK),
        ("camera_id", "", "Expected some text, found none"),
        ("summary", " \n", "Expected some text, found none"),
        ("risk_score", -1, "Expected `int` >= 0"),
    ],
)
def test_what_breaks_its_schema_is_said_without_a_pattern_and_with_the_whole_range(
    field: str, value: Any, words: str
) -> None:
    message = json.loads(golden("event"))
    message["data"][field] = value
    with pytest.raises(InvalidMessageError) as caught:
        validate(json.dumps(message).encode())
    assert str(caught.value) == f"the message is not valid: {words} - at `$.data.{field}`"


def test_a_pattern_that_has_no_words_yet_is_not_quoted_either() -> None:
    kind = Annotated[str, msgspec.Meta(pattern="^`[a'b]")]
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(["x"], list[kind])
    assert explained(caught.value) == "Expected text of another form - at `$[0]`"
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert("x", kind)
    assert explained(caught.value) == "Expected text of another form"


def test_the_greatest_id_that_javascript_holds_is_one() -> None:
    message = json.loads(golden("event"))
    message["data"] |= {"id": 2**53 - 1, "event_id": 0}
    validate(json.dumps(message).encode())
