"""A page asks the service for pushes, as `dashboard/src/told/pushApi.ts` does."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from redis.asyncio import Redis

from hsi import Publisher
from hsi.keys import KeyEntry, Scope, digest
from hsi_service.door.keys import Identity
from hsi_service.door.session_cookie import COOKIE, seal
from services.notify.app import create_notify_app
from services.notify.push import CHANGES_PER_MINUTE, MAX_BODY
from services.notify.settings import NotifySettings
from services.notify.subscriptions import KEY, MAX_PER_KEY
from services.notify.vapid import Vapid
from tests.clients import golden, http_client, until
from tests.push_service import HOST, Browser, LeadsTo, Server, base64url
from tests.servers import RedisServer, as_user, serving

SECRET = "a secret that all replicas share"
PRIVATE_KEY = base64url(bytes(range(1, 33)))
SUBJECT = "mailto:me@example.com"
SCOPES: tuple[Scope, ...] = ("read", "act", "publish")
KEYS = {scope: KeyEntry(f"{scope} key", scope, digest(scope.encode()).hex()) for scope in SCOPES}
"""The key itself is called like its scope."""
KEY_PATH, PATH = "/api/push", "/api/push/subscriptions"


class Home(NamedTuple):
    http: httpx.AsyncClient
    host: str
    redis: Redis

    def as_page(self, who: Scope | None = "act", **more: str) -> dict[str, str]:
        """Return the headers of a page of this host, whose browser is signed in."""
        headers = {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        if who:
            key = KEYS[who]
            session = Identity("owner", who, key.beginning, time.time() + 60)
            headers["Cookie"] = f"{COOKIE}={seal(session, SECRET)}"
        return headers | more

    async def ask(
        self, method: str, body: Any, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = self.as_page() if headers is None else headers
        return await self.http.request(method, PATH, content=content, headers=sent)

    async def kept(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in await self.redis.hvals(KEY)]


@contextlib.asynccontextmanager
async def running(own_redis: RedisServer, **settings: Any) -> AsyncIterator[Home]:
    given = {
        "redis_url": as_user("notify", own_redis.url),
        "api_keys": tuple(map(str, KEYS.values())),
        "session_secret": SECRET,
        "vapid_private_key": PRIVATE_KEY,
        "vapid_subject": SUBJECT,
    }
    app = create_notify_app(NotifySettings(**given | settings))
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(own_redis.url))
        host, port = await stack.enter_async_context(serving(app))
        http = await stack.enter_async_context(http_client(base_url=f"http://{host}:{port}"))
        yield Home(http, f"{host}:{port}", redis)


@pytest.fixture
async def home(own_redis: RedisServer) -> AsyncIterator[Home]:
    async with running(own_redis) as home:
        yield home


async def test_a_page_subscribes_changes_its_rules_and_ends_it(home: Home) -> None:
    answer = await home.http.get(KEY_PATH, headers=home.as_page("read"))
    assert answer.json() == {"public_key": Vapid(PRIVATE_KEY, SUBJECT).public_key}
    assert answer.headers["cache-control"] == "no-store"
    browser = Browser()
    answer = await home.ask("POST", browser.registration())
    assert (answer.status_code, answer.json()) == (201, {"device": "Chrome on Android"})
    quiet = {"from": "22:00", "to": "07:00", "critical": True}
    changed = browser.registration(quiet=quiet, cameras=["front_door"], min_level="low")
    assert (await home.ask("POST", changed)).status_code == 201
    (kept,) = await home.kept()
    assert kept["rules"] == changed["rules"]
    assert kept["subscription"]["endpoint"] == browser.endpoint
    assert (kept["name"], kept["key"]) == ("owner", KEYS["act"].beginning)
    answer = await home.ask("DELETE", {"endpoint": browser.endpoint})
    assert answer.status_code == 200
    assert await home.kept() == []
    answer = await home.ask("DELETE", {"endpoint": browser.endpoint})
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "this browser gets no pushes from here",
    )


async def test_who_asks_has_to_be_known_and_to_be_the_page_of_this_host(home: Home) -> None:
    browser = Browser()
    refusals = {
        401: home.as_page(None),
        403: home.as_page("read"),
        # A page of another site whose browser is signed in here; and none that a browser shows.
        "403 of another site": home.as_page(Origin="https://evil.example"),
        "403 without Origin": {"Cookie": home.as_page()["Cookie"]},
    }
    for status, headers in refusals.items():
        for method, body in (
            ("POST", browser.registration()),
            ("DELETE", {"endpoint": browser.endpoint}),
        ):
            answer = await home.ask(method, body, headers)
            assert str(answer.status_code) == str(status)[:3], answer.text
    for headers, status in (
        (home.as_page(None), 401),
        (home.as_page("publish"), 403),
        (home.as_page(Origin="https://evil.example"), 403),
    ):
        assert (await home.http.get(KEY_PATH, headers=headers)).status_code == status
    assert await home.kept() == []


ELSEWHERE = {
    f"http://{HOST}/x": "https:// address",
    "https://127.0.0.1/x": "https:// address",
    "https://10.0.0.1/x": "https:// address",
    "https://[::1]/x": "https:// address",
    f"https://{HOST}:8443/x": "https:// address",
    f"https://me:pass@{HOST}/x": "https:// address",
    f"https://{HOST}./x": "https:// address",
    f"https://{HOST}@evil.example/x": "https:// address",
    "https://fcm.googleapis.c\u043em/x": "https:// address",
    "https://evil.example/x": "not one of PUSH_HOSTS",
    f"https://{HOST}.evil.example/x": "not one of PUSH_HOSTS",
    "https://localhost.localdomain/x": "not one of PUSH_HOSTS",
}


async def test_no_page_has_the_service_post_elsewhere(home: Home) -> None:
    for endpoint, why in ELSEWHERE.items():
        answer = await home.ask("POST", Browser(endpoint).registration())
        assert answer.status_code == 422, endpoint
        assert why in answer.json()["detail"]
        assert endpoint not in answer.text
    assert await home.kept() == []


async def test_what_makes_no_sense_is_refused_and_its_field_is_named(home: Home) -> None:
    page = Browser().registration()
    quiet = {"from": "22:00", "to": "07:00", "critical": True}
    wrong: list[tuple[Any, str]] = [
        (b"{", "not JSON"),
        (b'{"subscription":' * 900, "not JSON"),
        ([], "expected `object`"),
        ({}, "subscription: is missing; rules: is missing"),
        ({"rules": page["rules"]}, "subscription: is missing"),
        (page | {"rules": {}}, "rules.min_level: is missing; rules.cameras: is missing; rules."),
        (page | {"subscription": {"endpoint": "https://x"}}, "keys"),
        (page | {"device": "x" * 101}, "device"),
        (Browser().registration(min_level="grave"), "min_level"),
        (Browser().registration(cameras=["x"] * 101), "cameras"),
        (Browser().registration(cameras=["x" * 257]), "cameras"),
        (
            Browser().registration(quiet=quiet | {"from": "25:00"}),
            "rules.quiet.from: expected a time of day, as 22:00",
        ),
        (Browser().registration(quiet=quiet, timezone="Mars/Olympus"), "timezone"),
        (Browser().registration(quiet=quiet, timezone="../../etc/passwd"), "timezone"),
    ]
    short = Browser().registration()
    short["subscription"]["keys"]["auth"] = "AAAA"
    wrong.append((short, "keys"))
    for body, named in wrong:
        answer = await home.ask("POST", body)
        assert answer.status_code == (400 if named == "not JSON" else 422), answer.text
        assert named.lower() in answer.json()["detail"].lower(), answer.text
    assert (await home.ask("POST", b" " * (MAX_BODY + 1))).status_code == 413
    assert await home.kept() == []


async def test_an_address_changes_so_much_a_minute(home: Home) -> None:
    asked = [home.ask("DELETE", {"endpoint": "x"}) for _ in range(2 * CHANGES_PER_MINUTE)]
    answers = await asyncio.gather(*asked)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {404, 429}
    assert len(answers) - len(refused) >= CHANGES_PER_MINUTE
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
    assert (await home.http.get(KEY_PATH, headers=home.as_page())).status_code == 200


async def test_too_many_devices_of_a_key_are_told_so(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notify.subscriptions.MAX_PER_KEY", 1)
    assert MAX_PER_KEY > 1
    assert (await home.ask("POST", Browser().registration())).status_code == 201
    answer = await home.ask("POST", Browser(f"https://{HOST}/2").registration())
    assert (answer.status_code, "as many as" in answer.json()["detail"]) == (409, True)


async def test_without_a_vapid_key_the_page_learns_that_pushes_are_not_set_up(
    own_redis: RedisServer,
) -> None:
    settings = {
        "vapid_private_key": "",
        "vapid_subject": "",
        "notify_rules": "{targets: {a: {url: file:told}}}",
    }
    async with running(own_redis, **settings) as home:
        answer = await home.http.get(KEY_PATH, headers=home.as_page())
        assert answer.status_code == 404
        assert "hsi push keys" in answer.json()["detail"]
        assert (await home.ask("POST", Browser().registration())).status_code == 404


async def test_while_redis_is_away_a_page_is_asked_to_come_back(
    own_redis: RedisServer, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.stop()
    answer = await home.ask("POST", Browser().registration())
    own_redis.start()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "Redis cannot be reached" in answer.json()["detail"]
    assert HOST not in caplog.text


async def test_what_happens_at_home_comes_to_a_subscribed_browser_and_ends_with_its_key(
    own_redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"{KEYS['act']}\n")
    monkeypatch.setattr("hsi_service.skeleton.service.LOOK_INTERVAL", 0.05)
    monkeypatch.setattr("services.notify.notifier.ASK_AGAIN", 0.05)
    monkeypatch.setattr("services.notify.subscriptions.GRACE", 0.1)
    with Server().serving() as service:
        # Nothing but the connection differs: no setting leads anywhere else.
        monkeypatch.setattr("services.notify.push.PublicOnly", lambda: LeadsTo(service.port))
        monkeypatch.setattr("services.notify.posting.trust_by_default", lambda: service.trust)
        settings = {
            "api_keys": (str(KEYS["read"]),),
            "api_keys_file": str(keys),
            "dashboard_url": "https://home.example/hsi",
        }
        async with running(own_redis, **settings) as home:
            browser = Browser()
            assert (await home.ask("POST", browser.registration())).status_code == 201

            async def is_followed() -> bool:
                status = (await home.http.get("/status")).json()["own"]["notify"]
                names = [one["name"] for one in status["targets"]]
                return bool(names and await home.redis.keys(f"consumer:notify:{names[0]}:*"))

            await until(is_followed)
            async with Publisher(as_user("producer", own_redis.url)) as publisher:
                published = await publisher.publish("security_events", golden("event"))

                async def has_come() -> bool:
                    return bool(service.received)

                await until(has_come)
                told = browser.read(service.received[0].body)
                assert told["body"].startswith("Person detected near entrance")
                assert told["url"] == f"/events/{published.cursor}"
                assert told["level"] == "high"
                keys.write_text("")

                async def is_gone() -> bool:
                    return not await home.kept()

                await until(is_gone)
                assert len(service.received) == 1
