"""A webhook can be verified by whom it is for, and says the same each time it is tried."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from services.notify.webhook import Signer, body_of, id_of
from tests.services.notify.messages import message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = body_of(message())


def now() -> datetime:
    return datetime.now(UTC)


def test_the_librarys_verify_takes_what_is_sent() -> None:
    headers = Signer(SECRET).headers(id_of(message()), BODY, now())
    assert headers.keys() == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert Webhook(SECRET).verify(BODY, headers) == json.loads(BODY)


def test_the_example_of_the_specification_is_signed_as_it_says() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = Signer(SECRET).headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_nobody_else_can_make_one_up_or_send_an_old_one_again() -> None:
    headers = Signer(SECRET).headers("id", BODY, now())
    old = Signer(SECRET).headers("id", BODY, now() - timedelta(minutes=6))
    for secret, body, sent in (
        (OTHER, BODY, headers),
        (SECRET, BODY + b" ", headers),
        (SECRET, BODY, headers | {"webhook-id": "another"}),
        (SECRET, BODY, old),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, sent)


def test_while_a_secret_is_replaced_either_is_enough() -> None:
    headers = Signer(f"{SECRET} {OTHER}").headers("id", BODY, now())
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(BODY, headers)


def test_the_body_is_the_message_as_it_was_published() -> None:
    source = b'{"type":"event","data":{"event_id":9007199254740993,"summary":"T\\u00fcr"}}'
    body = body_of(message(source=source))
    assert body.endswith(b'"data":' + source + b"}")
    told = json.loads(body)
    assert (told["type"], told["timestamp"]) == ("event", "2026-11-27T22:00:05.120Z")


def test_what_was_made_of_several_messages_says_its_words() -> None:
    told = json.loads(body_of(message(kind="summary", source=None, level=None, url="")))
    assert told["data"] == {
        "title": "Front door: person",
        "body": "Somebody is at the door.",
        "level": None,
        "camera_id": "front_door",
        "url": None,
    }


def test_an_id_is_the_messages_own() -> None:
    same = message(title="In other words", at=datetime(2030, 1, 1, tzinfo=UTC))
    assert id_of(message()) == id_of(same)
    others = [
        message(cursor="1764280000000-8"),
        message(kind="camera"),
        message(tag="125 front.door"),
        message(cursor=""),
    ]
    ids = {id_of(one) for one in [message(), *others]}
    assert len(ids) == 5
    assert all(len(one) < 64 and "." not in one and one.isascii() for one in ids)
    assert id_of(message()).startswith("event_1764280000000-7_")


@pytest.mark.parametrize(
    "secrets",
    [
        "",
        " ",
        "nonsense",
        SECRET.removeprefix("whsec_"),
        "whsec_",
        "whsec_AAAA",
        "whsec_!!!!" * 9,
        f"{SECRET} nonsense",
        "whsec_" + "A" * 100,
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_quoted(secrets: str) -> None:
    with pytest.raises(ValueError, match="hsi webhook secret") as raised:
        Signer(secrets)
    for secret in (SECRET, "nonsense", "AAAA", "!!!!"):
        assert secret not in str(raised.value)
