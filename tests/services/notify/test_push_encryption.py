"""A push is encrypted as RFC 8291 has it, and for one browser alone."""

import base64

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec

from services.notify.push_encryption import encrypted
from services.notify.push_payload import MAX_PAYLOAD, BrowserKeys
from tests.push_service import Browser


def keys_of(browser: Browser) -> BrowserKeys:
    keys = browser.subscription()["keys"]
    parsed = BrowserKeys.parse(keys["p256dh"], keys["auth"])
    assert parsed
    return parsed


def number(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "="))


def test_the_example_of_the_rfc_comes_out_byte_for_byte() -> None:
    keys = BrowserKeys.parse(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
    )
    assert keys
    body = encrypted(
        b"When I grow up, I want to be a watermelon",
        keys,
        ours=ec.derive_private_key(
            number("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), ec.SECP256R1()
        ),
        salt=base64.urlsafe_b64decode("DGv6ra1nlYgDCS1FRnbzlw=="),
    )
    assert base64.urlsafe_b64encode(body).rstrip(b"=").decode() == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS"
        "6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qu"
        "lcy4a-fN"
    )


def test_only_its_browser_can_read_a_push() -> None:
    browser, other = Browser(), Browser()
    body = encrypted(b'{"title":"x"}', keys_of(browser))
    assert browser.read(body) == {"title": "x"}
    assert body != encrypted(b'{"title":"x"}', keys_of(browser))
    assert len(encrypted(b" " * MAX_PAYLOAD, keys_of(browser))) <= 4096
    with pytest.raises(InvalidTag):
        other.read(body)
