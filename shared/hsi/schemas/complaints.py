"""What msgspec says of a message that breaks its schema, in words for people. Pure."""

import re

from hsi.schemas.base import MAX_ID, TEXT_PATTERN
from hsi.schemas.events import ADDRESS_PATTERN

_EXPECTED = {
    ADDRESS_PATTERN: "expected http://…, https://… or a path",
    TEXT_PATTERN: "expected some text, found none",
}
_PATTERN = re.compile(r"Expected `str` matching regex (?P<pattern>.*?)(?= - at `|$)", re.DOTALL)
_ID = re.compile(r"Expected `int` (?:>= 0|<= [0-9]+)(?= - at `\$(?:\.[^`]*)?\.(?:event_)?id`)")


def explained(error: Exception) -> str:
    """Return msgspec's complaint with words in place of a pattern, and the whole range of an id."""
    text = _PATTERN.sub(lambda found: _words_for(found["pattern"]), str(error))
    return _ID.sub(f"Expected a number from 0 to {MAX_ID}", text)


def _words_for(quoted: str) -> str:
    known = (words for pattern, words in _EXPECTED.items() if repr(pattern) == quoted)
    return next(known, "Expected text of another form").replace("expected", "Expected", 1)
