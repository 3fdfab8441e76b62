"""What every URL of a server has: characters that can be sent, and a host that may exist. Pure."""

import re
from urllib.parse import unquote_to_bytes

NOT_UTF8 = "expected UTF-8; in a password, any other byte cannot be sent, nor as %XX"
_MAX_HOST, _MAX_LABEL = 253, 63
"""Characters that a name has in the DNS, at most."""
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%.*)?")


def is_utf8(url: str) -> bool:
    """Return whether a URL is UTF-8, as it stands and as its %XX say.

    The environment gives a byte that is not UTF-8 as a lone surrogate; urllib makes U+FFFD of
    one that is escaped, and so another password than was meant.
    """
    try:
        unquote_to_bytes(url).decode()
    except UnicodeError:
        return False
    return True


def may_be_host(host: str) -> bool:
    """Return whether a host may be found: it is an address, or a name that the DNS can have."""
    if _ADDRESS.fullmatch(host):
        return True
    try:
        name = host.encode("idna") if not host.isascii() else host.encode()
    except UnicodeError:
        return False
    labels = name.removesuffix(b".").split(b".")
    return len(name) <= _MAX_HOST and all(0 < len(label) <= _MAX_LABEL for label in labels)
