"""The seed's examples are what our schemas say, and come out again as they went in."""

import json
import re
from typing import Any

import msgspec
import pytest

from shared.intake import KNOWN_TYPES
from shared.schemas import ChannelMessage, ServerMessage
from shared.schemas.performance import (
    Alert,
    ContainerMetrics,
    GpuMetrics,
    HostMetrics,
    InferenceMetrics,
    NemotronMetrics,
    PostgresqlMetrics,
    RedisMetrics,
    Yolo26Metrics,
)
from tests.clients import GOLDEN, golden

MESSAGES = sorted(path.stem for path in GOLDEN.glob("*.json") if not path.stem.startswith("part_"))
PARTS: dict[str, Any] = {
    "gpu": GpuMetrics,
    "yolo26": Yolo26Metrics,
    "nemotron": NemotronMetrics,
    "inference": InferenceMetrics,
    "postgresql": PostgresqlMetrics,
    "redis": RedisMetrics,
    "host": HostMetrics,
    "containers": list[ContainerMetrics],
    "alerts": list[Alert],
}


def comparable(payload: bytes) -> Any:
    """Parse JSON; a time counts as the instant that it names, in UTC unless it says otherwise."""
    text = re.sub(r'(?<=\d)\.0+(?=Z?")|(?<=\d)Z(?=")', "", payload.decode())
    return json.loads(text)


@pytest.mark.parametrize("name", MESSAGES)
def test_an_example_of_the_seed_survives_our_schema(name: str) -> None:
    payload = golden(name)
    message = msgspec.json.decode(payload, type=ChannelMessage)
    assert comparable(msgspec.json.encode(message)) == comparable(payload)


@pytest.mark.parametrize("name", PARTS)
def test_an_example_part_of_the_seed_survives_our_schema(name: str) -> None:
    payload = golden(f"part_{name}")
    part = msgspec.json.decode(payload, type=PARTS[name])
    assert comparable(msgspec.json.encode(part)) == comparable(payload)


def test_every_type_of_the_seed_has_an_example() -> None:
    assert {json.loads(golden(name))["type"] for name in MESSAGES} == KNOWN_TYPES


def test_every_field_says_what_it_is() -> None:
    """A figure without words in the JSON Schema would be a riddle to whoever reads it."""
    _, components = msgspec.json.schema_components([ServerMessage])
    undocumented = [
        f"{name}.{field}"
        for name, struct in components.items()
        for field, schema in struct.get("properties", {}).items()
        # A nested part is described where it is defined, and a type by its message.
        if field != "type" and "description" not in schema and "$ref" not in str(schema)
    ]
    assert undocumented == []
