"""An answer of /api is kept by no cache, whatever it says."""

import pytest
from litestar import Litestar, get
from litestar.exceptions import ServiceUnavailableException
from litestar.testing import TestClient

from hsi.keys import digest
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service, create_app

KEY = {"X-API-Key": "key"}
ORIGIN = "https://dash.example"


@get("/api/fine", sync_to_thread=False)
def fine() -> list[int]:
    return [1]


@get("/api/away", sync_to_thread=False)
def away() -> None:
    raise ServiceUnavailableException("Redis does not answer")


@get("/api/broken", sync_to_thread=False)
def broken() -> None:
    raise RuntimeError


@pytest.fixture(scope="module")
def client() -> TestClient[Litestar]:
    """A service without its background tasks: nothing here waits for Redis."""
    settings = Settings(api_keys=(digest(b"key").hex(),), allowed_origins=(ORIGIN,))
    service = Service("test", settings)
    return TestClient(
        create_app(service, routes=[fine, away, broken]), raise_server_exceptions=False
    )


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/fine", KEY, 200),
        ("/api/fine", KEY | {"Origin": ORIGIN}, 200),
        ("/api/fine", {}, 401),
        ("/api/fine", {"X-API-Key": "wrong"}, 401),
        ("/api/fine?x=/status", KEY, 200),
        ("/api/away", KEY, 503),
        ("/api/broken", KEY, 500),
        ("/api/nothing", KEY, 404),
        ("/api/nothing", {}, 404),
        ("/api", {}, 404),
    ],
)
def test_every_answer_of_the_api_is_for_who_asked_alone(
    client: TestClient[Litestar], path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    vary = [name.strip().lower() for name in answer.headers["Vary"].split(",")]
    assert sorted(vary) == ["authorization", "cookie", "origin", "x-api-key"]


def test_a_method_that_is_not_allowed_and_a_preflight_are_answers_too(
    client: TestClient[Litestar],
) -> None:
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    for answer in (client.post("/api/fine"), client.options("/api/fine", headers=asked)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "origin" in answer.headers["Vary"].lower()


@pytest.mark.parametrize("path", ["/status", "/schema", "/metrics", "/health/live", "/nothing"])
def test_no_answer_is_taken_for_what_it_does_not_say_it_is(
    client: TestClient[Litestar], path: str
) -> None:
    assert client.get(path).headers["X-Content-Type-Options"] == "nosniff"
