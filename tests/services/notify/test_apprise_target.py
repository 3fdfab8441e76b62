"""Any address of Apprise: told over real HTTP, and never named."""

import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hsi_service.origins import Origin
from services.notify import apprise_target
from services.notify.apprise_target import AppriseTarget
from services.notify.pictures import Pictures
from services.notify.rules import Rules
from services.notify.targets import DeliveryError
from tests.services.notify.telling import answers, hangs, receiving
from tests.services.notify.test_messages import message
from tests.services.notify.test_pictures import JPEG, serving_pictures

SECRET = "s3cr3t-t0p1c"
NO_PICTURES = Pictures([], dashboard="")


def target(url: str, pictures: Pictures = NO_PICTURES) -> AppriseTarget:
    return AppriseTarget("phone", Rules(), url, pictures)


async def test_a_message_is_told_with_title_text_link_and_how_grave_it_is() -> None:
    with receiving() as phone:
        await target(phone.url).deliver(message(url="https://home.example/events/1"))
        (got,) = phone.got
    assert got["title"] == "Front door"
    assert got["message"] == "Person at the door\nhttps://home.example/events/1"
    assert got["type"] == "warning"
    assert got["attachments"] == []


async def test_the_picture_is_sent_along_where_it_may_be_fetched() -> None:
    with receiving() as phone, serving_pictures() as place:
        pictures = Pictures([Origin("http", "127.0.0.1", place.server_port)], dashboard="")
        address = f"http://127.0.0.1:{place.server_port}/picture.jpg"
        await target(phone.url, pictures).deliver(message(image_url=address))
        await AppriseTarget("plain", Rules(picture=False), phone.url, pictures).deliver(
            message(image_url=address)
        )
        with_picture, without = phone.got
    (attached,) = with_picture["attachments"]
    assert (attached["filename"], attached["mimetype"]) == ("event.jpg", "image/jpeg")
    assert len(attached["base64"]) >= len(JPEG)
    assert without["attachments"] == []


async def test_a_refusal_is_told_by_its_status_and_its_pause_is_known() -> None:
    with receiving() as phone:
        phone.behave = answers(429, Retry_After="7")
        with pytest.raises(DeliveryError, match=r"^HTTP 429$") as refused:
            await target(phone.url).deliver(message())
        assert (refused.value.retry_after, refused.value.refused) == (7.0, False)
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=100))
        phone.behave = answers(503, Retry_After=later)
        with pytest.raises(DeliveryError) as busy:
            await target(phone.url).deliver(message())
        assert busy.value.retry_after is not None
        assert 90 < busy.value.retry_after <= 100
        phone.behave = answers(413)
        with pytest.raises(DeliveryError) as too_large:
            await target(phone.url).deliver(message())
        assert too_large.value.refused


async def test_a_redirect_is_not_followed() -> None:
    with receiving() as phone, receiving() as inside:
        phone.behave = answers(307, Location=inside.url.replace("json", "http"))
        with pytest.raises(DeliveryError, match="HTTP 307"):
            await target(phone.url).deliver(message())
        assert inside.asked == 0


async def test_one_that_hangs_is_left_after_a_time_and_takes_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(apprise_target, "TIMEOUT", 0.2)
    with receiving() as phone:
        phone.behave = hangs
        one = target(phone.url)
        began = time.monotonic()
        with pytest.raises(DeliveryError, match=r"no answer within 0\.2 s"):
            await one.deliver(message())
        with pytest.raises(DeliveryError, match="it still hangs on an earlier message"):
            await one.deliver(message())
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url",
    [
        f"nonsense://{SECRET}",
        f"json://{SECRET}:{SECRET}@",
        f"tgram://{SECRET}",
        f"mailto://user:{SECRET}@[::1",
        f"{SECRET}",
        f"discord://{SECRET}/",
    ],
)
def test_a_bad_address_is_refused_and_is_not_named(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ValueError, match="Apprise knows") as bad:
        target(url)
    assert SECRET not in str(bad.value)
    assert SECRET not in caplog.text
    assert SECRET not in "".join(capfd.readouterr())


async def test_an_address_is_in_no_log_whatever_the_level_and_whatever_happens(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with receiving() as phone, caplog.at_level(logging.DEBUG):
        port = phone.server_port
        url = f"json://user:{SECRET}@127.0.0.1:{port}/{SECRET}?+X-Token={SECRET}&-q={SECRET}"
        one = target(url)
        await one.deliver(message())
        phone.behave = answers(500)
        with pytest.raises(DeliveryError) as failed:
            await one.deliver(message())
    nobody = f"json://user:{SECRET}@127.0.0.1:{port}/{SECRET}"
    with caplog.at_level(logging.DEBUG), pytest.raises(DeliveryError) as unreachable:
        await target(nobody).deliver(message())
    assert "cannot be reached" in str(unreachable.value)
    for text in (caplog.text, str(failed.value), str(unreachable.value), repr(one)):
        assert SECRET not in text


def test_targets_are_equal_where_name_rules_and_address_are() -> None:
    assert target("json://a") == target("json://a")
    assert target("json://a") != target("json://b")
    assert target("json://a") != "phone"
    assert hash(target("json://a")) == hash(target("json://a"))
