"""What this service looks at in the messages that it forwards. Pure, no I/O."""

from typing import Self, get_args

import msgspec

from hsi.schemas import LogLevel

LEVELS: tuple[str, ...] = get_args(LogLevel)
"""From the least serious to the most."""
_RANKS = {level: rank for rank, level in enumerate(LEVELS)}


class _Data(msgspec.Struct):
    level: str | None = None


class _Message(msgspec.Struct):
    type: str
    data: _Data | None = None


class _Kind(msgspec.Struct):
    type: str


_messages = msgspec.json.Decoder(_Message)
_kinds = msgspec.json.Decoder(_Kind)


def kind_of(text: str) -> str | None:
    """Return a message's type; None where only a lenient reader finds one."""
    try:
        return _kinds.decode(text).type
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None


class AtLeast(msgspec.Struct, frozen=True):
    """A filter: lines of this level and above, and whatever is not a line of a known level."""

    rank: int

    @classmethod
    def parse(cls, level: str) -> Self:
        """Return the filter of the query parameter `level`.

        Raises:
            ValueError: There is no such level.

        """
        rank = _RANKS.get(level.upper())
        if rank is None:
            raise ValueError(f"level: expected one of {', '.join(LEVELS)}")
        return cls(rank)

    def __call__(self, text: str) -> bool:
        """Tell whether a message is let through. A line is not lost to an odd level."""
        try:
            message = _messages.decode(text)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            return True
        level = message.data.level if message.type == "log" and message.data else None
        return _RANKS.get((level or "").upper(), self.rank) >= self.rank
