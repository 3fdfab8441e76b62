"""`hsi`: publish and watch, from a terminal or in a pipe."""

from hsi.cli.commands import main

__all__ = ["main"]
