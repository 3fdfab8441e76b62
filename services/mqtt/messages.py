"""What goes over a connection with the broker. No I/O."""

from asyncio import Future

from msgspec import Struct

MAX_TOPIC_BYTES = 65_535


class Received(Struct, frozen=True):
    """A message from the broker."""

    topic: str
    payload: bytes
    retain: bool = False
    """It is the broker's last one of that topic, from before the subscription."""
    qos: int = 0
    """1: it comes again until it is acknowledged. 0: it came once, or not at all."""


class Outgoing(Struct, eq=False):
    """A message to the broker."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    acknowledged: Future[None]


def check_topic(topic: str) -> bytes:
    """Return a topic to publish to as it is sent.

    Raises:
        ValueError: A broker would end the connection for it, each time that it is sent.

    """
    try:
        encoded = topic.encode()
    except UnicodeEncodeError:
        raise ValueError("a topic that is no text") from None
    if not topic or len(encoded) > MAX_TOPIC_BYTES or set(topic) & set("+#\0"):
        raise ValueError(
            f"a topic that nothing can be published to: {topic[:80]!r}; expected 1 to "
            f"{MAX_TOPIC_BYTES} bytes without +, # and NUL"
        )
    return encoded


def describe_topic(topic: bytes) -> str:
    """Return the beginning of a topic that is no text, for a log."""
    return ascii(topic[:80])
