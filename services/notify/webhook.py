"""What a webhook carries, signed by Standard Webhooks (standardwebhooks.com). Pure, no I/O.

The id is made of the message and is the same for every try, so a receiver that keeps ids gets
nothing twice. The time is that of the try, so a receiver that refuses old ones takes a late one.
"""

import base64
import binascii
import hashlib
from datetime import UTC, datetime
from typing import Any

import msgspec
from standardwebhooks import Webhook

from services.notify.messages import Message

MAX_BODY = 256 * 1024
"""Bytes of a body; a message on a channel has at most 64 KiB."""
PREFIX = "whsec_"
MIN_SECRET, MAX_SECRET = 24, 64
"""Bytes of a secret, by the specification."""
_DIGITS = 12


class Signer:
    """Signs with one secret or, while it is replaced, with several: any of them is enough."""

    def __init__(self, secrets: str) -> None:
        """Read the secrets.

        Args:
            secrets: `whsec_` and 24 to 64 bytes in base64, one or more, separated by spaces.

        Raises:
            ValueError: One of them cannot be used. The text does not quote it.

        """
        self._webhooks = [_webhook_of(secret) for secret in secrets.split()]
        if not self._webhooks:
            raise ValueError("there is no secret; `hsi webhook secret` makes one")

    def headers(self, message_id: str, body: bytes, at: datetime) -> dict[str, str]:
        """Return the headers that prove who sends a body, and when.

        Args:
            message_id: Of the message (`id_of`).
            body: As it is sent, byte for byte.
            at: The time of the try (UTC).

        """
        text = body.decode()
        signatures = [one.sign(message_id, at, text) for one in self._webhooks]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def id_of(message: Message) -> str:
    """Return what a message is called: its kind, its cursor, and what it is about, as a digest.

    A full stop ends an id where it is signed, so there is none.
    """
    about = hashlib.sha256(message.key.encode()).hexdigest()[:_DIGITS]
    return f"{message.kind}_{message.cursor or '0'}_{about}".replace(".", "-")


def body_of(message: Message) -> bytes:
    """Return a body: what kind of message, when it happened, and the message as it was published.

    Of what was made of several messages, or of none, its words are the data.
    """
    data: Any = {
        "title": message.title,
        "body": message.body,
        "level": message.level,
        "camera_id": message.camera_id,
        "url": message.url or None,
    }
    if message.source is not None:
        data = msgspec.Raw(message.source)
    body = {"type": message.kind, "timestamp": _time(message.at), "data": data}
    return msgspec.json.encode(body)


def _webhook_of(secret: str) -> Webhook:
    text = secret.removeprefix(PREFIX)
    try:
        size = len(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except (ValueError, binascii.Error):
        size = 0
    if text == secret or not MIN_SECRET <= size <= MAX_SECRET:
        raise ValueError(
            f"a secret is {PREFIX} and {MIN_SECRET} to {MAX_SECRET} bytes in base64; "
            "`hsi webhook secret` makes one"
        )
    return Webhook(secret)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
