"""A retired name stands nowhere, and a retired phrase in fewer and fewer places."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from local.words import BASELINE, ROOT, STYLE, Word, check, find, read_words

TABLES = """# Style

### Names

| retired | write | pattern |
| --- | --- | --- |
| Gizmo, gizmo.py | Gadget | `\\bGizmo\\b\\|gizmo\\.py` |

### Phrases

| retired | write | pattern |
| --- | --- | --- |
| by and by | later | `\\bby and by\\b` |
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607
    write(tmp_path, STYLE, TABLES)
    write(tmp_path, BASELINE, "{}")
    return tmp_path


def write(repository: Path, path: str, text: str | bytes) -> None:
    file = repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    subprocess.run(["git", "add", path], cwd=repository, check=True)  # noqa: S607


def baseline_of(repository: Path) -> object:
    return json.loads((repository / BASELINE).read_text())


def test_a_retired_name_is_found_wherever_it_stands(repository: Path) -> None:
    write(repository, "code.py", "first = 1\nclass Gizmo: ...\n")
    write(repository, "notes/deploy.yaml", "# See gizmo.py.\n")
    assert check(repository) == [
        "code.py:2: 'Gizmo'; write: Gadget",
        "notes/deploy.yaml:1: 'gizmo.py'; write: Gadget",
    ]


def test_a_name_that_only_looks_like_it_is_another(repository: Path) -> None:
    write(repository, "code.py", "class GizmoLike: ...\n")
    assert check(repository) == []


def test_the_changelog_and_what_is_not_committed_may_hold_any_word(repository: Path) -> None:
    write(repository, "CHANGELOG.md", "Gizmo is called Gadget, by and by.\n")
    (repository / "untracked.py").write_text("Gizmo\n")
    assert check(repository) == []


def test_what_is_no_text_and_what_was_deleted_stop_nothing(repository: Path) -> None:
    write(repository, "picture.png", b"\x89PNG\xff Gizmo")
    write(repository, "gone.py", "Gizmo\n")
    (repository / "gone.py").unlink()
    assert check(repository) == []


def test_a_new_phrase_is_shown_with_its_place(repository: Path) -> None:
    write(repository, "notes.md", "It ends\nby and by.\n")
    assert check(repository) == [
        "notes.md:2: 'by and by'; write: later",
        "notes.md: 1 retired phrases, where 0 are left",
    ]


def test_a_phrase_is_found_across_the_lines_of_a_comment(repository: Path) -> None:
    write(repository, "code.py", "# It ends by and\n# by.\n")
    assert check(repository)[0] == "code.py:2: 'by and # by'; write: later"


def test_a_phrase_may_stay_where_it_was_and_nowhere_else(repository: Path) -> None:
    write(repository, "old.md", "by and by\n")
    write(repository, BASELINE, '{"old.md": 1}')
    assert check(repository) == []
    write(repository, "new.md", "by and by\n")
    assert check(repository)[-1] == "new.md: 1 retired phrases, where 0 are left"


def test_a_count_that_fell_has_to_be_written_down_and_cannot_rise_again(repository: Path) -> None:
    write(repository, BASELINE, '{"old.md": 2}')
    write(repository, "old.md", "by and by\n")
    assert check(repository) == [
        f"old.md: fewer than in {BASELINE}; run python -m local.words update"
    ]
    assert check(repository, update=True) == []
    assert baseline_of(repository) == {"old.md": 1}
    write(repository, "old.md", "by and by, by and by\n")
    assert check(repository, update=True) != []
    assert baseline_of(repository) == {"old.md": 1}


def test_a_file_that_moves_takes_its_count_along(repository: Path) -> None:
    write(repository, BASELINE, '{"old.md": 1}')
    write(repository, "moved/old.md", "by and by\n")
    assert check(repository, update=True) == []
    assert baseline_of(repository) == {"moved/old.md": 1}


def test_a_style_without_its_tables_is_an_error(repository: Path) -> None:
    write(repository, STYLE, "# Style\n")
    with pytest.raises(ValueError, match="no table of Names"):
        check(repository)


def ours() -> list[Word]:
    style = (ROOT / STYLE).read_text()
    return [word for heading in ("Names", "Phrases") for word in read_words(style, heading)]


@pytest.mark.parametrize("word", ours(), ids=lambda word: word.retired)
def test_each_pattern_finds_its_words_and_not_what_replaces_them(word: Word) -> None:
    """Each example of the first column, as it would stand in a sentence."""
    for example in re.split(r", ", word.retired):
        assert list(find("text", f"Then it {example} by itself.", [word])), example
    assert not list(find("text", f"Then it {word.instead} by itself.", [word]))
