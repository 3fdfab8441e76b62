"""Where a page comes from, as browsers write it. Pure, no I/O."""

import functools
import ipaddress
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


@functools.lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Return whether a name or an address is this machine's own, out of reach for any other.

    Args:
        host: An address may be in brackets, as in a Host header, and one of IPv4 may be mapped.

    """
    if host == "localhost":
        return True
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
