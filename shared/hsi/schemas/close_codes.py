"""Every code that a service closes a WebSocket with, and what it asks of the client.

`NORMAL` ends a subscription for good; `CODES_THAT_END` says which others do. After any other code
a client comes back, with jitter.
"""

from enum import IntEnum


class CloseCode(IntEnum):
    """A WebSocket close code and what it means to a client."""

    NORMAL = 1000
    """There is nothing more to come: the job has ended, or nobody spoke for `IDLE_TIMEOUT`."""

    TOO_BIG = 1009
    """The client sent a message over 64 KiB."""

    RESTART = 1012
    """This replica goes away (restart, update, scale-down): reconnect, with jitter."""

    UNAUTHORIZED = 4401
    """No valid credential. Terminal: asking again with the same one is no use."""

    FORBIDDEN_ORIGIN = 4403
    """The page's origin is not allowed. Terminal."""

    TOO_SLOW = 4408
    """The client did not read what it was sent: reconnect, and resume from the last cursor."""

    TOO_FAST = 4429
    """The client sends too fast: reconnect, with jitter, and send less."""


CODES_THAT_END = frozenset(
    {CloseCode.NORMAL, CloseCode.UNAUTHORIZED, CloseCode.FORBIDDEN_ORIGIN},
)
"""After one of these a client does not come back by itself."""
