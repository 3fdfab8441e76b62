"""`python -m local.asyncapi`: docs/asyncapi.json, the WebSockets as one AsyncAPI 3 document.

For those who write clients, by hand or by a generator. The Structs are the definition of every
message; what stands here is which of them an endpoint carries. A test tells when the file is older.
"""

import inspect
import json
from typing import Any, NamedTuple, get_args

import msgspec

from hsi import __version__
from hsi.schemas import (
    CameraStatus,
    Error,
    Event,
    EventSeen,
    JobEnd,
    Log,
    LogLevel,
    PerformanceUpdate,
    Ping,
    Pong,
    RaisedAlert,
    Resumed,
    ServerMessage,
    ServiceStatus,
    SystemStatus,
)
from hsi.verdict import MAX_SCORE
from hsi_service.skeleton.session import MAX_TAIL
from local.dashboard import FOLDER as DASHBOARD
from services.events.wanted import MAX_CAMERA_ID, MAX_CAMERAS

FILE = DASHBOARD.parent / "docs/asyncapi.json"
_SCHEMAS = "#/components/schemas/"
_CREDENTIALS = {
    "api_key": "An API key. As the subprotocol api-key.<key> it stays out of logs.",
    "token": "The token, where the services have one.",
}
_HISTORY = {
    "since": {"type": "string", "description": "Go on after the message with this cursor."},
    "tail": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_TAIL,
        "description": "Begin with the last few messages.",
    },
}
_FILTER = {
    "camera_id": {
        "type": "array",
        "items": {"type": "string", "maxLength": MAX_CAMERA_ID},
        "maxItems": MAX_CAMERAS,
        "description": "Only what one of these cameras saw; repeat it for each.",
    },
    "min_risk": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_SCORE,
        "description": "Only what may be of this risk or a higher one.",
    },
    "types": {
        "type": "string",
        "description": "Only messages of these types, separated by commas.",
    },
}
_LEVEL = {
    "level": {
        "type": "string",
        "enum": list(get_args(LogLevel)),
        "description": "Lines of this level and above.",
    },
}


class Endpoint(NamedTuple):
    """A WebSocket of a service."""

    address: str
    """Its path."""
    title: str
    description: str
    carries: tuple[type[ServerMessage], ...]
    """Messages of channels; others of an unknown type may come, and are to be ignored."""
    query: dict[str, Any]
    """Its parameters, as JSON Schema; credentials are the server's."""


ENDPOINTS = {
    "events": Endpoint(
        "/ws/events",
        "Security events",
        "Everything that is published on `security_events`, byte for byte.",
        (Event, EventSeen, Resumed),
        _HISTORY | _FILTER,
    ),
    "system": Endpoint(
        "/ws/system",
        "System status and performance",
        "The latest of each first, then what follows; no history.",
        (SystemStatus, ServiceStatus, CameraStatus, PerformanceUpdate, RaisedAlert),
        {},
    ),
    "job_logs": Endpoint(
        "/ws/jobs/{job_id}/logs",
        "A job's log",
        "The lines so far, those to come, and the end; then it is closed with 1000.",
        (Log, JobEnd, Resumed),
        _HISTORY | _LEVEL,
    ),
}
_ALWAYS: tuple[type[ServerMessage], ...] = (Ping, Pong, Error)
"""What a service says of the connection itself."""
_OF_CLIENTS: tuple[type[ServerMessage], ...] = (Ping, Pong)


def text() -> str:
    """Return what stands in the file, the same for the same Structs."""
    messages: tuple[type[ServerMessage], ...] = get_args(ServerMessage)
    _, schemas = msgspec.json.schema_components(messages, ref_template=_SCHEMAS + "{name}")
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Home Security Intelligence, real-time layer",
            "version": __version__,
            "description": "Cursors, close codes and refusals: protocol.md beside this.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "127.0.0.1:8080",
                "protocol": "ws",
                "description": "`make run`. Elsewhere it is wss, and one of these lets you in.",
                "security": [
                    {"$ref": f"#/components/securitySchemes/{name}"} for name in _CREDENTIALS
                ],
            },
        },
        "channels": {name: _channel(endpoint) for name, endpoint in ENDPOINTS.items()},
        "operations": _operations(),
        "components": {
            "messages": {message.__name__: _message(message) for message in messages},
            "schemas": schemas,
            "securitySchemes": {
                name: {
                    "type": "httpApiKey",
                    "name": name,
                    "in": "query",
                    "description": description,
                }
                for name, description in _CREDENTIALS.items()
            },
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _channel(endpoint: Endpoint) -> dict[str, Any]:
    messages = endpoint.carries + _ALWAYS
    query = {"type": "object", "properties": endpoint.query}
    channel: dict[str, Any] = {
        "address": endpoint.address,
        "title": endpoint.title,
        "description": endpoint.description,
        "messages": {
            message.__name__: {"$ref": f"#/components/messages/{message.__name__}"}
            for message in messages
        },
        "bindings": {"ws": {"method": "GET", "query": query}},
    }
    if "{job_id}" in endpoint.address:
        channel["parameters"] = {"job_id": {"description": "The job."}}
    return channel


def _operations() -> dict[str, Any]:
    """Return what a service does: it sends everything, and takes a ping and a pong."""
    operations: dict[str, Any] = {}
    for name, endpoint in ENDPOINTS.items():
        both = ("send", endpoint.carries + _ALWAYS), ("receive", _OF_CLIENTS)
        for action, messages in both:
            operations[f"{action}_{name}"] = {
                "action": action,
                "channel": {"$ref": f"#/channels/{name}"},
                "messages": [
                    {"$ref": f"#/channels/{name}/messages/{message.__name__}"}
                    for message in messages
                ],
            }
    return operations


def _message(message: type[ServerMessage]) -> dict[str, Any]:
    return {
        "name": message.__struct_config__.tag,
        "title": message.__name__,
        "summary": inspect.getdoc(message),
        "payload": {"$ref": _SCHEMAS + message.__name__},
    }


if __name__ == "__main__":
    FILE.write_text(text())
