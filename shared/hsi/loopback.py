"""What is this machine's own. Pure, no I/O."""

import functools
import ipaddress


@functools.lru_cache(maxsize=1024)
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
