"""How /schema describes a route that publishes: what its body may hold, and all its answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
)

_ANSWERS = {
    "400": "The body is not what its Content-Type says, or the Idempotency-Key cannot be one.",
    "401": "No valid API key.",
    "403": "The key's scope is not `publish`, or the page's origin is not allowed.",
    "413": "The body has more bytes, or more messages, than it may.",
    "415": "Another Content-Type than these.",
    "422": "Something breaks the schema; `detail` names it, `extra` each field. Nothing was "
    "published.",
    "429": "Too many requests; `Retry-After` has the seconds.",
    "503": "Redis refuses, or does not answer; `Retry-After` has the seconds. It may have been "
    "published: ask again with the same Idempotency-Key.",
}
_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description="For a request that may be repeated: 1 to 128 characters, ASCII without spaces. "
    "What was published under it within the last hour, by the same API key, is not published "
    "again.",
)
_PROBLEM = {
    "type": "object",
    "properties": {
        "status_code": {"type": "integer"},
        "detail": {"type": "string"},
        "extra": {"type": ["null", "object", "array"], "items": {"type": "object"}},
    },
}


class Body(msgspec.Struct):
    """What a route takes of one media type."""

    schema: dict[str, Any]
    """JSON Schema."""
    examples: Mapping[str, Any]
    """By what they show."""


def schema_of(struct: type[msgspec.Struct], **changes: Any) -> dict[str, Any]:
    """Return the JSON Schema of a Struct that has no other Struct in it, with these changes."""
    _, components = msgspec.json.schema_components((struct,))
    schema: dict[str, Any] = components[struct.__name__]
    return schema | changes


def takes(bodies: Mapping[str, Body], *, repeated: str = "", keyed: bool = True) -> type[Operation]:
    """Return the class of an operation of OpenAPI.

    Args:
        bodies: By media type.
        repeated: What 200 says, where it says that there was nothing new to publish.
        keyed: Whether it heeds an Idempotency-Key.

    """

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.request_body = RequestBody(
                content={name: _content(body) for name, body in bodies.items()}, required=True
            )
            if keyed:
                self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY]
            responses = self.responses or {}
            if repeated:
                made = responses["201"]
                content = made.content if isinstance(made, OpenAPIResponse) else None
                responses["200"] = OpenAPIResponse(description=repeated, content=content)
            for status, description in _ANSWERS.items():
                responses[status] = OpenAPIResponse(
                    description=description,
                    content={"application/json": OpenAPIMediaType(schema=_PROBLEM)},  # type: ignore[arg-type]  # it is written as it is
                )
            self.responses = responses

    return Described


def _content(body: Body) -> OpenAPIMediaType:
    return OpenAPIMediaType(
        schema=body.schema,  # type: ignore[arg-type]  # it is written as it is
        examples={name: Example(value=value) for name, value in body.examples.items()},
    )
