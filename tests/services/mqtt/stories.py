"""What Frigate of several versions publishes, written from its documentation; one story each."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "payloads"
EVENTS = ("0.12", "0.13", "0.14", "0.15", "0.16", "0.17")
REVIEWS = ("0.14", "0.15", "0.16", "0.17")


def story(kind: str, version: str) -> list[bytes]:
    """Return the messages of one tracked object, or of one review, in their order."""
    return (FOLDER / f"{kind}-{version}.jsonl").read_bytes().splitlines()


def changed(payload: bytes, **fields: Any) -> bytes:
    """Return a message with other fields of `after`; `type` is the message's own."""
    message = json.loads(payload)
    message["type"] = fields.pop("type", message["type"])
    message["after"] |= fields
    return json.dumps(message).encode()
