"""Events over HTTP: published once and heard, or refused by the field."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis

from hsi.keys import KeyEntry, Scope, digest
from hsi.publishing import SCRIPT
from hsi.schemas import channels
from hsi.schemas.base import MAX_ID
from hsi_service.door.session_cookie import COOKIE
from hsi_service.publish import publishing
from hsi_service.publish.bodies import MAX_BODY
from tests.clients import golden, hear, http_client, until
from tests.conftest import StartReplica
from tests.servers import RedisServer
from tests.services.events.home import Home, home_at, ids

SHORT = {"camera_id": "front_door", "risk_score": 75, "summary": "Person at the door"}
SCOPES: tuple[Scope, ...] = ("read", "act", "admin", "publish")
KEYS = {
    "api_keys": tuple(
        str(KeyEntry(name, scope, digest(name.encode()).hex()))
        for name, scope in [*((scope, scope) for scope in SCOPES), ("another", "publish")]
    ),
    "session_secret": "a secret that all replicas share",
}
"""Each key is called like its scope, and one is another's."""


async def send(home: Home, body: Any, key: str | None = None, **headers: str) -> httpx.Response:
    if key is not None:
        headers["Idempotency-Key"] = key
    return await home.http.post("/api/events", json=body, headers=headers)


async def kept(home: Home) -> list[Any]:
    """Return what the history has."""
    entries: Any = await home.redis.xrange(home.history)
    return [json.loads(fields["m"]) for _, fields in entries]


async def test_an_event_of_three_fields_is_completed_heard_and_found_at_its_location(
    home: Home,
) -> None:
    async with home.listener() as client:
        answer = await send(home, SHORT)
        heard = json.loads(await hear(client))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    data = heard["data"]
    assert heard["cursor"] == told["cursor"]
    assert (data["camera_id"], data["risk_level"]) == ("front_door", "high")
    assert data["id"] == data["event_id"] == told["event_id"] <= MAX_ID
    found = await home.http.get(answer.request.url.join(answer.headers["Location"]).path)
    assert found.json()["event"]["message"] == heard
    assert ids(await home.get()) == [told["event_id"]]


async def test_a_message_that_lacks_nothing_stays_byte_for_byte_as_do_those_of_a_list(
    home: Home,
) -> None:
    text = golden("event").strip().decode()
    content = f"[{text}, {text}]"
    async with home.listener() as client:
        for body in (text, content):
            answer = await home.http.post(
                "/api/events", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code == 201, answer.text
        heard = [await hear(client) for _ in range(3)]
    assert all(one.endswith(text.removeprefix("{")) for one in heard)
    assert answer.json()["cursors"] == [json.loads(one)["cursor"] for one in heard[1:]]
    assert "Location" not in answer.headers


async def test_a_repeated_key_publishes_nothing_at_any_replica_and_tells_the_first_cursor(
    redis_url: str, channel: str
) -> None:
    async with home_at(redis_url, channel) as one, home_at(redis_url, channel) as other:
        first = await send(one, SHORT, "doorbell-7")
        again = await send(other, SHORT, "doorbell-7")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        assert again.headers["Location"] == first.headers["Location"]
        many = await send(one, [SHORT] * 3, "a list")
        repeated = await send(other, [SHORT] * 3, "a list".replace(" ", "-"))
        assert many.status_code == 400, "a key has no spaces"
        assert repeated.status_code == 201
        again = await send(one, [SHORT] * 3, "a-list")
        assert (again.status_code, again.json()) == (200, repeated.json())
        assert len(await kept(one)) == 4


async def test_a_key_that_was_used_for_another_body_tells_the_event_that_is_published(
    home: Home,
) -> None:
    first = await send(home, SHORT | {"event_id": 1}, "used")
    again = await send(home, SHORT | {"event_id": 2}, "used")
    assert (first.json()["event_id"], again.status_code) == (1, 200)
    assert again.json() == first.json()
    await send(home, [SHORT | {"event_id": number} for number in (3, 4)], "used-list")
    more = await send(home, [SHORT | {"event_id": number} for number in (5, 6, 7)], "used-list")
    assert more.json()["event_ids"] == [3, 4, 7]
    await home.redis.xtrim(home.history, maxlen=0)
    forgotten = await send(home, SHORT | {"event_id": 2}, "used")
    assert (forgotten.status_code, forgotten.json()["event_id"]) == (200, None)


async def test_all_at_once_with_one_key_are_one_event(home: Home) -> None:
    answers = await asyncio.gather(*(send(home, SHORT, "one") for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert len(await kept(home)) == 1


async def test_of_a_list_all_is_published_or_nothing_and_each_fault_is_named(home: Home) -> None:
    whole = json.loads(golden("event"))
    whole["data"]["risk_score"] = 101
    answer = await send(home, [SHORT, whole, {"camera_id": "x"}])
    assert answer.status_code == 422
    told = answer.json()
    assert told["detail"] == (
        "message 1: data.risk_score: expected `int` <= 100; message 2: risk_score: is missing"
    )
    assert told["extra"] == [
        {"index": 1, "key": "data.risk_score", "message": "expected `int` <= 100"},
        {"index": 2, "key": "risk_score", "message": "is missing"},
    ]
    assert await kept(home) == []


REFUSED: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"{", {}, 400, "the body is not JSON"),
    (b"\xff", {}, 400, "not UTF-8"),
    (b"", {}, 400, "not JSON"),
    (b"[" * 100_000, {}, 400, "nested too deeply"),
    (b"{}", {"Idempotency-Key": "x" * 129}, 400, "1 to 128 characters"),
    (b"[" + b"1," * 100 + b"1]", {}, 413, "at most 100 in a request, found 101"),
    (b" " * (MAX_BODY + 1), {}, 413, "1024 KiB"),
    (b"{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "curl: --json"),
    (b"{}", {"Content-Type": ""}, 415, "expected application/json"),
    (b"[]", {}, 422, "expected 1 to 100"),
    (b"7", {}, 422, "expected an object"),
]


async def test_what_cannot_be_published_is_told_why(home: Home) -> None:
    for body, more, status, why in REFUSED:
        headers = {"Content-Type": "application/json"} | more
        answer = await home.http.post("/api/events", content=body, headers=headers)
        assert (answer.status_code, why in answer.text) == (status, True), answer.text
    assert await kept(home) == []


async def test_a_body_of_a_mebibyte_is_taken_and_no_other_route_takes_as_much(home: Home) -> None:
    large = {**SHORT, "summary": "x" * 200_000}
    assert (await send(home, [large] * 5)).status_code == 201
    assert len(await kept(home)) == 5
    answer = await home.http.post("/api/session", content=b" " * 70_000)
    assert answer.status_code == 413


async def test_only_a_key_to_publish_publishes_and_it_reads_nothing(
    redis_url: str, channel: str
) -> None:
    async with home_at(redis_url, channel, **KEYS) as home:
        assert (await send(home, SHORT)).status_code == 401
        for scope, status in {"read": 403, "act": 403, "admin": 403, "publish": 201}.items():
            answer = await send(home, SHORT, **{"X-API-Key": scope})
            assert answer.status_code == status, answer.text
        answer = await home.http.get("/api/events", headers={"X-API-Key": "publish"})
        assert answer.status_code == 403


async def test_two_keys_have_idempotency_keys_of_their_own(redis_url: str, channel: str) -> None:
    async with home_at(redis_url, channel, **KEYS) as home:
        for key in ("publish", "another"):
            answer = await send(home, SHORT, "1", **{"X-API-Key": key})
            assert answer.status_code == 201, "one could keep the other's events away"
        assert len(await kept(home)) == 2


async def test_no_page_publishes_with_a_cookie_and_none_of_another_origin_at_all(
    redis_url: str, channel: str
) -> None:
    foreign = {"Origin": "https://evil.example"}
    async with home_at(redis_url, channel, **KEYS) as home:
        own = {"Origin": str(home.http.base_url).rstrip("/")}
        assert (
            await home.http.post("/api/session", headers={"X-API-Key": "publish", **own})
        ).status_code == 403, "a session never has this scope"
        signed_in = await home.http.post("/api/session", headers={"X-API-Key": "admin", **own})
        assert COOKIE in signed_in.headers["Set-Cookie"]
        for origin in (own, foreign):
            answer = await send(home, SHORT, **origin)
            assert answer.status_code == 403, answer.text
        answer = await send(home, SHORT, **{"X-API-Key": "publish"}, **foreign)
        assert answer.status_code == 403
        assert await kept(home) == []
    async with home_at(redis_url, channel) as open_home:  # This machine is the credential.
        assert (await send(open_home, SHORT, **foreign)).status_code == 403
        assert (await send(open_home, SHORT, Origin="null")).status_code == 403
        assert await kept(open_home) == []


async def test_too_many_requests_of_a_key_wait_and_another_key_does_not(
    redis_url: str, channel: str
) -> None:
    async with home_at(redis_url, channel, publish_rate_limit=2, **KEYS) as home:
        mine = {"X-API-Key": "publish"}
        answers = [await send(home, SHORT, **mine) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 30
        assert (await send(home, SHORT, **{"X-API-Key": "another"})).status_code == 201


async def test_while_redis_refuses_writes_it_is_503_and_the_retry_publishes_once(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE", 0.2)
    async with home_at(own_redis.url, channel) as home, Redis.from_url(own_redis.url) as admin:
        await admin.config_set("maxmemory", 1)
        answer = await send(home, SHORT, "k")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert answer.json()["detail"].startswith("Redis refuses it: OOM")
        assert "same Idempotency-Key" in answer.text
        await admin.config_set("maxmemory", 0)
        statuses = [(await send(home, SHORT, "k")).status_code for _ in range(2)]
        assert statuses == [201, 200]
        assert len(await kept(home)) == 1


async def test_what_too_few_replicas_of_redis_have_is_503_that_counts_them(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE", 0)
    async with home_at(redis_url, channel, wait_for_replicas=1) as home:
        await home.redis.script_load(SCRIPT)
        answer = await send(home, SHORT, "k")
        assert answer.status_code == 503
        assert answer.json()["detail"] == (
            "0 of 1 replicas of Redis have it; "
            "it may have been published: ask again with the same Idempotency-Key"
        )
        assert len(await kept(home)) == 1


@pytest.mark.faults
async def test_redis_frozen_in_the_middle_costs_503_and_the_retry_makes_no_second_event(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent to a frozen Redis is executed when it thaws, and so is the retry."""
    monkeypatch.setattr(publishing, "PATIENCE", 0.3)
    monkeypatch.setattr("hsi.publisher.TIMEOUT", 0.3)
    async with home_at(own_redis.url, channel) as home:
        assert (await send(home, SHORT, "before")).status_code == 201
        own_redis.freeze()
        answers = await asyncio.gather(*(send(home, SHORT, f"k{n}") for n in range(3)))
        assert [answer.status_code for answer in answers] == [503] * 3
        own_redis.thaw()
        for n in range(3):
            assert (await until_taken(home, SHORT, f"k{n}")).json()["cursor"]
        assert len(await kept(home)) == 4


@pytest.mark.faults
async def test_redis_killed_in_the_middle_has_each_event_once_after_retries(
    own_redis: RedisServer, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE", 0.3)
    async with home_at(own_redis.url, channel) as home:
        clients = [
            asyncio.create_task(until_taken(home, {**SHORT, "event_id": n}, f"k{n}"))
            for n in range(50)
        ]
        await asyncio.sleep(0.05)
        own_redis.kill()
        await asyncio.sleep(0.5)
        own_redis.start()
        answers = await asyncio.gather(*clients)
        assert {answer.json()["event_id"] for answer in answers} == set(range(50))
        assert sorted(one["data"]["event_id"] for one in await kept(home)) == list(range(50))


@pytest.mark.faults
async def test_a_replica_killed_before_its_answer_has_the_event_once_after_a_retry_at_another(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    """Its client does not know what was published; the other replica finds out."""
    doomed, other = start_replica(redis_url, channel), start_replica(redis_url, channel)
    async with http_client() as http, Redis.from_url(redis_url) as redis:
        request = http.build_request(
            "POST", f"{doomed.url}/api/events", json=SHORT, headers={"Idempotency-Key": "k"}
        )
        lines = [
            b"POST /api/events HTTP/1.1",
            *(b"%s: %s" % field for field in request.headers.raw),
        ]
        _, writer = await asyncio.open_connection("127.0.0.1", request.url.port)
        writer.write(b"\r\n".join([*lines, b"", b""]) + request.content)

        async def is_published() -> bool:
            return bool(await redis.exists(channels.history(channel)))

        await until(is_published)
        doomed.kill()
        writer.close()
        answer = await http.post(
            f"{other.url}/api/events", json=SHORT, headers={"Idempotency-Key": "k"}
        )
        assert answer.status_code == 200
        entries: Any = await redis.xrange(channels.history(channel))
        assert [cursor.decode() for cursor, _ in entries] == [answer.json()["cursor"]]


async def until_taken(home: Home, body: Any, key: str) -> httpx.Response:
    """Ask again, as `Retry-After` says but sooner, until it is published."""
    async with asyncio.timeout(14):
        while (answer := await send(home, body, key)).status_code == 503:
            await asyncio.sleep(0.1)
    assert answer.status_code in {200, 201}, answer.text
    return answer


async def test_the_schema_says_what_a_body_holds_and_all_that_is_answered(home: Home) -> None:
    schema = (await home.http.get("/schema/openapi.json")).json()
    operation = schema["paths"]["/api/events"]["post"]
    assert {*operation["responses"]} == {
        *("200", "201", "400", "401", "403", "413", "415", "422", "429", "503")
    }
    assert [one["name"] for one in operation["parameters"]] == ["Idempotency-Key"]
    media = operation["requestBody"]["content"]["application/json"]
    assert "risk_score" in json.dumps(media["schema"])
    examples = [example["value"] for example in media["examples"].values()]
    for body in examples:
        assert (await send(home, body)).status_code == 201
