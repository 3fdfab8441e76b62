"""Messages of our own as the text of a WebSocket frame. Pure, no I/O."""

import msgspec

from hsi.schemas import ServerMessage


def frame_text(message: ServerMessage) -> str:
    """Return a message of our own as the text of a WebSocket frame."""
    return msgspec.json.encode(message).decode()
