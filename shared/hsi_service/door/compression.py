"""permessage-deflate (RFC 7692), as it is negotiated in a handshake. Pure, no I/O.

Neither side keeps anything from one message to the next (no context takeover). So a message is
deflated once for all clients, and a connection costs no memory for it.
"""

from functools import lru_cache

from websockets.exceptions import InvalidHeader, NegotiationError
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension

WINDOW_BITS = 12
"""The window of what we deflate: 4 KiB. A client that has less room is sent plain messages."""
MAX_OFFERS_BYTES = 1024
"""Of offers that are looked at; those of browsers take under 100."""
_CACHED = 64
"""Browsers of a kind all offer the same."""
_TERMS = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True, client_no_context_takeover=True
)


@lru_cache(_CACHED)
def accepted(offers: bytes) -> bytes | None:
    """Return the answer to the first offer that we can take.

    Args:
        offers: Sec-WebSocket-Extensions of a request; of several, joined.

    Returns:
        Sec-WebSocket-Extensions of the response; None: messages are not compressed, for nothing is
        offered that we can take, or that can be read.

    """
    if len(offers) > MAX_OFFERS_BYTES:
        return None
    try:
        parsed = parse_extension(offers.decode("latin-1"))
    except InvalidHeader:
        return None
    for name, parameters in parsed:
        if name != _TERMS.name:
            continue
        try:
            answer, chosen = _TERMS.process_request_params(parameters, ())
        except NegotiationError:
            continue
        if chosen.local_max_window_bits >= WINDOW_BITS:
            return build_extension([(name, answer)]).encode("latin-1")
    return None
