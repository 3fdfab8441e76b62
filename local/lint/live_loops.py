"""No coroutine goes through a live container and awaits on the way. Pure: the sources are given.

While it waits, others add to the container and take from it: the loop then raises, or passes by
what came. So it goes through a copy: `for peer in tuple(self.clients)`.
"""

import ast
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_VIEWS = frozenset({"values", "items", "keys"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_WAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield)


class Finding(NamedTuple):
    """A loop that awaits while it goes through a live container."""

    module: str
    line: int
    container: str
    """As the source has it."""

    def __str__(self) -> str:
        return (
            f"{self.module}, line {self.line}: {self.container} may change while this loop awaits; "
            f"go through tuple({self.container})"
        )


def findings(trees: Mapping[str, ast.Module]) -> list[Finding]:
    """Return what is found, in order.

    Args:
        trees: Every module by its dotted name.

    """
    return sorted(
        Finding(module, container.lineno, ast.unparse(container))
        for module, tree in trees.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.AsyncFunctionDef)
        for container in _loops(function)
        if _is_live(container)
    )


def _loops(function: ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    """Yield what the loops that await go through."""
    for node in _own(*function.body):
        match node:
            case ast.For(iter=container, body=body) | ast.AsyncFor(iter=container, body=body):
                if _waits(*body) or isinstance(node, ast.AsyncFor):
                    yield container
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                first, *others = node.generators
                inside = [part for part in ast.iter_child_nodes(node) if part is not first]
                if _waits(*inside, *first.ifs) or any(each.is_async for each in node.generators):
                    yield from (each.iter for each in (first, *others))


def _waits(*nodes: ast.AST) -> bool:
    return any(
        isinstance(node, _WAITS) or (isinstance(node, ast.comprehension) and node.is_async)
        for node in _own(*nodes)
    )


def _own(*nodes: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below, without those of functions inside, which run another time."""
    for node in nodes:
        if isinstance(node, _FUNCTIONS):
            continue
        yield node
        yield from _own(*ast.iter_child_nodes(node))


def _is_live(container: ast.expr) -> bool:
    """Return whether an expression is an attribute, or a view of one: `self.a.items()`."""
    match container:
        case ast.Call(func=ast.Attribute(value=viewed, attr=view), args=[]) if view in _VIEWS:
            return _is_live(viewed)
        case ast.Attribute():
            return True
        case _:
            return False
