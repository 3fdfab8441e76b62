"""How a route that publishes is described."""

import json

import msgspec
from litestar import Litestar, post

from hsi_service.publish.openapi import Body, schema_of, takes


class Given(msgspec.Struct):
    name: str
    number: int


def test_the_description_has_bodies_with_examples_and_every_answer() -> None:
    body = Body(schema=schema_of(Given, required=["name"]), examples={"short": {"name": "x"}})

    @post("/things", operation_class=takes({"application/json": body}, repeated="Again."))
    async def make() -> Given:
        return Given("x", 1)

    schema = json.loads(json.dumps(Litestar([make]).openapi_schema.to_schema()))
    operation = schema["paths"]["/things"]["post"]
    media = operation["requestBody"]["content"]["application/json"]
    assert media["schema"]["required"] == ["name"]
    assert media["examples"] == {"short": {"value": {"name": "x"}}}
    answers = operation["responses"]
    assert {"200", "201", "400", "413", "415", "422", "429", "503"} <= answers.keys()
    assert answers["200"]["content"] == answers["201"]["content"]
    assert [one["name"] for one in operation["parameters"]] == ["Idempotency-Key"]
