"""Which modules are held to be pure."""

import pytest

from local.lint.pure import is_marked_pure, pure_modules


@pytest.mark.parametrize(
    "docstring",
    ["Cursors. Pure, no I/O.", "A log.\n\nPure: the clock is given.", "Pure.", "Why (so)? Pure."],
)
def test_a_docstring_with_a_sentence_that_begins_so_makes_a_module_pure(docstring: str) -> None:
    assert is_marked_pure(f'"""{docstring}"""\n')


@pytest.mark.parametrize(
    "source",
    [
        "",
        "# Pure.\n",
        '"""What is Pure, and what is not."""\n',
        '"""Purely for tests."""\n',
        '"""A lease."""\nclass Holding:\n    """What is known. Pure."""\n',
    ],
)
def test_another_module_is_not(source: str) -> None:
    assert not is_marked_pure(source)


def test_a_pure_package_holds_every_module_in_it() -> None:
    modules = ["hsi", "hsi.schemas", "hsi.schemas.base", "hsi.keys", "hsi.publisher", "redis"]
    assert pure_modules(modules, ["hsi"]) == {"hsi.schemas", "hsi.schemas.base", "hsi.keys"}
