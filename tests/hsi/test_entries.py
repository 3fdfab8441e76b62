"""`import hsi` offers what it says, and costs nothing before it is used."""

import subprocess
import sys

import pytest

import hsi


def loaded(program: str, *modules: str) -> str:
    """Return which of these modules a program of one line has imported, as text."""
    program += f"\nimport sys\nprint(sorted(set(sys.modules) & {set(modules)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_importing_it_imports_nothing_else() -> None:
    assert loaded("import hsi", "asyncio", "redis", "msgspec", "websockets", "click") == "[]"


def test_none_of_its_entries_needs_an_extra() -> None:
    assert loaded("from hsi import *", "redis", "websockets", "click") == "['redis']"


def test_all_that_it_lists_is_there() -> None:
    assert sorted(hsi.__all__) == sorted(set(hsi.__all__) & set(dir(hsi)))
    for name in hsi.__all__:
        assert getattr(hsi, name).__module__.startswith("hsi.")
        assert getattr(hsi, name).__doc__


def test_any_other_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="module 'hsi' has no attribute 'Publish'"):
        hsi.Publish  # type: ignore[attr-defined]  # noqa: B018
