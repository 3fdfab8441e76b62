"""Figures that somebody else sent: taken if they can be true, else `None`. Pure."""

from typing import Any

LARGEST = 2.0**53
"""Beyond this, neither JSON nor JavaScript counts exactly; nothing here is that large."""


def number(value: Any, *, least: float = 0.0, most: float = LARGEST) -> float | None:
    """Return a number within bounds, or None: for null, text, true, NaN and what cannot be."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Neither NaN nor infinity is within bounds, nor an int that is too large for a float.
    return float(value) if least <= value <= most else None


def count(value: Any, *, most: float = LARGEST) -> int | None:
    """Return a whole number that is not negative, and within a bound, or None."""
    found = number(value, most=most)
    return int(found) if found is not None and found.is_integer() else None


def word(value: Any, *, longest: int = 200) -> str | None:
    """Return a text that is not empty, cut to a length, or None."""
    return value[:longest] if isinstance(value, str) and value else None
