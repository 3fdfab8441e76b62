"""A person signs in once, by key or by invite; a key that goes takes all of its clients along."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hsi.keys import KeyEntry, Scope, digest
from hsi_service.door.keys import Identity
from hsi_service.door.limits import FAILURES_PER_MINUTE
from hsi_service.door.session_cookie import COOKIE, seal
from hsi_service.skeleton import service as service_module
from local.processes import free_port
from services.events.app import create_events_app
from services.events.settings import EventsSettings
from tests.clients import hear, http_client
from tests.redis_data import spoil_async
from tests.servers import as_user, serving, under_uvicorn

SECRET = "a secret that all replicas share"
SCOPES: tuple[Scope, ...] = ("read", "act", "admin", "publish")
KEYS = {scope: KeyEntry(f"{scope} key", scope, digest(scope.encode()).hex()) for scope in SCOPES}
"""The key itself is called like its scope."""


class Server(NamedTuple):
    host: str
    http: httpx.AsyncClient

    def as_page(self, **options: Any) -> dict[str, Any]:
        """Return what a page of this host sends along."""
        return {"headers": {"Origin": f"http://{self.host}"} | options}

    async def sign_in(self, key: str) -> httpx.Response:
        return await self.http.post("/api/session", **self.as_page(**{"X-API-Key": key}))

    @contextlib.asynccontextmanager
    async def listening(
        self, *, query: str = "", **headers: str
    ) -> AsyncIterator[ClientConnection]:
        """Connect like a page; the browser sends its cookie along."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        sent = {"Origin": f"http://{self.host}"} | ({"Cookie": cookies} if cookies else {})
        sent = {name: value for name, value in (sent | headers).items() if value}
        async with connect(
            f"ws://{self.host}/ws/events?{query}", compression=None, additional_headers=sent
        ) as client:
            yield client


async def is_answered(client: ClientConnection) -> bool:
    """Return whether a client hears a pong when it says ping."""
    await client.send("ping")
    return bool(json.loads(await hear(client))["type"] == "pong")


async def closed(client: ClientConnection) -> tuple[int | None, str | None]:
    """Wait until a client is closed; return how."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await client.recv()
    return client.close_code, client.close_reason


@contextlib.asynccontextmanager
async def running(redis_url: str, *, by: Any = serving, **settings: Any) -> AsyncIterator[Server]:
    given = {"session_secret": SECRET} | settings
    if "api_keys" not in given and "api_keys_file" not in given:
        given["api_keys"] = tuple(map(str, KEYS.values()))
    app = create_events_app(EventsSettings(redis_url=as_user("events", redis_url), **given))
    async with by(app) as (name, port):
        host = f"{name}:{port}"
        async with http_client(base_url=f"http://{host}") as http:
            yield Server(host, http)


@pytest.fixture
async def server(redis_url: str) -> AsyncIterator[Server]:
    async with running(redis_url) as server:
        yield server


@pytest.mark.parametrize("scope", ["read", "act", "admin"])
async def test_a_person_signs_in_by_a_key_and_needs_it_no_more(
    scope: Scope, server: Server
) -> None:
    answer = await server.sign_in(scope)
    assert answer.status_code == 200
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("hsi_session=")
    assert cookie.endswith("; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000")
    person = answer.json()
    assert (person["name"], person["scope"]) == (f"{scope} key", scope)
    ends = datetime.fromisoformat(person["expires_at"]) - datetime.now(UTC)
    assert 30 * 86_400 - 60 < ends.total_seconds() <= 30 * 86_400
    assert (await server.http.get("/api/session")).json() == person
    async with server.listening() as client:
        assert await is_answered(client)
        keys = (await server.http.get("/status")).json()["keys"]
    assert {"name": f"{scope} key", "scope": scope, "connections": 1} in keys
    out = await server.http.delete("/api/session", **server.as_page())
    assert (out.status_code, out.json()) == (
        200,
        {"detail": "signed out in this browser; others stay signed in"},
    )
    assert COOKIE not in server.http.cookies
    assert (await server.http.get("/api/session")).status_code == 401


async def test_a_cookie_is_good_at_every_replica_and_after_a_restart(redis_url: str) -> None:
    async with running(redis_url) as one, running(redis_url) as other:
        assert (await one.sign_in("act")).status_code == 200
        other.http.cookies = one.http.cookies
        assert (await other.http.get("/api/session")).json()["name"] == "act key"
        async with other.listening() as client:
            assert await is_answered(client)


async def test_who_asks_with_a_key_is_told_who_it_is(server: Server) -> None:
    for scope in SCOPES:
        answer = await server.http.get("/api/session", headers={"X-API-Key": scope})
        assert answer.json() == {"name": f"{scope} key", "scope": scope, "expires_at": None}


async def test_nobody_signs_in_without_a_key_that_reads(server: Server) -> None:
    for headers, status in (
        ({}, 401),
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": "publish"}, 403),
        ({"X-API-Key": "read", "Origin": "https://evil.example"}, 403),
        ({"X-API-Key": "read", "Origin": "null"}, 403),
    ):
        answer = await server.http.post("/api/session", headers=headers)
        assert answer.status_code == status
        assert "Set-Cookie" not in answer.headers
    foreign = {"Origin": "https://evil.example"}
    assert (await server.http.delete("/api/session", headers=foreign)).status_code == 403


async def test_an_old_cookie_is_not_in_the_way_of_a_key_and_is_no_way_to_a_new_one(
    server: Server,
) -> None:
    old = seal(Identity("x", "admin", KEYS["read"].beginning, time.time() - 1), SECRET)
    server.http.cookies.set(COOKIE, old, domain="127.0.0.1")
    assert (await server.sign_in("")).status_code == 401
    assert (await server.sign_in("read")).status_code == 200


async def test_a_browser_sends_the_cookie_from_pages_alone(server: Server) -> None:
    await server.sign_in("admin")
    async with server.listening(Origin="") as client:
        assert await closed(client) == (
            4403,
            "with a cookie as the credential, an Origin header is needed",
        )
    async with server.listening(Origin="https://evil.example") as client:
        assert (await closed(client))[0] == 4403
    assert (await server.http.post("/api/session/invites")).status_code == 403


async def test_where_the_page_is_https_so_is_the_cookie(redis_url: str) -> None:
    for trusted, is_believed in ((("127.0.0.1",), True), (("192.0.2.1",), False)):
        async with running(redis_url, trusted_proxies=trusted) as server:
            for method, proto, is_https in (
                ("POST", "https", True),
                ("DELETE", "https", True),
                ("DELETE", "HTTPS", True),
                ("DELETE", "https, http", True),  # the client's first, then what proxies had
                ("DELETE", "http,https", False),
                ("DELETE", "gopher", False),
            ):
                headers = {"X-API-Key": "read", "X-Forwarded-Proto": proto}
                answer = await server.http.request(method, "/api/session", headers=headers)
                is_secure = answer.headers["Set-Cookie"].endswith("; Secure")
                assert is_secure is (is_believed and is_https), proto


async def test_without_a_secret_of_the_services_nobody_can_sign_in(redis_url: str) -> None:
    async with running(redis_url, session_secret="") as server:
        for path in ("/api/session", "/api/session/invites"):
            answer = await server.http.post(path, headers={"X-API-Key": "read"})
            assert answer.status_code == 503
            assert "SESSION_SECRET is not set" in answer.json()["detail"]


async def test_where_no_credential_is_asked_for_everybody_is_signed_in(redis_url: str) -> None:
    nobody = {"name": "", "scope": "admin", "expires_at": None}
    async with running(redis_url, api_keys=()) as server:
        assert (await server.http.get("/api/session")).json() == nobody
        assert (await server.sign_in("any")).json() == nobody
        assert (await server.http.post("/api/session/invites")).status_code == 409


# Invites.


async def invite(server: Server, key: str, **wanted: str) -> httpx.Response:
    return await server.http.post(
        "/api/session/invites", headers={"X-API-Key": key}, json=wanted or None
    )


async def accept(server: Server, code: str) -> httpx.Response:
    return await server.http.post("/api/session", json={"invite": code}, **server.as_page())


async def test_an_invite_lets_a_guest_in_once(server: Server, redis_url: str) -> None:
    made = await invite(server, "admin", scope="act")
    assert made.status_code == 201
    code, ends = made.json()["code"], datetime.fromisoformat(made.json()["expires_at"])
    assert made.json()["scope"] == "act"
    assert 590 < (ends - datetime.now(UTC)).total_seconds() <= 600
    async with Redis.from_url(redis_url) as redis:
        name = f"invite:{digest(code.encode()).hex()}"
        assert 590 < await redis.ttl(name) <= 600
        kept = await redis.get(name)
        assert code not in str(kept)
    answer = await accept(server, code)
    assert answer.status_code == 200
    assert answer.json()["name"] == "admin key's guest"
    assert answer.json()["scope"] == "act"
    async with server.listening() as client:
        assert await is_answered(client)
    again = await accept(server, code)
    assert (again.status_code, again.json()["detail"]) == (
        401,
        "no valid invite: it is unknown, was used already, or is over; ask for another",
    )
    # The guest may invite others into what it may itself.
    made = await server.http.post(
        "/api/session/invites", json={"scope": "read"}, **server.as_page()
    )
    assert (await accept(server, made.json()["code"])).json()["name"] == "admin key's guest"


@pytest.mark.parametrize(
    ("key", "scope", "status"),
    [
        ("read", "read", 201),
        ("read", "act", 403),
        ("act", "act", 201),
        ("act", "admin", 403),
        ("admin", "admin", 201),
        ("admin", "publish", 400),
        ("admin", "none", 400),
        ("publish", "read", 403),
        ("wrong", "read", 401),
    ],
)
async def test_nobody_invites_into_more_than_it_may_itself(
    key: str, scope: str, status: int, server: Server
) -> None:
    assert (await invite(server, key, scope=scope)).status_code == status


async def test_an_invite_reads_unless_it_is_to_do_more(server: Server) -> None:
    assert (await invite(server, "admin")).json()["scope"] == "read"


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"invite":1}', b'{"code":"x"}', b"\xff"])
async def test_a_body_that_is_not_understood_is_400(body: bytes, server: Server) -> None:
    assert (await server.http.post("/api/session", content=body)).status_code == 400


async def test_codes_cannot_be_guessed_for_long(server: Server) -> None:
    code = (await invite(server, "read")).json()["code"]
    for number in range(FAILURES_PER_MINUTE):
        assert (await accept(server, f"guess-{number}")).status_code == 401
    answer = await accept(server, code)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0


async def test_invites_wait_for_redis_and_say_so_and_keys_do_not() -> None:
    async with running(f"redis://127.0.0.1:{free_port()}/0") as server:
        for answer in (await invite(server, "read"), await accept(server, "x")):
            assert answer.status_code == 503
            assert "invites need Redis" in answer.json()["detail"]
        assert (await server.sign_in("read")).status_code == 200


@pytest.mark.parametrize("kind", ["list", "hash"])
async def test_an_invite_whose_key_holds_something_else_is_503_and_named_in_the_log(
    server: Server, redis_url: str, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    code = (await invite(server, "read")).json()["code"]
    key = f"invite:{digest(code.encode()).hex()}"
    async with Redis.from_url(redis_url) as redis:
        await redis.delete(key)
        await spoil_async(redis, key, kind)
        answer = await accept(server, code)
        assert (answer.status_code, answer.json()["detail"]) == (
            503,
            "this invite cannot be read: the log of the events service names its key",
        )
        assert await redis.type(key) == kind.encode()
        await redis.delete(key)
    assert f"the key {key} does not hold what it should: expected an invite" in caplog.text
    assert code not in caplog.text


# Who has to go.


@pytest.fixture
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "LOOK_INTERVAL", 0.05)


@pytest.mark.usefixtures("look_often")
@pytest.mark.parametrize("by", [serving, under_uvicorn])
async def test_a_key_that_is_taken_away_takes_its_clients_and_guests_along(
    by: Any, redis_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    file.write_text("\n".join(map(str, KEYS.values())))
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(redis_url, by=by, api_keys_file=str(file)))
        invites = [(await invite(server, "admin")).json()["code"] for _ in range(2)]
        others = await stack.enter_async_context(server.listening(query="api_key=read"))
        going = [await stack.enter_async_context(server.listening(query="api_key=admin"))]
        for sign_in in (server.sign_in("admin"), accept(server, invites[0])):
            assert (await sign_in).status_code == 200
            going.append(await stack.enter_async_context(server.listening()))
        file.write_text(str(KEYS["read"]))
        for client in going:
            assert await closed(client) == (
                4401,
                "this key or session is no longer valid here: sign in again",
            )
        assert await is_answered(others)
        assert (await server.http.get("/api/session")).status_code == 401
        assert (await accept(server, invites[1])).status_code == 401


@pytest.mark.usefixtures("look_often")
async def test_a_client_has_to_go_when_its_session_ends(server: Server) -> None:
    ends = time.time() + 0.5
    cookie = seal(Identity("read key", "read", KEYS["read"].beginning, ends), SECRET)
    server.http.cookies.set(COOKIE, cookie, domain="127.0.0.1")
    async with server.listening(query="api_key=read") as by_key, server.listening() as by_cookie:
        assert await closed(by_cookie) == (4401, "this session has ended: sign in again")
        assert time.time() >= ends
        assert await is_answered(by_key)
    async with server.listening() as late:
        assert await closed(late) == (4401, "this session has ended: sign in again")
