"""Whole numbers of a query. Pure.

One that is far too long is not turned into a number: Python refuses to, in words of its own.
"""


def whole_number(name: str, text: str, *, most: int) -> int:
    """Return the number that a parameter is.

    Args:
        name: The parameter's.
        text: As it was sent.
        most: The greatest that it may be.

    Raises:
        ValueError: It is not one, or greater; the text names the parameter.

    """
    digits = text.lstrip("0")
    if text.isascii() and text.isdigit() and len(digits) <= len(str(most)):
        number = int(digits or "0")
        if number <= most:
            return number
    raise ValueError(f"{name}: expected a number from 0 to {most}")
