"""Who gets in and who does not, through real handshakes with a real replica."""

import asyncio
import hashlib
import json
from typing import Any
from urllib.parse import quote

import pytest
from litestar import Litestar, get
from litestar.testing import AsyncTestClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hsi_service.door.access import Decision, Handshake, Request
from hsi_service.door.door import Admission, Door, Refusal
from hsi_service.door.limits import FAILURES_PER_MINUTE, Excess, Limits
from hsi_service.lifecycle import Lifecycle
from hsi_service.metrics import Metrics
from hsi_service.settings import Settings
from hsi_service.skeleton.service import Service, create_app
from local.processes import Process
from tests.clients import dashboard, golden, has_connections, hear, metric, publish, until
from tests.conftest import StartReplica

KEY, TOKEN = "key-1_of.two", "a token/with+odd=chars of 32 or more"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
LOCK = {"API_KEYS": f"{'0' * 64}, {DIGEST}", "WEBSOCKET_TOKEN": TOKEN}


def knock(
    server: Process,
    query: str = "",
    *,
    origin: str | None = None,
    address: str = "",
    **options: Any,
) -> connect:
    """Connect like a dashboard: with credentials, from an origin, through a proxy."""
    uri = f"{server.url.replace('http', 'ws')}/ws/events?{query}"
    headers = {"X-Forwarded-For": address} if address else {}
    return dashboard(server, uri=uri, origin=origin, additional_headers=headers, **options)


async def closed_with(server: Process, *args: Any, **options: Any) -> tuple[int | None, str | None]:
    """Connect; return the code and reason of a close that comes after the open."""
    async with knock(server, *args, **options) as client:
        # As in a browser: what it offers has to be answered, or there is no open at all.
        keys = [name for name in options.get("subprotocols", []) if name.startswith("api-key.")]
        assert client.subprotocol == (keys[0] if keys else None)
        with pytest.raises(ConnectionClosed):
            await hear(client)
    return client.close_code, client.close_reason


async def refused_with(server: Process, *args: Any, **options: Any) -> tuple[int, str, int]:
    """Connect; return the HTTP status, its reason and Retry-After (0: none)."""
    with pytest.raises(InvalidStatus) as caught:
        await knock(server, *args, **options)
    response = caught.value.response
    retry_after = int(response.headers.get("Retry-After", "0"))
    return response.status_code, (response.body or b"").decode(), retry_after


async def refusals(server: Process, status: int) -> float:
    return await metric(server, f'hsi_refusals_total{{status="{status}"}}')


async def test_each_way_in_leads_in(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, **LOCK)
    ways: list[tuple[str, list[str]]] = [
        (f"api_key={KEY}", []),
        (f"token={quote(TOKEN, safe='')}", []),
        ("", [f"api-key.{KEY}"]),
        (f"api_key={KEY}", ["api-key.wrong"]),
    ]
    for query, subprotocols in ways:
        async with knock(replica, query, subprotocols=subprotocols or None) as client:
            assert client.subprotocol == next(iter(subprotocols), None)
            await publish(redis_url, channel, golden("event"))
            assert await hear(client) == golden("event").decode()


async def test_without_a_valid_credential_it_is_4401_after_the_open(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, **LOCK)
    none = 4401, "no credential: send ?api_key=, ?token= or the subprotocol api-key.<key>"
    unknown = 4401, "no valid credential: this API key or token is not known here"
    assert await closed_with(replica) == none
    assert await closed_with(replica, "api_key=&token=") == none
    assert await closed_with(replica, subprotocols=["api-key."]) == none
    assert await closed_with(replica, f"api_key={DIGEST}") == unknown
    assert await closed_with(replica, f"token={KEY}") == unknown
    assert await closed_with(replica, subprotocols=["chat", "api-key.wrong"]) == unknown
    # Somebody who asks wrongly is not told so before being let in.
    assert await closed_with(replica, "tail=x") == none
    assert await refusals(replica, 4401) == 7
    assert await has_connections(replica, 0)


async def test_a_page_of_another_origin_gets_4403_after_the_open(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, ALLOWED_ORIGINS="https://dash.example", **LOCK)
    query = f"api_key={KEY}"
    why = 4403, "this page's origin is not allowed: ALLOWED_ORIGINS does not name it"
    assert await closed_with(replica, query, origin="https://evil.example") == why
    assert await closed_with(replica, query, origin="null") == why
    options: dict[str, Any] = {"origin": "null", "subprotocols": [f"api-key.{KEY}"]}
    assert await closed_with(replica, **options) == why
    assert await refusals(replica, 4403) == 3
    for origin in ("https://dash.example", replica.url, None):
        async with knock(replica, query, origin=origin) as client:
            await client.send("ping")
            assert json.loads(await hear(client))["type"] == "pong"


async def test_an_open_service_is_not_open_to_every_page(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel)
    assert (await closed_with(replica, origin="https://evil.example"))[0] == 4403
    async with knock(replica, origin="http://127.0.0.1:5173"):
        pass


async def test_a_full_replica_says_503_until_somebody_leaves(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, MAX_CONNECTIONS="2", **LOCK)
    query = f"api_key={KEY}"
    full = 503, "full: this replica has all the clients it may have", 10
    async with knock(replica, query) as first, knock(replica, query):
        assert await refused_with(replica, query) == full
        assert await refused_with(replica) == full  # before it looks at credentials
        assert await refusals(replica, 503) == 2
        await first.close()
        await gets_in(replica, query)


async def gets_in(server: Process, query: str = "") -> None:
    """Wait until a client gets in; its place may take a moment to be free."""

    async def attempt() -> bool:
        try:
            async with knock(server, query) as client:
                await client.send("ping")
                return bool(json.loads(await hear(client))["type"] == "pong")
        except InvalidStatus as error:
            if error.response.status_code != 503:
                raise
            return False

    await until(attempt)


async def test_a_place_is_given_back_however_a_client_leaves(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, MAX_CONNECTIONS="1", **LOCK)
    query = f"api_key={KEY}"
    for _ in range(2):  # Given back twice, it would let two in.
        await gets_in(replica, query)
        assert (await refused_with(replica, f"{query}&tail=x"))[0] == 400
        await gets_in(replica, query)
        assert (await closed_with(replica, "api_key=wrong"))[0] == 4401
        await gets_in(replica, query)
        assert (await closed_with(replica, query, origin="null"))[0] == 4403
        await gets_in(replica, query)
        async with knock(replica, query) as client:
            client.transport.abort()
        await gets_in(replica, query)
        for credential in (KEY, "wrong"):
            await begin_and_leave(replica, f"api_key={credential}")
            await gets_in(replica, query)
        async with knock(replica, query):
            assert (await refused_with(replica, query))[0] == 503


async def begin_and_leave(server: Process, query: str) -> None:
    """Ask for a WebSocket, and be gone before the answer."""
    _, _, port = server.url.rpartition(":")
    _, writer = await asyncio.open_connection("127.0.0.1", int(port))
    writer.write(
        f"GET /ws/events?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    await writer.drain()
    writer.transport.abort()


async def test_an_address_has_its_limit_and_others_have_theirs(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    # The test is a proxy on loopback, and there is a second one before it.
    replica = start_replica(
        redis_url, channel, MAX_CONNECTIONS_PER_IP="1", TRUSTED_PROXIES="127.0.0.0/8,10.0.0.0/8"
    )
    many = 429, "too many connections from this address", 10
    async with (
        knock(replica, address="198.51.100.1"),
        knock(replica, address="198.51.100.2, 10.1.2.3"),
        knock(replica, address="2001:db8::1"),
    ):
        assert await refused_with(replica, address="198.51.100.1") == many
        assert await refused_with(replica, address="198.51.100.2") == many
        # One IPv6 customer has 2^64 addresses.
        assert await refused_with(replica, address="2001:db8::dead:beef") == many
        # What a client writes itself stands further left, and is not believed.
        assert await refused_with(replica, address="203.0.113.9, 198.51.100.1") == many
        assert await refusals(replica, 429) == 4
        async with knock(replica, address="198.51.100.1, 198.51.100.3"):
            pass
        async with knock(replica, address="2001:db8:0:1::1"):
            pass
    assert "TRUSTED_PROXIES" not in replica.log.read_text()


@pytest.mark.parametrize("proxies", ["", "192.0.2.1"])
async def test_who_is_no_trusted_proxy_speaks_for_itself_alone(
    redis_url: str, channel: str, start_replica: StartReplica, proxies: str
) -> None:
    replica = start_replica(redis_url, channel, MAX_CONNECTIONS_PER_IP="1", TRUSTED_PROXIES=proxies)
    async with knock(replica, address="198.51.100.1"):
        assert (await refused_with(replica, address="198.51.100.2"))[0] == 429
    assert "if this is your proxy, name it in TRUSTED_PROXIES" in replica.log.read_text()


async def test_handshakes_have_a_rate_and_guesses_count(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(
        redis_url, channel, HANDSHAKE_RATE_LIMIT="3", TRUSTED_PROXIES="127.0.0.1", **LOCK
    )
    for guess in ("1", "2", "3"):
        assert (await closed_with(replica, f"token={guess}", address="198.51.100.1"))[0] == 4401
    status, reason, retry_after = await refused_with(
        replica, f"api_key={KEY}", address="198.51.100.1"
    )
    assert (status, reason) == (429, "too many handshakes from this address")
    assert 1 <= retry_after <= 20
    async with knock(replica, f"api_key={KEY}", address="198.51.100.2"):
        pass


async def test_strangers_do_not_fill_the_log(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, **LOCK)
    for _ in range(20):
        await closed_with(replica)
    assert await refusals(replica, 4401) == 20
    assert replica.log.read_text().count("turned a client away") == 1


# Without a server: all that a handshake asks of the door.


def test_who_leaves_costs_the_same_however_many_addresses_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The length of `Limits` is counted over all of them."""
    counted: list[Limits] = []

    def length(limits: Limits) -> int:
        counted.append(limits)
        return 1

    monkeypatch.setattr(Limits, "__len__", length)
    admission = door().examine(Handshake(query=f"api_key={KEY}".encode()), "127.0.0.1")
    assert isinstance(admission, Admission)
    admission.release()
    assert not counted


def door(**settings: Any) -> Door:
    lifecycle = Lifecycle()
    lifecycle.started()
    return Door(Settings(api_keys=(DIGEST,), **settings), lifecycle, Metrics())


def test_guesses_over_websockets_and_over_http_are_counted_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = door()
    for number in range(FAILURES_PER_MINUTE // 2):
        guess = Handshake(query=f"token=guess-{number}".encode())
        refusal = there.examine(guess, "198.51.100.1")
        assert isinstance(refusal, Refusal)
        assert refusal.code == 4401
        decision = there.examine_request(Request(keys=[f"guess-{number}"]), "198.51.100.1")
        assert isinstance(decision, Decision)
        assert decision.code == 4401
    good = Handshake(query=f"api_key={KEY}".encode())
    assert isinstance(there.examine(good, "198.51.100.2"), Admission)
    monkeypatch.delattr("hsi_service.door.keys.digest")  # nothing is tried any more
    refusal = there.examine(good, "198.51.100.1")
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (429, None)
    assert 1 <= (refusal.retry_after or 0) <= 60
    excess = there.examine_request(Request(keys=[KEY]), "198.51.100.1")
    assert isinstance(excess, Excess)


# Under /api.


@get("/api/jobs", sync_to_thread=False)
def jobs() -> list[str]:
    return ["a job"]


def client_of(service: Service) -> AsyncTestClient[Litestar]:
    return AsyncTestClient(create_app(service, routes=[jobs]), base_url="http://127.0.0.1")


@pytest.fixture
def locked(redis_url: str) -> Service:
    settings = Settings(
        redis_url=redis_url, api_keys=(DIGEST,), allowed_origins=("https://dash.example",)
    )
    return Service("joblogs", settings)


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}]
)
async def test_a_key_opens_every_route_under_api(locked: Service, headers: dict[str, str]) -> None:
    async with client_of(locked) as client:
        response = await client.get("/api/jobs", headers=headers)
        assert (response.status_code, response.json()) == (200, ["a job"])


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "no API key: send it as X-API-Key or as Authorization: Bearer"),
        ({"X-API-Key": "wrong"}, "no valid credential: this API key or token is not known here"),
        ({"Authorization": f"Basic {KEY}"}, "no API key: send it as X-API-Key"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/api/jobs", "//api/jobs", "/api//jobs/", f"/api/jobs?api_key={KEY}"]
)
async def test_without_one_it_is_401_that_says_how(
    locked: Service, headers: dict[str, str], why: str, path: str
) -> None:
    async with client_of(locked) as client:
        response = await client.get(f"http://127.0.0.1{path}", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json()["status_code"] == 401
    assert response.json()["detail"].startswith(why)
    assert b'hsi_refusals_total{status="401"} 1.0' in locked.metrics.exposition()


async def test_what_is_not_under_api_asks_for_no_key(locked: Service) -> None:
    async with client_of(locked) as client:
        for path in ("/health/live", "/health/ready", "/metrics", "/status", "/schema"):
            assert (await client.get(path)).status_code == 200


async def test_pages_of_allowed_origins_may_use_the_api_and_no_others(locked: Service) -> None:
    async with client_of(locked) as client:
        ask = {
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "x-api-key",
        }
        for origin, allowed in (("https://dash.example", True), ("https://evil.example", False)):
            headers = {"Origin": origin}
            preflight = await client.options("/api/jobs", headers=headers | ask)
            assert preflight.is_success is allowed
            response = await client.get("/api/jobs", headers=headers | {"X-API-Key": KEY})
            assert response.status_code == (200 if allowed else 403)
            named = response.headers.get("Access-Control-Allow-Origin")
            assert named == (origin if allowed else None)


async def test_without_credentials_the_api_is_open_on_this_machine(redis_url: str) -> None:
    service = Service("joblogs", Settings(redis_url=redis_url))
    async with client_of(service) as client:
        assert (await client.get("/api/jobs")).status_code == 200
