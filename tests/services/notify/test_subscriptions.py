"""Which browsers get pushes is kept, bounded, and ends with the key that asked for it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from hsi.keys import KeyEntry, digest
from hsi_service.door.access import Access
from hsi_service.settings import Settings
from services.notify import subscriptions as module
from services.notify.posting import Poster
from services.notify.push_endpoints import HOSTS
from services.notify.push_target import Sending
from services.notify.rules import Quiet
from services.notify.subscriptions import (
    KEY,
    KINDS,
    Kept,
    PushRules,
    SpoiltSubscriptionsError,
    Subscription,
    Subscriptions,
    TooManySubscriptionsError,
)
from services.notify.vapid import Vapid
from tests.push_service import HOST, Browser, base64url
from tests.servers import RedisServer, as_user

OWNER = KeyEntry("owner", "admin", digest(b"owner").hex())
TABLET = KeyEntry("tablet", "act", digest(b"tablet").hex())
VAPID = Vapid(base64url(bytes(range(1, 33))), "mailto:me@example.com")
SENDING = Sending(Poster(), VAPID, HOSTS)


def kept_of(browser: Browser, who: KeyEntry | None = OWNER, **changes: Any) -> Kept:
    page = browser.registration()
    kept = Kept(
        subscription=msgspec.convert(page["subscription"], Subscription),
        rules=msgspec.convert(page["rules"], PushRules),
        device="Chrome on Android",
        public_key=VAPID.public_key,
        name=who.name if who else "",
        scope=who.scope if who else "read",
        key=who.beginning if who else "",
    )
    return msgspec.structs.replace(kept, **changes)


@pytest.fixture
def access() -> Access:
    return Access(Settings(api_keys=(str(OWNER),)), [TABLET])


@pytest.fixture
async def redis(own_redis: RedisServer) -> AsyncIterator[Redis]:
    async with Redis.from_url(own_redis.url) as redis:
        yield redis


@pytest.fixture
async def kept(own_redis: RedisServer, access: Access) -> AsyncIterator[Subscriptions]:
    subscriptions = Subscriptions(as_user("notify", own_redis.url), access, SENDING)
    yield subscriptions
    await subscriptions.aclose()


async def test_a_browser_is_a_target_until_it_ends_it(kept: Subscriptions) -> None:
    browser = Browser()
    await kept.add(kept_of(browser))
    (target,) = await kept.targets()
    assert (await kept.targets())[0] is target
    assert target.rules.kinds == KINDS
    assert await kept.remove(browser.endpoint)
    assert not await kept.remove(browser.endpoint)
    assert await kept.targets() == []


async def test_a_browser_that_asks_again_is_told_by_its_new_rules(kept: Subscriptions) -> None:
    browser = Browser()
    await kept.add(kept_of(browser))
    rules = {
        "min_level": "low",
        "cameras": ["front_door"],
        "quiet": {"from": "22:00", "to": "07:00", "critical": True},
        "timezone": "Europe/Berlin",
    }
    await kept.add(kept_of(browser, rules=msgspec.convert(rules, PushRules)))
    (target,) = await kept.targets()
    assert target.rules.level == "low"
    assert target.rules.cameras == ("front_door",)
    assert target.rules.quiet == (Quiet(start="22:00", end="07:00", critical=True),)
    assert target.rules.timezone == "Europe/Berlin"


async def test_one_that_is_over_is_forgotten_and_the_others_stay(kept: Subscriptions) -> None:
    first, second = Browser(), Browser(f"https://{HOST}/another")
    await kept.add(kept_of(first))
    await kept.add(kept_of(second))
    for target in await kept.targets():
        if target.name == (await kept.targets())[0].name:
            await kept.gone(target)
            break
    assert len(await kept.targets()) == 1


async def test_a_key_that_is_taken_away_takes_its_subscriptions_along(
    kept: Subscriptions, access: Access, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE", 0.0)
    await kept.add(kept_of(Browser()))
    await kept.add(kept_of(Browser(f"https://{HOST}/tablet"), TABLET))
    await kept.add(kept_of(Browser(f"https://{HOST}/guest"), TABLET, name="tablet's guest"))
    await kept.add(kept_of(Browser(f"https://{HOST}/nobody"), None))
    assert len(await kept.targets()) == 3
    access.use([])
    assert len(await kept.targets()) == 1
    assert await redis.hlen(KEY) == 1
    access.use([TABLET])
    assert len(await kept.targets()) == 1


async def test_a_key_that_another_replica_knew_first_costs_no_device(
    kept: Subscriptions, access: Access
) -> None:
    access.use([])
    await kept.add(kept_of(Browser(), TABLET))
    assert await kept.targets() == []
    access.use([TABLET])
    assert len(await kept.targets()) == 1


async def test_where_nobody_is_asked_who_they_are_all_get_pushes(own_redis: RedisServer) -> None:
    access = Access(Settings())
    subscriptions = Subscriptions(as_user("notify", own_redis.url), access, SENDING)
    await subscriptions.add(kept_of(Browser(), None))
    assert len(await subscriptions.targets()) == 1
    await subscriptions.aclose()


async def test_a_subscription_that_was_made_with_another_vapid_key_waits_for_its_browser(
    kept: Subscriptions, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await kept.add(kept_of(Browser(), public_key="another"))
    assert await kept.targets() == []
    assert "subscribed with another VAPID key" in caplog.text
    assert await redis.hlen(KEY) == 1


async def test_there_are_as_many_as_there_may_be_and_no_more(
    kept: Subscriptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PER_KEY", 2)
    monkeypatch.setattr(module, "MAX_SUBSCRIPTIONS", 3)
    browsers = [Browser(f"https://{HOST}/{number}") for number in range(5)]
    asked = [kept.add(kept_of(browser)) for browser in browsers[:3]]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, TooManySubscriptionsError) for answer in answers) == 1
    assert len(await kept.targets()) == 2
    await kept.add(kept_of(browsers[3], TABLET))
    with pytest.raises(TooManySubscriptionsError, match="of this home"):
        await kept.add(kept_of(browsers[4], TABLET))
    await kept.add(kept_of(browsers[3], TABLET, device="The same one"))
    assert len(await kept.targets()) == 3


async def test_what_others_wrote_there_costs_itself(
    kept: Subscriptions, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await redis.set(KEY, "something else")
    assert await kept.targets() == []
    assert not await kept.remove("https://unknown")
    with pytest.raises(SpoiltSubscriptionsError):
        await kept.add(kept_of(Browser()))
    await redis.delete(KEY)
    await kept.add(kept_of(Browser()))
    nonsense = ["{", "[" * 100_000, json.dumps({"subscription": 1}), b"\xff"]
    bad_keys = msgspec.json.encode(kept_of(Browser())).replace(b'"auth":"', b'"auth":"x')
    for number, value in enumerate([*nonsense, bad_keys]):
        await redis.hset(KEY, f"nonsense-{number}", value)  # type: ignore[arg-type]  # bytes too
    assert len(await kept.targets()) == 1
    assert "notify:subscriptions does not hold what it should" in caplog.text
    assert HOST not in caplog.text
    await redis.hset(KEY, mapping={str(number): "" for number in range(module.NOT_OURS)})
    assert await kept.targets() == []
    with pytest.raises(SpoiltSubscriptionsError):
        await kept.add(kept_of(Browser()))


async def test_while_redis_is_away_who_is_known_stays(
    own_redis: RedisServer, access: Access
) -> None:
    subscriptions = Subscriptions(as_user("notify", own_redis.url), access, SENDING)
    await subscriptions.add(kept_of(Browser()))
    (target,) = await subscriptions.targets()
    own_redis.stop()
    with pytest.raises((RedisError, OSError)):
        await subscriptions.targets()
    own_redis.start()
    await subscriptions.add(kept_of(Browser()))
    assert target.name == (await subscriptions.targets())[0].name
    await subscriptions.aclose()
