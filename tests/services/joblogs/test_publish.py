"""A job's log over HTTP: lines once and in order, a beginning and an end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import connect

from hsi.joblogs import JobLogEmitter
from hsi.keys import KeyEntry, Scope, digest
from hsi.schemas import channels
from hsi_service.publish import publishing
from services.joblogs.app import create_joblogs_app
from services.joblogs.settings import JobLogSettings
from tests.clients import http_client
from tests.servers import RedisServer, as_user, serving
from tests.services.joblogs.test_streamer import all_of, is_end, lines
from tests.services.running import Running, running

SCOPES: tuple[Scope, ...] = ("read", "act", "admin", "publish")


@pytest.fixture
async def service(redis_url: str) -> AsyncIterator[Running]:
    async with running("joblogs", redis_url) as service:
        yield service


async def add(
    service: Running, job_id: str, body: Any, key: str | None = None, query: str = ""
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    path = f"/api/jobs/{job_id}/lines{query}"
    return await service.http.post(path, json=body, headers=headers)


async def put(service: Running, job_id: str, **state: Any) -> httpx.Response:
    return await service.http.put(f"/api/jobs/{job_id}", json=state)


async def kept(service: Running, job_id: str) -> list[Any]:
    """Return the messages of a job's log."""
    entries: Any = await service.redis.xrange(channels.history(channels.job_logs(job_id)))
    return [json.loads(fields[b"m"]) for _, fields in entries]


async def texts(service: Running, job_id: str) -> list[str]:
    return lines(await kept(service, job_id))


async def test_a_job_begins_logs_and_ends_and_whoever_watches_sees_all_of_it(
    service: Running, job_id: str
) -> None:
    url = str(service.http.base_url).replace("http", "ws")
    async with connect(f"{url}/ws/jobs/{job_id}/logs", compression=None) as client:
        begun = await put(service, job_id, status="running")
        assert (begun.status_code, begun.json()["status"]) == (200, "running")
        warned = {"message": "disk almost full", "level": "warning", "context": {"free": 3}}
        answer = await add(service, job_id, ["one", warned])
        assert (answer.status_code, answer.json()["lines"]) == (201, 2)
        ended = await put(service, job_id, exit_code=3)
        heard = await all_of(client)
    assert lines(heard) == ["one", "disk almost full"]
    assert heard[1]["data"]["level"] == "WARNING"
    assert heard[1]["data"]["context"] == {"free": 3}
    assert heard[1]["cursor"] == answer.json()["cursor"]
    assert is_end(heard[-1], job_id, "failed")
    assert heard[-1]["data"]["exit_code"] == 3
    found = await service.http.get(answer.request.url.join(answer.headers["Location"]).path)
    job = found.json()
    assert (job["status"], job["lines"]) == ("failed", 2)
    assert (job["started_at"], job["ended_at"]) == (
        begun.json()["started_at"],
        ended.json()["ended_at"],
    )


async def test_lines_of_text_and_of_ndjson_are_lines_too(service: Running, job_id: str) -> None:
    path = f"/api/jobs/{job_id}/lines?level=debug"
    for kind, body in {
        "text/plain; charset=utf-8": b"one\r\n\ntwo \xc3\xa4\n",
        "application/x-ndjson": b'"three"\n{"message": "four", "level": "ERROR"}\n\n',
    }.items():
        answer = await service.http.post(path, content=body, headers={"Content-Type": kind})
        assert answer.status_code == 201, answer.text
    log = await kept(service, job_id)
    assert lines(log) == ["one", "", "two ä", "three", "four"]
    assert [line["data"]["level"] for line in log] == ["DEBUG"] * 4 + ["ERROR"]


async def test_a_repeated_key_adds_nothing_and_so_does_a_repeated_state(
    service: Running, job_id: str
) -> None:
    first = await put(service, job_id, status="running")
    assert (await put(service, job_id, status="running")).json() == first.json()
    many = [f"line {number}" for number in range(250)]
    statuses = [(await add(service, job_id, many, "part-1")).status_code for _ in range(2)]
    assert statuses == [201, 200]
    assert (await add(service, job_id, ["last"], "part-2")).status_code == 201
    ended = await put(service, job_id, status="completed")
    again = await put(service, job_id, status="failed")
    assert again.json() == ended.json(), "a job ends once"
    assert await texts(service, job_id) == [*many, "last"]
    assert [one["type"] for one in await kept(service, job_id)].count("end") == 1
    # Another run under the id: it goes on in the same log.
    second = await put(service, job_id, status="running")
    assert second.json()["started_at"] > first.json()["started_at"]
    assert (await put(service, job_id, exit_code=0)).json()["status"] == "completed"
    assert [one["type"] for one in await kept(service, job_id)].count("end") == 2


async def test_a_job_that_only_logs_is_listed_and_one_of_an_emitter_goes_on(
    service: Running, redis_url: str, job_id: str
) -> None:
    other = f"{job_id}-other"
    assert (await add(service, other, "a line")).status_code == 201
    async with JobLogEmitter(redis_url, job_id) as emitter:
        await emitter.info("its own")
        assert await asyncio.to_thread(emitter.flush)
        assert (await add(service, job_id, "somebody's")).status_code == 201
        listed: Any = await service.redis.zrange(channels.JOBS, 0, -1)
        assert {job_id.encode(), other.encode()} <= set(listed)
    assert await texts(service, job_id) == ["its own", "somebody's"]
    assert 0 < await service.redis.ttl(channels.history(channels.job_logs(other))) <= 3600


REFUSED = [
    (b'["one", {"text": 1}]', "application/json", 422, "message 1: text: is not known"),
    (b'{"message": 1}', "application/json", 422, "message: expected `str`, got `int`"),
    (b'["x", {"message": "y", "level": "loud"}]', "application/json", 422, "level: invalid"),
    (b'"one"\nnope\n', "application/x-ndjson", 422, "message 1: is not JSON"),
    (b"", "text/plain", 422, "expected 1 to 1000, found none"),
    (b"\n" * 1002, "text/plain", 413, "at most 1000 in a request, found 1002"),
    (b"\xff", "text/plain", 400, "not UTF-8"),
    (b"{", "application/json", 400, "not JSON"),
    (b"x", "application/x-www-form-urlencoded", 415, "or text/plain"),
    (b" " * (1024 * 1024 + 1), "text/plain", 413, "1024 KiB"),
]


async def test_what_cannot_be_lines_is_told_why_and_adds_nothing(
    service: Running, job_id: str
) -> None:
    path = f"/api/jobs/{job_id}/lines"
    for body, kind, status, why in REFUSED:
        answer = await service.http.post(path, content=body, headers={"Content-Type": kind})
        assert (answer.status_code, why in answer.text) == (status, True), answer.text
    assert await kept(service, job_id) == []


async def test_what_is_no_job_no_level_and_no_state_is_refused(
    service: Running, job_id: str
) -> None:
    assert (await add(service, "a:b", "x")).status_code == 400
    assert (await add(service, job_id, "x", query="?level=loud")).status_code == 400
    for state, why in {
        '{"status": "pending"}': "status: invalid enum value 'pending'",
        "{}": "expected `status` or `exit_code`",
        '{"status": "running", "exit_code": 0}': "a job that runs has no",
        '{"exit_code": 256}': "exit_code: expected `int` <= 255",
        '{"state": "failed"}': "state: is not known",
    }.items():
        answer = await service.http.put(
            f"/api/jobs/{job_id}", content=state, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, why in answer.text) == (422, True), answer.text
    await service.redis.rpush(channels.job(job_id), "something else's")
    for status in ("running", "failed"):
        answer = await put(service, job_id, status=status)
        assert answer.status_code == 409
        assert "not a job's state" in answer.text
    assert (await add(service, job_id, "goes on all the same")).status_code == 201


async def test_only_a_key_to_publish_writes_logs_and_no_page_of_another_origin(
    redis_url: str, job_id: str
) -> None:
    keys = [str(KeyEntry(scope, scope, digest(scope.encode()).hex())) for scope in SCOPES]
    settings = JobLogSettings(
        redis_url=as_user("joblogs", redis_url), api_keys=tuple(keys), publish_rate_limit=4
    )
    async with (
        serving(create_joblogs_app(settings)) as (host, port),
        http_client(f"http://{host}:{port}") as http,
    ):

        async def statuses(**headers: str) -> list[int]:
            path = f"/api/jobs/{job_id}"
            first = await http.put(path, json={"status": "running"}, headers=headers)
            second = await http.post(f"{path}/lines", json="x", headers=headers)
            return [first.status_code, second.status_code]

        for scope in ("read", "act", "admin"):
            assert await statuses(**{"X-API-Key": scope}) == [403, 403]
        mine = {"X-API-Key": "publish"}
        assert await statuses(**mine, Origin="https://evil.example") == [403, 403]
        assert await statuses(**mine) == [200, 201]
        assert await statuses(**mine) == [200, 201]
        assert await statuses(**mine) == [429, 429]
        assert (await http.get("/api/jobs", headers=mine)).status_code == 403


async def test_the_schema_says_what_bodies_hold(service: Running) -> None:
    schema = await service.get("/schema/openapi.json")
    post = schema["paths"]["/api/jobs/{job_id}/lines"]["post"]
    assert {"application/json", "application/x-ndjson", "text/plain"} == {
        *post["requestBody"]["content"]
    }
    assert {"200", "201", "400", "413", "415", "422", "429", "503"} <= {*post["responses"]}
    put_job = schema["paths"]["/api/jobs/{job_id}"]["put"]
    assert "exit_code" in json.dumps(put_job["requestBody"])


@pytest.mark.faults
async def test_redis_killed_and_refusing_in_the_middle_has_each_line_once_after_retries(
    own_redis: RedisServer, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE", 0.3)
    numbers = range(0, 300, 10)
    async with running("joblogs", own_redis.url) as service:

        async def sends() -> None:
            await until_taken(lambda: put(service, job_id, status="running"))
            for number in numbers:
                part = [f"line {number + more}" for more in range(10)]
                await until_taken(lambda part=part: add(service, job_id, part, part[0][5:]))
            await until_taken(lambda: put(service, job_id, exit_code=0))

        sending = asyncio.create_task(sends())
        await asyncio.sleep(0.1)
        own_redis.kill()
        await asyncio.sleep(0.5)
        own_redis.start()
        async with Redis.from_url(own_redis.url) as admin:
            await admin.config_set("maxmemory", 1)
            await asyncio.sleep(0.5)
            await admin.config_set("maxmemory", 0)
        await sending
        assert await texts(service, job_id) == [f"line {number}" for number in range(300)]
        assert [one["type"] for one in await kept(service, job_id)].count("end") == 1
        assert (await service.get(f"/api/jobs/{job_id}"))["status"] == "completed"


async def until_taken(ask: Any) -> None:
    """Ask again while it is 503."""
    async with asyncio.timeout(14):
        while (answer := await ask()).status_code == 503:
            assert answer.headers["Retry-After"] == "2"
            await asyncio.sleep(0.05)
    assert answer.status_code in {200, 201}, answer.text
