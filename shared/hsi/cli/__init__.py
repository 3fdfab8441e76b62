"""The command line `hsi`: publish and watch, from a terminal or in a pipe."""

import sys

__all__ = ["main"]

_EXTRA = {"click", "segno", "websockets"}
"""Packages of the extra `cli`."""
_MISUSE = 2


def main() -> None:
    """Run the command line with the arguments of this process.

    Raises:
        SystemExit: Always; with status 2 where the extra `cli` is not installed.

    """
    try:
        from hsi.cli.commands import main as run  # noqa: PLC0415 (what it imports may be missing)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        sys.stderr.write(f"hsi: {error.name} is missing; pip install 'hsi-client[cli]'\n")
        raise SystemExit(_MISUSE) from None
    run()
