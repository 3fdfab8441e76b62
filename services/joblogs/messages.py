"""Which lines of a job's log a client wants. Pure, no I/O."""

from typing import Self, get_args

import msgspec

from hsi.schemas import Log, LogLevel
from hsi_service.bus.intake import Message, examined

LEVELS: tuple[str, ...] = get_args(LogLevel)
"""From the least serious to the most."""
_RANKS = {level: rank for rank, level in enumerate(LEVELS)}


class _Data(msgspec.Struct):
    level: str | None = None


class _Line(msgspec.Struct):
    data: _Data | None = None


_lines = msgspec.json.Decoder(_Line)


class AtLeast(msgspec.Struct, frozen=True):
    """A filter: lines of this level and above, and any message that is not a line of one."""

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

    def __call__(self, message: Message) -> bool:
        """Return whether a message passes. A line with an odd level does."""
        message = examined(message)
        if message.type != "log":
            return True
        level = message.body.data.level if isinstance(message.body, Log) else _level(message.text)
        return _RANKS.get((level or "").upper(), self.rank) >= self.rank


def _level(text: str) -> str | None:
    """Return the level of a line that breaks its schema in another way."""
    try:
        line = _lines.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    return line.data.level if line.data else None
