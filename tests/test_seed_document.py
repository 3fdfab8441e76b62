"""docs/seed.md names only files, names and tests that exist, and the code only its numbers."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENT = "docs/seed.md"
CODE = ("shared", "services", "local", "deploy", "dashboard")
SOURCES = {".py", ".lua", ".ts", ".tsx", ".css", ".yaml"}
_ROW = re.compile(r"^\| (R\d+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
_REFERENCE = re.compile(r"\bR\d+\b")
_CODE = re.compile(r"`([^`]+)`")


class Requirement(NamedTuple):
    """A row of the document."""

    number: str
    where: list[str]
    """`path` or `path:name`."""
    tests: list[str]
    """`path::name`."""


def requirements() -> list[Requirement]:
    rows = _ROW.findall((ROOT / DOCUMENT).read_text())
    return [
        Requirement(number, _CODE.findall(where), _CODE.findall(tests))
        for number, _, where, tests in rows
    ]


def sources() -> Iterator[Path]:
    """Yield the code that may refer to a requirement, made files and packages of others aside."""
    for folder in CODE:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SOURCES and not {"node_modules", "dist"} & set(path.parts):
                yield path


@cache
def names_in(path: str) -> frozenset[str]:
    """Return what a file defines: functions, classes, constants, and `Class.member`."""
    text = (ROOT / path).read_text()
    if not path.endswith(".py"):
        found = re.findall(r"\b(?:function|const|class|interface|type) (\w+)", text)
        return frozenset(found)
    return frozenset(_names(ast.parse(text).body))


def _names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from _names(node.body, f"{prefix}{name}.")
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
            case ast.Assign(targets=targets):
                yield from (prefix + each.id for each in targets if isinstance(each, ast.Name))


def exists(path: str, name: str) -> bool:
    """Return whether a file is there, and defines a name or has a test of that title."""
    file = ROOT / path
    if not file.is_file():
        return False
    if not name:
        return True
    if path.endswith((".test.ts", ".test.tsx")):
        return f'test("{name}"' in file.read_text()
    return name in names_in(path)


@pytest.mark.parametrize("requirement", requirements(), ids=lambda each: each.number)
def test_every_file_name_and_test_of_a_requirement_exists(requirement: Requirement) -> None:
    assert requirement.where
    assert requirement.tests
    for place in requirement.where:
        path, _, name = place.partition(":")
        assert exists(path, name), place
    for test in requirement.tests:
        path, _, name = test.partition("::")
        assert name, test
        assert exists(path, name), test


def test_requirements_are_numbered_from_one_without_a_gap() -> None:
    numbers = [each.number for each in requirements()]
    assert numbers
    assert numbers == [f"R{number}" for number in range(1, len(numbers) + 1)]


def used() -> set[str]:
    return {number for path in sources() for number in _REFERENCE.findall(path.read_text())}


def test_every_number_in_the_code_and_in_the_document_is_a_requirement() -> None:
    known = {each.number for each in requirements()}
    assert set(_REFERENCE.findall((ROOT / DOCUMENT).read_text())) == known
    assert not used() - known


def test_every_requirement_is_referred_to_where_it_is_implemented() -> None:
    assert {each.number for each in requirements()} - used() == set()
