"""A browser is sent what it is told, and what its push service says is heeded."""

import logging
from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

import pytest

from services.notify.posting import Poster
from services.notify.push_endpoints import HOSTS
from services.notify.push_payload import BrowserKeys
from services.notify.push_target import PushTarget, Sending
from services.notify.rules import Rules
from services.notify.targets import DeliveryError, Target
from services.notify.vapid import LIFETIME, Vapid
from tests.push_service import (
    HOST,
    OTHER_HOST,
    Browser,
    LeadsTo,
    Says,
    Server,
    base64url,
    claims_of,
)
from tests.services.notify.messages import message

NOW = 1_764_280_000.0


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with Server().serving() as service:
        yield service


@pytest.fixture
async def sending(service: Server) -> AsyncIterator[Sending]:
    service.received.clear()
    poster = Poster(connector=LeadsTo(service.port), trust=service.trust)
    vapid = Vapid(base64url(bytes(range(1, 33))), "mailto:me@example.com")
    yield Sending(poster, vapid, HOSTS, "https://home.example", lambda: NOW)
    await poster.aclose()


class Subscribed(NamedTuple):
    browser: Browser
    target: PushTarget


def subscribed(sending: Sending, endpoint: str = f"https://{HOST}/secret-a") -> Subscribed:
    browser = Browser(endpoint)
    keys = browser.subscription()["keys"]
    parsed = BrowserKeys.parse(keys["p256dh"], keys["auth"])
    assert parsed
    return Subscribed(browser, PushTarget(endpoint, parsed, Rules(), sending))


async def test_a_message_comes_to_the_browser_and_its_push_service_knows_from_whom(
    service: Server, sending: Sending
) -> None:
    browser, target = subscribed(sending, f"https://{OTHER_HOST}/wpush/v2/secret-b")
    await target.deliver(message())
    (got,) = service.received
    assert (got.host, got.path) == (OTHER_HOST, "/wpush/v2/secret-b")
    assert browser.read(got.body)["body"] == "Somebody is at the door."
    assert claims_of(got.headers["authorization"], sending.vapid.public_key) == {
        "aud": f"https://{OTHER_HOST}",
        "exp": NOW + LIFETIME,
        "sub": "mailto:me@example.com",
    }
    assert (got.headers["urgency"], got.headers["ttl"]) == ("high", "86400")
    assert len(got.headers["topic"]) == 32
    # A second sending of the same replaces the first where that still waits.
    await target.deliver(message())
    assert service.received[-1].headers["topic"] == got.headers["topic"]


@pytest.mark.parametrize(
    ("status", "gone", "refused"),
    [
        (400, False, True),
        (401, False, False),
        (403, False, False),
        (404, True, False),
        (408, False, False),
        (410, True, False),
        (429, False, False),
        (500, False, False),
        (502, False, False),
        (307, False, True),
    ],
)
async def test_what_a_push_service_answers_says_what_becomes_of_a_message(
    service: Server, sending: Sending, status: int, *, gone: bool, refused: bool
) -> None:
    headers = (("Retry-After", "90"), ("Location", "https://127.0.0.1/"))
    service.replies = [Says(status, headers)]
    with pytest.raises(DeliveryError, match=str(status)) as raised:
        await subscribed(sending).target.deliver(message())
    error = raised.value
    assert (error.gone, error.refused) == (gone, refused)
    if not (gone or refused):
        assert error.retry_after == 90
    assert "secret" not in error.reason
    assert HOST not in error.reason
    assert len(service.received) == 1


async def test_what_is_too_large_is_sent_again_smaller(service: Server, sending: Sending) -> None:
    browser, target = subscribed(sending)
    long = message(body="wide " * 400)
    service.replies = [Says(413)] * 4
    refused = []
    for _ in range(4):
        with pytest.raises(DeliveryError) as raised:
            await target.deliver(long)
        refused.append(raised.value.refused)
    assert refused == [False, False, False, True]
    sizes = [len(got.body) for got in service.received]
    assert sizes == sorted(sizes, reverse=True)
    await target.deliver(long)
    assert browser.read(service.received[-1].body)["tag"] == long.tag


async def test_a_push_service_that_is_away_is_a_reason_without_its_address(
    service: Server, sending: Sending
) -> None:
    poster = Poster(connector=LeadsTo(1), trust=service.trust)
    away = Sending(poster, sending.vapid, HOSTS)
    with pytest.raises(DeliveryError, match=r"^push service: cannot connect$") as raised:
        await subscribed(away).target.deliver(message())
    assert (raised.value.gone, raised.value.refused) == (False, False)
    await poster.aclose()


async def test_nothing_is_sent_to_a_service_that_is_no_longer_known(
    service: Server, sending: Sending
) -> None:
    narrower = Sending(sending.poster, sending.vapid, ("push.apple.com",))
    for target in (subscribed(narrower).target, subscribed(sending, "https://10.0.0.1/x").target):
        with pytest.raises(DeliveryError, match="PUSH_HOSTS") as raised:
            await target.deliver(message())
        assert raised.value.refused
    assert service.received == []


async def test_its_name_is_stable_and_shows_nothing(
    sending: Sending, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    target: Target = subscribed(sending).target
    assert target.name == subscribed(sending).target.name
    assert target.name != subscribed(sending, f"https://{HOST}/secret-c").target.name
    assert target.name.startswith("push-")
    assert len(target.name) == 21
    assert target == target  # noqa: PLR0124 (it has its own ==)
    assert target != subscribed(sending).target  # With another browser's keys.
    await target.deliver(message())
    assert "secret" not in caplog.text
