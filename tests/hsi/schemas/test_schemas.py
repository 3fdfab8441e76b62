"""The seed's examples are what our schemas say, and come out again as they went in."""

import inspect
import json
import re
from typing import Any, get_args

import msgspec
import pytest
from litestar.handlers import WebsocketRouteHandler

from hsi.schemas import ChannelMessage, ServerMessage
from hsi.schemas.close_codes import CODES_THAT_END, CloseCode
from hsi.schemas.performance import (
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
from hsi.schemas.validation import KNOWN_TYPES
from local import asyncapi, schema
from services.events.routes import events
from services.joblogs.routes import job_logs
from services.system.routes import system
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


def test_the_dashboard_has_the_schemas_of_now() -> None:
    assert schema.FILE.read_text() == schema.text(), (
        "dashboard/schema.json is old: run `make types`"
    )


def test_the_dashboard_is_told_of_everything_that_a_service_answers_a_page() -> None:
    """A message's tag is required, and its own: so their union can be told apart."""
    told = json.loads(schema.text())
    names = [part["$ref"].removeprefix("#/$defs/") for part in told["anyOf"]]
    assert names == [message.__name__ for message in get_args(ServerMessage)]
    tags = []
    for name in names:
        assert "type" in told["$defs"][name]["required"]
        tags += told["$defs"][name]["properties"]["type"]["enum"]
    assert len(tags) == len(names) == len(set(tags))
    assert {"Job", "Camera", "PerformanceHistory"} <= told["$defs"].keys()
    assert {code["name"]: code["code"] for code in told["x-close-codes"]} == {
        code.name: code.value for code in CloseCode
    }
    assert {code["code"] for code in told["x-close-codes"] if code["ends"]} == CODES_THAT_END
    assert all(code["description"] for code in told["x-close-codes"])


def test_the_asyncapi_document_is_of_now() -> None:
    assert asyncapi.FILE.read_text() == asyncapi.text(), (
        "docs/asyncapi.json is old: run `make types`"
    )


@pytest.mark.parametrize(
    ("name", "handler"), [("events", events), ("system", system), ("job_logs", job_logs)]
)
def test_the_asyncapi_document_says_how_to_ask(name: str, handler: WebsocketRouteHandler) -> None:
    channel = json.loads(asyncapi.text())["channels"][name]
    assert {path.replace(":str}", "}") for path in handler.paths} == {channel["address"]}
    asked = inspect.signature(handler.fn).parameters.keys()
    inside = {"socket", "broadcaster", "streamer"}
    query = channel["bindings"]["ws"]["query"]["properties"].keys()
    assert query == asked - inside - channel.get("parameters", {}).keys()


def test_the_asyncapi_document_has_every_message_and_what_it_refers_to() -> None:
    document = json.loads(asyncapi.text())
    carried = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert carried == {message.__name__ for message in get_args(ServerMessage)}
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', asyncapi.text()):
        found = document
        for part in reference.split("/"):
            found = found[part]
        assert found
