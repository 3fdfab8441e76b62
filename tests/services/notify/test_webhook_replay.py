"""A webhook gets again what it missed, each message under the id that it had."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result
from redis.asyncio import Redis
from standardwebhooks import Webhook

from hsi import Publisher
from hsi.cli.commands import main
from hsi.keys import KeyEntry, digest
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor
from services.notify import webhook_replay as module
from services.notify.app import create_notify_app
from services.notify.news import alert_in, event_in
from services.notify.posting import Poster
from services.notify.rules import Rules
from services.notify.settings import NotifySettings
from services.notify.webhook import Signer
from services.notify.webhook_replay import Replayer, ReplayState
from services.notify.webhook_target import Webhooks, WebhookTarget
from tests.clients import golden, until
from tests.push_service import HOST, LeadsTo, Says, Server
from tests.servers import RedisServer, as_user, serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = json.loads(golden("event"))
SOURCES = {
    channels.SECURITY_EVENTS: partial(event_in, dashboard=""),
    channels.ALERTS_HISTORY: partial(alert_in, dashboard=""),
}


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with Server().serving() as service:
        yield service


class Home(NamedTuple):
    service: Server
    target: WebhookTarget
    webhooks: Webhooks
    replayer: Replayer
    redis: Redis
    publisher: Publisher

    async def publish(self, number: int, level: str = "high") -> str:
        data = EVENT["data"] | {"id": number, "event_id": number, "risk_level": level}
        published = await self.publisher.publish(
            channels.SECURITY_EVENTS, json.dumps(EVENT | {"data": data}).encode()
        )
        assert published.cursor
        return str(published.cursor)

    async def replayed(self, since: str) -> ReplayState:
        cursor = Cursor.parse(since)
        assert cursor
        state = await self.replayer.begin(self.target, cursor)
        assert state

        async def is_over() -> bool:
            return state.is_over

        await until(is_over)
        return state

    def got(self) -> list[tuple[str, Any]]:
        """Return the kind and data of what came, each verified."""
        told = [
            Webhook(SECRET).verify(one.body, dict(one.headers)) for one in self.service.received
        ]
        return [(one["type"], one["data"]["data"]) for one in told]

    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.service.received]


@pytest.fixture
async def home(
    own_redis: RedisServer, service: Server, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Home]:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "SETTLES", 0.2)
    service.received.clear()
    service.replies.clear()
    url = as_user("notify", own_redis.url)
    poster = Poster(connector=LeadsTo(service.port), trust=service.trust)
    target = WebhookTarget("nas", f"https://{HOST}/hook", Signer(SECRET), Rules(), poster)
    webhooks, supervisor = Webhooks([target], url), Supervisor(Metrics())
    replayer = Replayer(webhooks, url, SOURCES, supervisor)
    async with contextlib.AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(own_redis.url))
        publisher = await stack.enter_async_context(Publisher(as_user("producer", own_redis.url)))
        yield Home(service, target, webhooks, replayer, redis, publisher)
    await supervisor.stop()
    for part in (replayer, webhooks, poster):
        await part.aclose()


async def test_what_came_after_a_cursor_is_sent_in_order_and_under_the_same_ids(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    since = await home.publish(1)
    for number in range(2, 7):
        await home.publish(number)
    alert = golden("alert")
    await home.redis.xadd(channels.ALERTS_HISTORY, {"data": alert})
    await home.publish(7, "low")
    last = await home.publish(8)
    state = await home.replayed(since)
    kinds = [(kind, data.get("event_id")) for kind, data in home.got()]
    events = [("event", number) for number in range(2, 7)]
    assert kinds == [*events, (kinds[5][0], None), ("event", 8)]
    assert (state.sent, state.passed, state.cursor, state.trouble) == (7, 1, last, None)
    before = home.ids()
    assert len(set(before)) == 7
    home.service.received.clear()
    await home.replayed(since)
    assert home.ids() == before


async def test_it_waits_for_a_receiver_that_has_no_time(home: Home) -> None:
    home.service.replies = [Says(503), Says(429, (("Retry-After", "0"),)), Says(200)]
    await home.publish(1)
    state = await home.replayed("0-0")
    assert (state.sent, len(home.service.received)) == (1, 3)
    assert len(set(home.ids())) == 1


async def test_it_ends_where_nobody_takes_anything_and_says_where_to_go_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIES", 2)
    first = await home.publish(1)
    await home.publish(2)
    home.service.replies = [Says(200), Says(500), Says(500)]
    state = await home.replayed("0-0")
    assert (state.sent, state.cursor) == (1, first)
    assert state.trouble == "webhook: it answers 500"
    assert (await home.replayed(state.cursor)).sent == 1


async def test_a_message_that_is_refused_holds_up_no_other(home: Home) -> None:
    await home.publish(1)
    await home.publish(2)
    home.service.replies = [Says(422)]
    state = await home.replayed("0-0")
    assert [data["event_id"] for _, data in home.got()] == [1, 2]
    assert state.cursor


async def test_one_that_wanted_no_more_is_told_again_and_misses_nothing_meanwhile(
    home: Home,
) -> None:
    await home.publish(1)
    await home.webhooks.gone(home.target)
    assert await home.webhooks.targets() == []
    cursor = Cursor.parse("0-0")
    assert cursor
    state = await home.replayer.begin(home.target, cursor)
    assert state
    assert await home.webhooks.targets() == [home.target]

    async def has_come() -> bool:
        return len(home.service.received) == 1

    await until(has_come)
    await home.publish(2)

    async def is_over() -> bool:
        return state.is_over

    await until(is_over)
    assert [data["event_id"] for _, data in home.got()] == [1, 2]


async def test_of_one_webhook_one_replay_is_under_way(home: Home) -> None:
    cursor = Cursor(0, 0)
    await home.publish(1)
    home.service.replies = [Says(503)] * 3
    assert await home.replayer.begin(home.target, cursor)
    assert await home.replayer.begin(home.target, cursor) is None
    state = home.replayer.report().webhooks["webhook-nas"]

    async def is_over() -> bool:
        return state.is_over

    await until(is_over)
    assert home.replayer.target("nas") is home.replayer.target("webhook-nas") is home.target
    assert home.replayer.target("other") is None


async def test_410_ends_a_replay_and_the_webhook(home: Home) -> None:
    await home.publish(1)
    home.service.replies = [Says(410)]
    state = await home.replayed("0-0")
    assert state.trouble == "webhook: it answers 410: it wants no more"
    assert await home.webhooks.targets() == []


async def test_a_webhook_of_the_rules_is_told_and_replayed_to_by_an_admin(
    own_redis: RedisServer, service: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.received.clear()
    monkeypatch.setattr(
        "services.notify.webhook_target.Poster",
        lambda: Poster(connector=LeadsTo(service.port), trust=service.trust),
    )
    rules = {"webhooks": {"nas": {"url": f"https://{HOST}/hook", "secret": SECRET}}}
    keys = [KeyEntry(scope, scope, digest(scope.encode()).hex()) for scope in ("act", "admin")]
    app = create_notify_app(
        NotifySettings(
            redis_url=as_user("notify", own_redis.url),
            api_keys=tuple(map(str, keys)),
            notify_rules=json.dumps(rules),
        )
    )
    async with (
        serving(app) as (host, port),
        Redis.from_url(own_redis.url) as redis,
        Publisher(as_user("producer", own_redis.url)) as publisher,
    ):

        async def is_followed() -> bool:
            return bool(await redis.keys("consumer:notify:webhook-nas:security_events"))

        await until(is_followed)
        await publisher.publish(channels.SECURITY_EVENTS, golden("event"))

        async def has_come() -> bool:
            return bool(service.received)

        await until(has_come)
        told = Webhook(SECRET).verify(service.received[0].body, dict(service.received[0].headers))
        assert told["data"] == json.loads(golden("event"))

        async def replay(key: str, name: str = "nas", since: str = "0-0") -> Result:
            arguments = ["webhook", "replay", name, "--since", since]
            arguments += ["--server", f"ws://{host}:{port}"]
            run = partial(CliRunner().invoke, main, arguments, env={"HSI_API_KEY": key})
            return await asyncio.to_thread(run)

        for refused, why in (
            (await replay("act"), "Error: HTTP 403: "),
            (await replay("admin", "other"), "NOTIFY_RULES has no webhook of this name"),
            (await replay("admin", since="yesterday"), "since: expected a cursor"),
        ):
            assert (refused.exit_code, why in refused.stderr) == (1, True), refused.stderr
        assert (await replay("admin")).exit_code == 0

        async def has_come_again() -> bool:
            return len(service.received) > 1

        await until(has_come_again)
        first, again = service.received
        assert first.headers["webhook-id"] == again.headers["webhook-id"]
