"""A push service can tell who sends, by a key that no text shows."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from py_vapid import Vapid02

from hsi.settings import SettingsError
from services.notify.vapid import LIFETIME, Vapid
from tests.push_service import base64url, claims_of

KEY = base64url(bytes(range(1, 33)))
ENDPOINT = "https://fcm.googleapis.com/fcm/send/secret"


def test_a_header_says_for_whom_it_is_and_until_when_and_is_signed() -> None:
    vapid = Vapid(KEY, "mailto:me@example.com")
    header = vapid.authorization(ENDPOINT, 1_000_000.0)
    assert claims_of(header, vapid.public_key) == {
        "aud": "https://fcm.googleapis.com",
        "exp": 1_000_000 + LIFETIME,
        "sub": "mailto:me@example.com",
    }
    assert Vapid02.verify(header)


def test_a_token_is_used_again_for_its_push_service_alone_and_while_it_is_good() -> None:
    vapid = Vapid(KEY, "mailto:me@example.com")
    first = vapid.authorization(ENDPOINT, 1_000_000.0)
    assert vapid.authorization(ENDPOINT + "2", 1_000_100.0) == first
    other = vapid.authorization("https://web.push.apple.com/x", 1_000_100.0)
    assert claims_of(other, vapid.public_key)["aud"] == "https://web.push.apple.com"
    for now in (1_000_000.0 + LIFETIME - 60, 900_000.0):  # Nearly over, or the clock was set back.
        renewed = claims_of(vapid.authorization(ENDPOINT, now), vapid.public_key)
        assert renewed["exp"] == now + LIFETIME


def test_a_pem_is_read_like_the_same_key_in_base64url() -> None:
    private = ec.derive_private_key(int.from_bytes(bytes(range(1, 33))), ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    expected = Vapid(KEY, "mailto:me@example.com").public_key
    assert Vapid(pem, "mailto:me@example.com").public_key == expected
    assert Vapid(f" {KEY}=\n", "mailto:me@example.com").public_key == expected


def pem_of(curve: ec.EllipticCurve) -> str:
    key = ec.generate_private_key(curve)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "key",
    [
        "too-short",
        base64url(bytes(32)),
        base64url(b"\xff" * 32),
        base64url(bytes(33)),
        "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----",
        pem_of(ec.SECP384R1()),
    ],
    ids=map(str, range(6)),  # The last one is another in each process that collects tests.
)
def test_what_is_no_key_is_said_to_be_none_and_not_quoted(key: str) -> None:
    with pytest.raises(SettingsError, match="VAPID_PRIVATE_KEY: expected 32 bytes") as raised:
        Vapid(key, "mailto:me@example.com")
    assert key.splitlines()[0] not in str(raised.value)
    assert "\n" not in str(raised.value)
