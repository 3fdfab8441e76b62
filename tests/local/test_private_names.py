"""Which underscore names are another package's."""

import ast

import pytest

from local.lint.private_names import findings

PACKAGES = frozenset({"one", "two"})
BASE = "class Base:\n    _limit = 1\n    def _ask(self): ...\n    def ask(self): self._left = 1\n"


def found(source: str, *, module: str = "two.user") -> list[str]:
    sources = {"one.base": BASE, "two": "", "one": "", module: source}
    trees = {name: ast.parse(text) for name, text in sources.items()}
    return [finding.name for finding in findings(trees, PACKAGES)]


@pytest.mark.parametrize(
    "statement",
    [
        "from one.base import _helper",
        "from one._hidden import helper",
        "import one._hidden",
        "from somebody._else import helper",
    ],
)
def test_a_private_import_is_found(statement: str) -> None:
    (name,) = found(statement)
    assert "._" in name


@pytest.mark.parametrize("statement", ["from one.base import _helper", "from one import _hidden"])
def test_inside_its_package_a_private_name_may_be_imported(statement: str) -> None:
    assert found(statement, module="one.user") == []


@pytest.mark.parametrize(
    "statement",
    [
        "from one.base import helper",
        "from one import __version__",
        "from __future__ import annotations",
        "from uvicorn._types import Scope",
    ],
)
def test_a_public_import_is_none_of_its_business(statement: str) -> None:
    assert found(statement) == []


@pytest.mark.parametrize(
    ("body", "private"),
    [
        ("def go(self): self._ask()", "_ask"),
        ("def go(self): return self._limit", "_limit"),
        ("def go(self): return self._left", "_left"),
        ("def _ask(self): ...", "_ask"),
        ("def go(self): self._left = 2", "_left"),
        ("_limit = 2", "_limit"),
    ],
)
def test_an_inherited_private_name_is_neither_used_nor_overridden(body: str, private: str) -> None:
    source = f"from one.base import Base\nclass User(Base):\n    {body}\n"
    assert found(source) == [f"one.base.Base.{private}"]
    further = f"{source}class Further(User):\n    def on(self): self._own = self.ask()\n"
    assert found(further) == [f"one.base.Base.{private}"]


def test_an_abstract_name_is_there_to_be_defined() -> None:
    base = "class Base:\n    @abstractmethod\n    def _ask(self): ...\n"
    user = "from one.base import Base\nclass User(Base):\n    def _ask(self): ...\n"
    trees = {"one.base": ast.parse(base), "two.user": ast.parse(user)}
    assert findings(trees, PACKAGES) == []


def test_a_base_of_the_same_package_may_be_reached_into() -> None:
    source = "from one.base import Base\nclass User(Base):\n    def go(self): self._ask()\n"
    assert found(source, module="one.user") == []


def test_what_is_found_says_where() -> None:
    trees = {"one.base": ast.parse(BASE), "two.user": ast.parse("\nfrom one.base import _ask\n")}
    (finding,) = findings(trees, PACKAGES)
    assert str(finding) == "two.user, line 2: one.base._ask is private to another package"
