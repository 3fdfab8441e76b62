"""No file is so long that nobody wants to open it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

MAX_LINES = 400
"""Lines that a source file may have. Tests may have more, and so may what is generated."""
TEXTS = Path("dashboard/src/texts")
"""A language's words are one file, however many they are: a translator needs no other."""


def too_long(root: Path, files: Iterable[Path]) -> Iterator[tuple[str, int]]:
    """Yield each file that is too long, and how many lines it has.

    Args:
        root: The folder that the files are relative to.
        files: Source files.

    Raises:
        OSError: One cannot be read.

    """
    for file in files:
        lines = (root / file).read_text().splitlines()
        may_be_long = "tests" in file.parts or file.parent == TEXTS
        if len(lines) > MAX_LINES and not may_be_long and not _is_generated(lines[0]):
            yield str(file), len(lines)


def _is_generated(first_line: str) -> bool:
    return "do not edit" in first_line
