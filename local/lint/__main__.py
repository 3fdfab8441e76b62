"""`python -m local.lint`, in a checkout: what the rules of `local.lint` find, one a line."""

import ast
import sys
from pathlib import Path

from local.lint import live_loops, private_names, sizes
from local.lint.sources import module_of, sources

SERVED = frozenset({"hsi", "hsi_service", "services"})
"""Packages that run for long."""
ALL_WELL = (
    "No private name is used elsewhere, no loop awaits on its way through a live container, "
    "and no file is too long."
)


def main() -> int:
    """Print what is found; return the exit status."""
    root = Path()
    python = list(sources(root, ".py"))
    trees = {module_of(file): ast.parse((root / file).read_text(), file) for file in python}
    packages = frozenset(module_of(file) for file in python if file.name == "__init__.py")
    found = [str(use) for use in private_names.findings(trees, packages)]
    served = {name: tree for name, tree in trees.items() if name.partition(".")[0] in SERVED}
    found += (str(loop) for loop in live_loops.findings(served))
    for file, lines in sizes.too_long(root, [*python, *sources(root, ".ts", ".tsx")]):
        found.append(f"{file}: {lines} lines, more than {sizes.MAX_LINES}")
    print("\n".join(found) or ALL_WELL)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
