"""`python -m local.words`: finds retired words in everything that is committed.

docs/style.md has the words, in two tables. A retired name may stand nowhere. A retired phrase may
stand where it stood when it was retired: the baseline has a count for each file, and counts only
fall. `python -m local.words update` writes the counts of now, if their sum has not grown.
"""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
STYLE = "docs/style.md"
BASELINE = "local/words-baseline.json"
EXEMPT = (STYLE, BASELINE, "CHANGELOG.md", "bench/results/")
"""Paths that may hold any word, or begin one that may."""
_CELL = re.compile(r"(?<!\\)\|")
_BREAK = r"[\\s#/*]+"


class Word(NamedTuple):
    """A retired word."""

    retired: str
    """As a person would write it."""
    instead: str
    pattern: re.Pattern[str]


class Find(NamedTuple):
    """A place where a retired word stands."""

    path: str
    line: int
    text: str
    instead: str

    def __str__(self) -> str:
        """Return it as a compiler would say it."""
        return f"{self.path}:{self.line}: {self.text!r}; write: {self.instead}"


def read_words(style: str, heading: str) -> list[Word]:
    """Return the words of a table in docs/style.md.

    Args:
        style: The document.
        heading: Of the section that has the table.

    Raises:
        ValueError: There is no such section, or it has no table.

    """
    _, found, section = style.partition(f"\n### {heading}\n")
    rows = [line for line in section.partition("\n#")[0].splitlines() if line.startswith("|")]
    if not found or not rows[2:]:
        raise ValueError(f"{STYLE} has no table of {heading}")
    return [_word(row) for row in rows[2:]]


def _word(row: str) -> Word:
    retired, instead, pattern = (cell.strip() for cell in _CELL.split(row.strip("|")))
    expression = pattern.strip("`").replace(r"\|", "|")
    return Word(retired, instead, re.compile(re.sub(" ", _BREAK, expression)))


def find(path: str, text: str, words: Sequence[Word]) -> Iterator[Find]:
    """Yield every place in a text where one of these words stands."""
    for word in words:
        for match in word.pattern.finditer(text):
            line = text.count("\n", 0, match.end()) + 1
            yield Find(path, line, " ".join(match[0].split()), word.instead)


def committed(root: Path) -> Iterator[tuple[str, str]]:
    """Yield path and text of each tracked text file that is not exempt."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 (whichever git there is)
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    for path in filter(None, listing.stdout.split("\0")):
        file = root / path
        if path.startswith(EXEMPT) or not file.is_file():
            continue
        try:
            yield path, file.read_text()
        except UnicodeDecodeError:
            continue  # A picture has no words.


def complaints(phrases: Sequence[Find], baseline: Mapping[str, int]) -> list[str]:
    """Return how the phrases that were found differ from those that the baseline allows."""
    counts = Counter(place.path for place in phrases)
    lines = []
    for path in sorted(counts.keys() | baseline.keys()):
        count, allowed = counts[path], baseline.get(path, 0)
        if count > allowed:
            lines += [str(place) for place in phrases if place.path == path]
            lines.append(f"{path}: {count} retired phrases, where {allowed} are left")
        elif count < allowed:
            lines.append(f"{path}: fewer than in {BASELINE}; run python -m local.words update")
    return lines


def check(root: Path, *, update: bool = False) -> list[str]:
    """Return everything that is wrong with the words of a repository.

    Args:
        root: Its folder.
        update: Write the counts of now into the baseline first, unless their sum has grown.

    """
    style = (root / STYLE).read_text()
    tables = [read_words(style, heading) for heading in ("Names", "Phrases")]
    names, phrases = (
        [place for path, text in committed(root) for place in find(path, text, words)]
        for words in tables
    )
    file = root / BASELINE
    baseline: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    if update and (not file.exists() or len(phrases) <= sum(baseline.values())):
        baseline = dict(sorted(Counter(place.path for place in phrases).items()))
        file.write_text(json.dumps(baseline, indent=2) + "\n")
    return [*map(str, names), *complaints(phrases, baseline)]


def main() -> None:
    """Say what is wrong, and exit with status 1 if anything is."""
    lines = check(ROOT, update=sys.argv[1:] == ["update"])
    print(*lines, sep="\n", end="\n" if lines else "")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
