"""The targets, each with its follower while this replica leads."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from litestar import Litestar
from redis.exceptions import ConnectionError as RedisConnectionError

from services.notify import notifier
from services.notify.decisions import Decisions
from services.notify.messages import Message
from services.notify.notifier import Notifier
from services.notify.rules import Rules
from services.notify.targets import DeliveryError, Target
from tests.clients import until
from tests.services.notify.telling import (
    Telling,
    answers,
    follows,
    hangs,
    receiving,
    rules,
    telling,
)


class Browser:
    """A target that comes and goes, as subscriptions do."""

    name = "browser"
    rules = Rules(level="low", group=0, cooldown=0)

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.gone = False

    async def deliver(self, message: Message) -> None:
        if self.gone:
            raise DeliveryError("HTTP 410", gone=True)
        self.got.append(message)


class Subscriptions:
    """Where such targets come from."""

    def __init__(self, *known: Target) -> None:
        self.known = list(known)
        self.disabled: dict[str, int] = {}
        self.answers = True

    async def targets(self) -> Sequence[Target]:
        if not self.answers:
            raise RedisConnectionError("by design")
        return self.known

    async def gone(self, target: Target) -> None:
        self.known.remove(target)


def of(app: Litestar) -> Notifier:
    found = app.state["notifier"]
    assert isinstance(found, Notifier)
    return found


async def test_a_target_that_comes_is_told_and_one_that_is_gone_is_forgotten(
    redis_url: str, channel: str
) -> None:
    browser = Browser()
    subscriptions = Subscriptions()
    with receiving() as phone:
        async with telling(redis_url, channel, rules(("stays", phone.url))) as service:
            known = of(service.app)
            add(known, subscriptions)
            subscriptions.known.append(browser)
            await known.ask_once()
            await follows(service.redis, channel, "browser")
            await service.publish(1)
            await phone.has(1)

            async def is_told() -> bool:
                return len(browser.got) == 1

            await until(is_told)
            await its_source_fails(known, subscriptions)
            browser.gone = True
            await service.publish(2)
            await phone.has(2)
            await is_forgotten(service, subscriptions)
            await service.publish(3)
            await phone.has(3)


def add(to: Notifier, source: Subscriptions) -> None:
    """Add a source of targets, as another part of the service does when it is put together."""
    to.sources.append(source)


async def its_source_fails(known: Notifier, source: Subscriptions) -> None:
    """See that targets stay while their source does not answer."""
    source.answers = False
    await known.ask_once()
    assert "browser" in known.targets
    source.answers = True


async def is_forgotten(service: Telling, source: Subscriptions) -> None:
    """Wait until nothing is known any more of a target that is gone."""

    async def nothing_is_known() -> bool:
        keys = await service.redis.keys("*notify:*browser*")
        return not (keys or source.known or "browser" in of(service.app).targets)

    await until(nothing_is_known)


async def test_each_target_is_tried_and_says_what_it_answered(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = {"from": "00:00", "to": "00:00", "critical": False}
    with receiving() as well, receiving() as ill:
        known = rules(("well", well.url), ("ill", ill.url), quiet=quiet)
        async with telling(redis_url, channel, known) as service:
            ill.behave = answers(401)
            answer = await service.http.post("/api/notify/test")
            assert answer.status_code == 200
            assert answer.json() == {
                "targets": [
                    {"name": "well", "delivered": True, "answer": "delivered"},
                    {"name": "ill", "delivered": False, "answer": "HTTP 401"},
                ]
            }
            assert well.titles == ["This is a test"]
            assert str(well.server_port) not in json.dumps(answer.json())
            monkeypatch.setattr(notifier, "TRIED", 0.1)
            ill.behave = hangs
            answer = await service.http.post("/api/notify/test")
            tried = answer.json()["targets"]
            assert [one["answer"] for one in tried] == ["delivered", "it hangs"]
            ill.ending.set()


async def test_a_target_whose_follower_fails_is_told_all_the_same(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Decisions.take
    failed: list[bool] = []

    def fail_once(decisions: Decisions, *arguments: Any, **options: Any) -> None:
        if not failed:
            failed.append(True)
            raise ZeroDivisionError("by design")
        take(decisions, *arguments, **options)

    monkeypatch.setattr(Decisions, "take", fail_once)
    with receiving() as phone:
        async with telling(redis_url, channel, rules(("failing", phone.url))) as service:
            await service.publish(1)
            await phone.has(1)
            await service.publish(2)
            await phone.has(2)
            assert phone.titles == ["Look now: Camera 1", "Look now: Camera 2"]
            assert service.app.state["service"].supervisor.failures()["follower"] == 1


async def test_a_webhook_that_wants_no_more_is_shown_and_what_it_refused_is_a_dead_letter(
    redis_url: str, channel: str
) -> None:
    with receiving() as program:
        program.behave = answers(410)
        hook = {
            "url": f"http://127.0.0.1:{program.server_port}/",
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        }
        known = json.dumps({"targets": {}, "webhooks": {"wants_no_more": hook}})
        async with telling(redis_url, channel, known) as service:
            await follows(service.redis, channel, "webhook-wants_no_more")
            await service.publish(1)

            async def is_disabled() -> bool:
                (target,) = (await service.get("/status"))["own"]["notify"]["targets"]
                return bool(target["name"] == "webhook-wants_no_more" and target["disabled"] == 410)

            await until(is_disabled)
            letters = (await service.get("/api/notify/dead"))["messages"]
            (letter,) = [one for one in letters if one["target"] == "webhook-wants_no_more"]
            assert letter["reason"] == "webhook: it answers 410: it wants no more"
            (tried,) = (await service.http.post("/api/notify/test")).json()["targets"]
            assert (tried["name"], tried["delivered"]) == ("webhook-wants_no_more", False)
            assert tried["answer"].startswith("disabled, because it answered 410")
            metrics = (await service.http.get("/metrics")).text
            assert 'hsi_notify_disabled{target="webhook-wants_no_more"} 1.0' in metrics
            assert program.asked == 1
            assert not of(service.app).reaches_somebody()
