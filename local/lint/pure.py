"""A contract for import-linter: a module whose docstring says "Pure" does no I/O and keeps no loop.

So the docstring cannot lie, and a new pure module is held to it without being listed.
"""

import ast
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

_PURE = re.compile(r"\bPure\b")


class PureContract(Contract):
    """No pure module imports a forbidden one, directly or through other modules."""

    type_name = "pure"

    forbidden_modules = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001
        """Look for chains of imports that break the contract."""
        forbidden: Any = self.forbidden_modules
        pure = [
            module
            for module in sorted(graph.modules)
            if not graph.is_module_squashed(module) and is_pure(module)
        ]
        chains = [
            chain
            for module in pure
            for imported in forbidden
            if imported in graph.modules
            and (chain := graph.find_shortest_chain(importer=module, imported=imported))
        ]
        return ContractCheck(kept=not chains, metadata={"chains": chains})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the chains."""
        for chain in check.metadata["chains"]:
            output.print_error(f"{chain[0]} says that it is pure: {' -> '.join(chain)}")


def is_pure(module: str) -> bool:
    """Return whether a module's docstring says that it is pure; it is read, and not imported."""
    top, *rest = module.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return False
    path = Path(spec.submodule_search_locations[0], *rest)
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text()))
    return bool(docstring and _PURE.search(docstring))
