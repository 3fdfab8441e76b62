"""A webhook is posted where the operator says, and what the other side answers is heeded."""

import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from standardwebhooks import Webhook

from services.notify.posting import Poster
from services.notify.rules import Rules
from services.notify.rules_file import RulesError, RulesFile
from services.notify.targets import DeliveryError
from services.notify.webhook import Signer, id_of
from services.notify.webhook_target import (
    DISABLED,
    WebhookFields,
    Webhooks,
    WebhookTarget,
    webhooks_in,
)
from tests.push_service import HOST, LeadsTo, Says, Server
from tests.servers import RedisServer, as_user
from tests.services.notify.messages import message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = f"https://{HOST}/hooks/secret-path?key=secret-key"


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with Server().serving() as service:
        yield service


@pytest.fixture
async def target(service: Server) -> AsyncIterator[WebhookTarget]:
    service.received.clear()
    poster = Poster(connector=LeadsTo(service.port), trust=service.trust)
    yield WebhookTarget("nas", URL, Signer(SECRET), Rules(), poster)
    await poster.aclose()


async def test_a_message_arrives_signed_and_with_the_same_id_each_time(
    service: Server, target: WebhookTarget
) -> None:
    service.replies = [Says(503, (("Retry-After", "30"),))]
    with pytest.raises(DeliveryError, match="503") as raised:
        await target.deliver(message())
    assert raised.value.retry_after == 30
    await target.deliver(message())
    first, second = service.received
    assert first.path == "/hooks/secret-path?key=secret-key"
    assert first.headers["content-type"] == "application/json"
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == id_of(message())
    for got in (first, second):
        told = Webhook(SECRET).verify(got.body, dict(got.headers))
        assert told["data"]["data"]["camera_id"] == "front_door"
        assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60


@pytest.mark.parametrize(
    ("status", "gone", "refused"),
    [
        (302, False, False),
        (307, False, False),
        (400, False, False),
        (401, False, False),
        (404, False, False),
        (410, True, True),
        (413, False, True),
        (422, False, True),
        (429, False, False),
        (500, False, False),
    ],
)
async def test_what_it_answers_says_what_becomes_of_a_message(
    service: Server, target: WebhookTarget, status: int, *, gone: bool, refused: bool
) -> None:
    service.replies = [Says(status, (("Location", f"https://{HOST}/elsewhere"),))]
    with pytest.raises(DeliveryError, match=str(status)) as raised:
        await target.deliver(message())
    assert (raised.value.gone, raised.value.refused) == (gone, refused)
    assert "secret" not in raised.value.reason
    assert len(service.received) == 1


async def test_nothing_secret_is_in_a_name_a_log_or_an_error(
    target: WebhookTarget, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await target.deliver(message())
    poster = Poster(connector=LeadsTo(1))
    away = WebhookTarget("nas", URL, Signer(SECRET), Rules(), poster)
    with pytest.raises(DeliveryError, match=r"^webhook: cannot connect$"):
        await away.deliver(message())
    await poster.aclose()
    assert "secret" not in caplog.text
    assert "secret" not in repr(WebhookFields(url=URL, secret=SECRET))
    assert away.name == "webhook-nas"


async def test_a_message_that_is_too_large_is_not_sent(
    service: Server, target: WebhookTarget
) -> None:
    with pytest.raises(DeliveryError, match="over 262144 bytes") as raised:
        await target.deliver(message(source=b'{"x":"' + b"x" * 300_000 + b'"}'))
    assert raised.value.refused
    assert service.received == []


@contextlib.asynccontextmanager
async def kept(own_redis: RedisServer, *targets: WebhookTarget) -> AsyncIterator[Webhooks]:
    webhooks = Webhooks(targets, as_user("notify", own_redis.url))
    yield webhooks
    await webhooks.aclose()


async def test_one_that_wants_no_more_is_told_nothing_until_its_address_is_another_one(
    own_redis: RedisServer, target: WebhookTarget, caplog: pytest.LogCaptureFixture
) -> None:
    other = WebhookTarget("nas", f"{URL}2", Signer(SECRET), Rules(), Poster())
    async with kept(own_redis, target) as webhooks:
        assert await webhooks.targets() == [target]
        assert webhooks.disabled == {}
        await webhooks.gone(target)
        assert await webhooks.targets() == []
        assert webhooks.disabled == {"webhook-nas": 410}
        assert "a webhook answers that it wants no more (410)" in caplog.text
    async with kept(own_redis, target) as webhooks:  # After a restart, too.
        assert await webhooks.targets() == []
        assert webhooks.disabled == {"webhook-nas": 410}
    async with kept(own_redis, other) as webhooks:
        assert await webhooks.targets() == [other]
    async with kept(own_redis, target) as webhooks:
        assert await webhooks.enable(target)
        assert await webhooks.targets() == [target]
        async with Redis.from_url(own_redis.url) as redis:
            await redis.hset(f"{DISABLED}webhook-nas", "something", "else")
        assert await webhooks.targets() == [target]
        assert f"{DISABLED}webhook-nas does not hold what it should" in caplog.text


RULES = {
    "defaults": {"from": "high", "timezone": "Europe/Berlin"},
    "webhooks": {
        "nas": {"url": "http://192.168.1.5:8123/hook", "secret": SECRET, "kinds": ["event"]},
        "cloud": {"url_file": "{folder}/url", "secret_file": "{folder}/secret", "from": "low"},
    },
}


def webhooks_of(rules: object, folder: Path) -> list[WebhookTarget]:
    text = json.dumps(rules).replace("{folder}", str(folder))
    return webhooks_in(RulesFile(text, "yaml", timezone="UTC"), Poster())


def test_webhooks_are_in_the_rules_file_with_rules_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{URL}\n")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    nas, cloud = webhooks_of(RULES, tmp_path)
    assert (nas.name, nas.rules.level, nas.rules.kinds) == ("webhook-nas", "high", ("event",))
    assert (cloud.rules.level, cloud.rules.timezone) == ("low", "Europe/Berlin")
    # A program is told each message by itself, and at once.
    assert (nas.rules.cooldown, nas.rules.group, nas.rules.too_old) == (0, 0, 7 * 86_400)


def test_by_itself_a_webhook_is_told_all(tmp_path: Path) -> None:
    (nas,) = webhooks_of({"webhooks": {"nas": {"url": URL, "secret": SECRET}}}, tmp_path)
    assert nas.rules.level == "low"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"url": ""}, "webhooks.nas: expected url or url_file, one of them"),
        ({"url_file": "/x"}, "webhooks.nas: expected url or url_file, one of them"),
        ({"secret": ""}, "webhooks.nas: expected secret or secret_file, one of them"),
        ({"secret": "secret"}, "webhooks.nas.secret: a secret is whsec_"),
        ({"url": "", "url_file": "/nowhere"}, "webhooks.nas.url_file: No such file"),
        ({"secret": "", "secret_file": SECRET}, "webhooks.nas.secret_file: No such file"),
        ({"url": "ftp://nas/secret"}, "webhooks.nas.url: expected http:// or https://"),
        ({"url": "https:///secret"}, "webhooks.nas.url: expected http:// or https:// and a host"),
        ({"url": "https://nas:99999/secret"}, "webhooks.nas.url: its host or port"),
        ({"url": "https://me:secret@nas/"}, "webhooks.nas.url: a user or password"),
        ({"url": "https://nas/#secret"}, "webhooks.nas.url: expected no fragment"),
        ({"url": "https://nas/secret path"}, "webhooks.nas.url: expected it as it is sent"),
        ({"url": "https://näs/secret"}, "webhooks.nas.url: expected it as it is sent"),
        ({"from": "grave"}, "webhooks.nas.from: there is no 'grave'"),
        ({"topic": "secret"}, "webhooks.nas: there is no 'topic'"),
    ],
)
def test_a_webhook_that_cannot_be_used_is_named_without_its_secrets(
    changes: dict[str, str], why: str, tmp_path: Path
) -> None:
    body = {"url": URL, "secret": SECRET} | changes
    with pytest.raises(RulesError) as raised:
        webhooks_of({"webhooks": {"nas": body}}, tmp_path)
    told = str(raised.value)
    assert told.startswith(why)
    assert "\n" not in told
    for secret in ("secret-path", "secret-key", SECRET, "secret path", "me:"):
        assert secret not in told
