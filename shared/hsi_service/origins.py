"""Where a page comes from, as browsers write it. Pure, no I/O."""

import re
from typing import NamedTuple, Self

_HOST = r"(\[[0-9a-f:.]+\]|[^\s/?#@:*\[\]\\]+)"
_ORIGIN = re.compile(rf"([a-z][a-z0-9+.-]*)://{_HOST}(?::([0-9]{{1,5}}))?", re.IGNORECASE)
_NAME = re.compile(rf"{_HOST}(?::[0-9]{{0,5}})?", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port, in the one form in which they can be compared."""

    scheme: str
    host: str
    """In lower case; an IPv6 address in brackets."""
    port: int | None

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the origin that `text` is, or None if it is none; `null` is none."""
        found = _ORIGIN.fullmatch(text)
        if not found:
            return None
        scheme, port = found[1].lower(), found[3]
        return cls(scheme, found[2].lower(), int(port) if port else _DEFAULT_PORTS.get(scheme))


def name_of(host: str) -> str:
    """Return the name or address in a Host header, without its port; empty if there is none."""
    found = _NAME.fullmatch(host)
    return found[1].lower() if found else ""
