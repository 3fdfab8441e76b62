from asyncio import Future

import pytest

from services.mqtt.messages import Outgoing
from services.mqtt.outbox import Outbox


def message(topic: str) -> Outgoing:
    return Outgoing(topic, b"", 1, retain=False, acknowledged=Future())


def rest(outbox: Outbox) -> list[Outgoing]:
    messages = []
    while one := outbox.next():
        messages.append(one)
    return messages


async def test_what_was_not_acknowledged_is_sent_again_before_what_waits() -> None:
    outbox = Outbox()
    for topic in "abcd":
        outbox.append(message(topic))
    for number in (1, 2, 3):
        sent = outbox.next()
        assert sent
        outbox.sent(number, sent)
    assert outbox.in_flight == 3
    acknowledged = outbox.acknowledged(2)
    assert acknowledged
    assert acknowledged.topic == "b"
    outbox.connection_lost()
    assert [one.topic for one in rest(outbox)] == ["a", "c", "d"]


@pytest.mark.parametrize("sent", [False, True])
async def test_what_nobody_waits_for_any_more_is_not_sent(*, sent: bool) -> None:
    outbox = Outbox()
    given_up = message("a")
    outbox.append(given_up)
    if sent:
        assert outbox.next() is given_up
        outbox.sent(1, given_up)
    given_up.acknowledged.cancel()
    outbox.connection_lost()
    assert outbox.next() is None
    assert len(outbox) == 0


def test_an_acknowledgement_of_nothing_is_nothing() -> None:
    assert Outbox().acknowledged(7) is None
