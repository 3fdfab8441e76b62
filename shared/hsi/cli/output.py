"""A program's output, cut into lines. Pure, no I/O."""

from collections.abc import Iterator
from typing import NamedTuple

from hsi.joblogs.lines import MAX_LINE


class OutputLine(NamedTuple):
    """A line of a program's output."""

    text: str
    """The line, or its beginning; bytes that are not UTF-8 are replaced."""
    size: int
    """Bytes of the whole line."""


class OutputLines:
    r"""Cuts output into lines, wherever its parts begin and end, in bounded memory.

    Of a line that is written over with `\r`, as progress bars do, the last version counts.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        """The beginning of the line that is not complete."""
        self._size = 0
        self._returned = False
        r"""True if the line ends with `\r`: the next output writes it over, unless that ends it."""

    def feed(self, data: bytes) -> Iterator[OutputLine]:
        """Take some output; yield the lines that it completes."""
        *complete, rest = data.split(b"\n")
        for part in complete:
            self._add(part)
            yield from self.current()
            self._clear()
        self._add(rest)

    def end(self) -> Iterator[OutputLine]:
        """Yield the last line, if no end of line came."""
        if self._size:
            yield from self.current()
            self._clear()

    def current(self) -> Iterator[OutputLine]:
        """Yield the line that is not complete, as it stands."""
        yield OutputLine(self._line.decode(errors="replace"), self._size)

    @property
    def is_written_over(self) -> bool:
        r"""Return whether the incomplete line ends with `\r`, to be written over."""
        return self._returned

    def _add(self, part: bytes) -> None:
        if not part:
            return
        body = part.rstrip(b"\r")
        overwriting = b"\r" in body or (self._returned and body)
        if overwriting:
            self._clear()
            body = body[body.rfind(b"\r") + 1 :]
        self._line += body[: max(0, MAX_LINE - self._size)]
        self._size += len(body)
        self._returned = part.endswith(b"\r")

    def _clear(self) -> None:
        self._line.clear()
        self._size, self._returned = 0, False
