"""The files that the lint reads: what is tracked, or would be."""

import subprocess
from collections.abc import Iterator
from pathlib import Path


def sources(root: Path, *suffixes: str) -> Iterator[Path]:
    """Yield the source files of a checkout, relative to it.

    Args:
        root: The checkout.
        suffixes: Of the files, such as `.py`.

    Raises:
        subprocess.CalledProcessError: It is no checkout.

    """
    patterns = [f"*{suffix}" for suffix in suffixes]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *patterns],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in sorted(filter(None, listed.stdout.split("\0"))):
        if (root / name).is_file():
            yield Path(name)


def module_of(file: Path) -> str:
    """Return the dotted name by which a Python file is imported; a package's is its folder's."""
    parts = file.with_suffix("").parts
    if parts[0] == "shared":
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
