"""Where a subscription may have us send: the push services of browsers, and no other place. Pure.

An endpoint comes from a client, and is an address that this service posts to from inside the house.
So it is one known form of a URL, read once by one expression: what two parsers could read in two
ways (user names, odd ports, backslashes, trailing dots, letters beyond ASCII) is refused. Which
address its host has is looked at when something is sent (`posting.PublicOnly`).
"""

import ipaddress
import re
from collections.abc import Sequence

HOSTS = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
"""The push services of Chrome, Firefox, Safari and Edge: each, and what is below it."""
MAX_LENGTH = 1024
"""Characters of an endpoint; Microsoft's, the longest, have some 400."""
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
# As browsers write URLs: scheme and host in small letters, and no port where it is the usual one.
_ENDPOINT = re.compile(r"https://(?P<host>[a-z0-9.-]+)(?::443)?/[!$-:=?-\[\]_a-z~]*")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")


def host_of(endpoint: str) -> str | None:
    """Return the host of an endpoint; None: it is not a URL that an endpoint may be."""
    found = _ENDPOINT.fullmatch(endpoint) if len(endpoint) <= MAX_LENGTH else None
    return found["host"] if found and is_host(found["host"]) else None


def is_host(name: str) -> bool:
    """Return whether this is a host name of several parts, and not an address."""
    # No top-level domain is a number, so the last part tells an address from a name.
    return bool(_HOST.fullmatch(name)) and not name.rpartition(".")[2].isdigit()


def is_known(host: str, hosts: Sequence[str]) -> bool:
    """Return whether a host is one of these, or below one."""
    return any(host == known or host.endswith(f".{known}") for known in hosts)


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the open Internet, and to no house or machine."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.is_site_local or ip.teredo or ip in _LOCAL_NAT64:
            return False
        # What is reached by one of these is the IPv4 address within.
        within = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            within = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if within:
            return is_public(str(within))
    return ip.is_global and not ip.is_multicast
