"""Messages are handed over within a time, one at once for each target, and not twice."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hsi.tasks import cancel_and_wait
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor
from services.notify.deliveries import Deliveries
from services.notify.messages import Message
from services.notify.rules import Rules
from services.notify.targets import DeliveryError
from tests.services.notify.test_messages import message


class Phone:
    """A target that does what a test tells it to."""

    name = "phone"
    rules = Rules()

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.error: Exception | None = None
        self.answers = asyncio.Event()
        self.answers.set()

    async def deliver(self, message: Message) -> None:
        await self.answers.wait()
        if self.error:
            raise self.error
        self.got.append(message)


@pytest.fixture
async def deliveries() -> AsyncIterator[Deliveries]:
    supervisor = Supervisor(Metrics())
    yield Deliveries(supervisor, timeout=0.1)
    await supervisor.stop()


async def test_what_was_delivered_and_not_written_down_is_not_delivered_again(
    deliveries: Deliveries,
) -> None:
    phone = Phone()
    for _ in range(2):
        await deliveries.deliver(phone, message())
    assert len(phone.got) == 1
    deliveries.written("phone")
    await deliveries.deliver(phone, message())
    assert len(phone.got) == 2


async def test_one_that_hangs_is_a_failure_after_a_time(deliveries: Deliveries) -> None:
    phone = Phone()
    phone.answers.clear()
    with pytest.raises(DeliveryError, match=r"no answer within 0\.1 s"):
        await deliveries.deliver(phone, message())


async def test_what_a_library_raises_is_told_without_its_text(
    deliveries: Deliveries, caplog: pytest.LogCaptureFixture
) -> None:
    phone = Phone()
    phone.error = ValueError("https://user:secret@host")
    with pytest.raises(DeliveryError, match=r"^it failed: ValueError$"):
        await deliveries.deliver(phone, message())
    assert "secret" not in caplog.text


async def test_a_delivery_goes_on_when_who_asked_for_it_is_cancelled_and_is_not_done_twice(
    deliveries: Deliveries,
) -> None:
    phone = Phone()
    phone.answers.clear()
    asking = asyncio.create_task(deliveries.deliver(phone, message()))
    await asyncio.sleep(0)
    await cancel_and_wait(asking)
    again = asyncio.create_task(deliveries.deliver(phone, message()))
    await asyncio.sleep(0)
    phone.answers.set()
    await again
    assert len(phone.got) == 1


async def test_rest_waits_for_what_is_under_way(deliveries: Deliveries) -> None:
    phone = Phone()
    phone.answers.clear()
    asking = asyncio.create_task(deliveries.deliver(phone, message()))
    await asyncio.sleep(0)
    resting = asyncio.create_task(deliveries.rest(5))
    await asyncio.sleep(0)
    phone.answers.set()
    await resting
    assert len(phone.got) == 1
    await asking
