"""Publishing for HTTP: senders of their own, and no more waiting than memory has room for."""

import asyncio
from typing import Any

import pytest
from litestar.exceptions import HTTPException, ServiceUnavailableException
from redis.asyncio import Redis

from hsi_service.publish import publishing
from hsi_service.publish.bodies import Fault, InvalidBodyError, TooManyError, UnreadableBodyError
from hsi_service.publish.publishing import Publishing, named_sender, refusing
from local.processes import free_port
from tests.clients import golden
from tests.servers import RedisServer


def test_who_and_key_make_a_sender_that_nobody_else_makes() -> None:
    senders = {named_sender(*parts) for parts in (("a", "bc"), ("ab", "c"), ("a", "b"), ("", "a"))}
    assert len(senders) == 4
    assert named_sender("a", "bc") in senders
    assert all(len(sender) == len("http-") + 32 for sender in senders)


@pytest.mark.parametrize(
    ("error", "status", "extra"),
    [
        (UnreadableBodyError("no"), 400, None),
        (TooManyError("no"), 413, None),
        (
            InvalidBodyError([Fault(1, "a", "no")]),
            422,
            [{"index": 1, "key": "a", "message": "no"}],
        ),
        (InvalidBodyError([Fault(None, "a", "no")]), 422, [{"key": "a", "message": "no"}]),
    ],
)
def test_what_is_wrong_with_a_body_has_a_status(error: Exception, status: int, extra: Any) -> None:
    with pytest.raises(HTTPException) as raised, refusing():
        raise error
    assert (raised.value.status_code, raised.value.extra) == (status, extra)


async def test_what_waits_for_a_redis_that_is_away_is_bounded_and_ends_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE", 0.1)
    message = golden("event")
    monkeypatch.setattr(publishing, "MAX_WAITING", 2 * len(message))
    away = Publishing(f"redis://127.0.0.1:{free_port()}", per_minute=0, history_length=10)
    asked = [away.publish("c", [message], sender=None) for _ in range(3)]
    told = await asyncio.gather(*asked, return_exceptions=True)
    why = [str(one) for one in told]
    assert all(isinstance(one, ServiceUnavailableException) for one in told), told
    assert sum("nothing was published" in one for one in why) == 1
    assert sum("Redis cannot be reached; it may have" in one for one in why) == 2
    assert "127.0.0.1" not in "".join(why), "no address is told"
    with pytest.raises(ServiceUnavailableException, match="may have been published"):
        await away.publish("c", [message], sender=None)  # There is room again.
    await away.aclose()


async def test_a_user_of_redis_with_its_old_rules_is_told_so_and_publishes_nothing(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(publishing, "PATIENCE", 0.1)
    async with Redis.from_url(own_redis.url) as admin:
        await admin.acl_setuser("old", enabled=True, nopass=True, keys=["*"], categories=["+@read"])
        url = own_redis.url.replace("://", "://old:any@")
        with_old_rules = Publishing(url, per_minute=0, history_length=10)
        with pytest.raises(ServiceUnavailableException, match=r"new rules .*; nothing was"):
            await with_old_rules.publish("c", [golden("event")], sender=None)
        assert await admin.dbsize() == 0
    await with_old_rules.aclose()
    assert "needs its new rules" in caplog.text
