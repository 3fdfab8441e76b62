"""The door of HTTP: every path has its doorstep, and guesses are few."""

import hashlib

import pytest
from litestar import Litestar, get
from litestar.testing import AsyncTestClient

from hsi_service.door.limits import FAILURES_PER_MINUTE
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service, create_app

KEY = "a key"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
PATHS = ["/health/live", "/health/ready", "/metrics", "/status", "/schema", "/api/jobs", "/nothing"]


@get("/api/jobs", sync_to_thread=False)
def jobs() -> list[str]:
    return ["a job"]


def client_of(
    settings: Settings, base_url: str = "http://127.0.0.1:8000"
) -> AsyncTestClient[Litestar]:
    app = create_app(Service("joblogs", settings), routes=[jobs])
    return AsyncTestClient(app, base_url=base_url)


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
async def test_without_credentials_no_path_answers_a_foreign_host(
    method: str, redis_url: str
) -> None:
    async with client_of(Settings(redis_url=redis_url)) as client:
        for path in PATHS:
            answer = await client.request(method, path, headers={"Host": "evil.example:8000"})
            assert answer.status_code == 403
            assert answer.headers.get("Access-Control-Allow-Origin") is None
            if method != "HEAD":
                assert answer.json()["detail"].startswith("without credentials this service")
        for path in PATHS[:-1]:
            assert (await client.get(path)).status_code == 200


async def test_without_credentials_no_path_answers_what_arrives_elsewhere(redis_url: str) -> None:
    settings = Settings(redis_url=redis_url)
    async with client_of(settings, "http://192.0.2.7:8000") as client:
        for path in PATHS:
            answer = await client.get(path, headers={"Host": "localhost"})
            assert answer.status_code == 403
            assert "on loopback alone; set API_KEYS or AUTH_DISABLED=true" in answer.text


async def test_with_a_credential_health_answers_any_host(redis_url: str) -> None:
    settings = Settings(redis_url=redis_url, api_keys=(DIGEST,))
    async with client_of(settings, "http://192.0.2.7:8000") as client:
        answer = await client.get("/health/live", headers={"Host": "10.42.0.7:8000"})
        assert answer.status_code == 200


async def test_an_address_that_guesses_too_often_is_not_listened_to(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(Settings(redis_url=redis_url, api_keys=(DIGEST,))) as client:
        for number in range(FAILURES_PER_MINUTE):
            answer = await client.get("/api/jobs", headers={"X-API-Key": f"guess-{number}"})
            assert answer.status_code == 401
        for headers in ({"X-API-Key": "guess"}, {"Authorization": f"Bearer {KEY}"}):
            answer = await client.get("/api/jobs", headers=headers)
            assert answer.status_code == 429
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
        # Who offers nothing guesses nothing.
        assert (await client.get("/api/jobs")).status_code == 401
    refusals = [
        line for line in caplog.records if line.getMessage().startswith("turned a client away: ")
    ]
    assert len(refusals) == 3  # one for each reason
    assert "guess" not in caplog.text
