"""An import-linter contract: what calls itself pure reaches no I/O.

A module is pure if a sentence of its docstring begins with that word, or one of a package that it
is in. So a new one is held without being listed anywhere, and a split that brings a client for
Redis into it breaks the lint.
"""

import ast
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, pairwise
from pathlib import Path

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

_PURE = re.compile(r"(?:^|[.:)?]\s+)Pure[.,:]")
_STATEMENT = re.compile(r"(?:from|import)\s+(?P<module>[\w.]+)")


class PureContract(Contract):
    """Pure modules import none of the forbidden ones, directly or through our other modules.

    Options:
        forbidden_modules: External modules that do I/O, or wait for it.
        allowed_modules: Parts of these that do none, such as `websockets.frames`.

    """

    type_name = "pure"

    forbidden_modules = fields.SetField(subfield=fields.StringField())
    allowed_modules = fields.SetField(subfield=fields.StringField(), required=False, default=set())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 (theirs)
        """Return the shortest way from each pure module to each forbidden one.

        Args:
            graph: Of all imports; a copy of the contract's own.
            verbose: Whether to say which modules are held.

        """
        # What the fields have become once the options were read.
        forbidden_modules: set[str] = self.forbidden_modules  # type: ignore[assignment]
        allowed_modules: set[str] = self.allowed_modules  # type: ignore[assignment]
        _remove_allowed(graph, allowed_modules)
        roots = self.session_options["root_packages"]
        ways = {}
        for module in sorted(pure_modules(graph.modules, roots)):
            output.verbose_print(verbose, f"{module} is pure.")
            for forbidden in sorted(forbidden_modules & graph.modules):
                way = graph.find_shortest_chain(importer=module, imported=forbidden)
                if way:
                    ways[f"{module} -> {forbidden}"] = [
                        _arrow(graph, importer, imported) for importer, imported in pairwise(way)
                    ]
        return ContractCheck(kept=not ways, metadata=ways)

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each way, arrow by arrow."""
        for way, arrows in check.metadata.items():
            module, _, forbidden = way.partition(" -> ")
            output.print_error(f"{module} says that it is pure, and reaches {forbidden}:")
            for arrow in arrows:
                output.indent_cursor()
                output.print_error(arrow, bold=False)
            output.new_line()


def pure_modules(modules: Iterable[str], roots: Iterable[str]) -> set[str]:
    """Return the pure ones of some modules.

    Args:
        modules: Dotted names; those of other packages count as not pure.
        roots: Names of our top-level packages, which can be found, and are not run.

    """
    folders = {root: _folder(root) for root in roots}
    ours = {module for module in modules if module.partition(".")[0] in folders}
    marked = {module for module in ours if is_marked_pure(_source(module, folders))}
    return {module for module in ours if not marked.isdisjoint(_with_packages(module))}


def is_marked_pure(source: str) -> bool:
    """Return whether the docstring of a module's source says that it is pure."""
    return bool(_PURE.search(ast.get_docstring(ast.parse(source)) or ""))


def _folder(root: str) -> Path:
    spec = importlib.util.find_spec(root)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no package {root}")
    return Path(spec.origin).parent


def _source(module: str, folders: Mapping[str, Path]) -> str:
    root, *parts = module.split(".")
    path = folders[root].joinpath(*parts)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return file.read_text()


def _with_packages(module: str) -> Iterator[str]:
    return accumulate(module.split("."), "{}.{}".format)


def _remove_allowed(graph: ImportGraph, allowed: set[str]) -> None:
    """Forget the imports of allowed parts; the graph knows other packages by their first name."""
    for package in {name.partition(".")[0] for name in allowed} & graph.modules:
        for importer in graph.find_modules_that_directly_import(package):
            statements = [
                detail["line_contents"]
                for detail in graph.get_import_details(importer=importer, imported=package)
            ]
            if all(_module_of(statement) in allowed for statement in statements):
                graph.remove_import(importer=importer, imported=package)


def _module_of(statement: str) -> str:
    found = _STATEMENT.match(statement.strip())
    return found["module"] if found else ""


def _arrow(graph: ImportGraph, importer: str, imported: str) -> str:
    details = graph.get_import_details(importer=importer, imported=imported)
    lines = ", ".join(f"l.{detail['line_number']}" for detail in details)
    return f"{importer} -> {imported} ({lines})"
