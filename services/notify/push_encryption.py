"""A push that only its browser can read: RFC 8291, one record of aes128gcm. Pure, no I/O.

The library that others use for it has no wheel, and images take nothing that has to be built.
"""

import secrets

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.notify.push_payload import BrowserKeys

RECORD = 4096
"""Bytes of the record that holds all of a push."""
_SALT = 16
_LAST = b"\x02"
"""Ends what is encrypted, where no other record follows."""


def encrypted(
    payload: bytes,
    keys: BrowserKeys,
    *,
    ours: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """Return the body of a push, which the browser with these keys can read.

    Args:
        payload: What it is to read, some 4,000 bytes at most.
        keys: Of the browser.
        ours: A key for this push alone; None: a new one.
        salt: 16 bytes for this push alone; None: new ones.

    """
    ours = ours or ec.generate_private_key(ec.SECP256R1())
    salt = salt or secrets.token_bytes(_SALT)
    point = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), keys.p256dh)
    shared = ours.exchange(ec.ECDH(), theirs)
    secret = _derived(shared, keys.auth, b"WebPush: info\0" + keys.p256dh + point, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD.to_bytes(4) + bytes([len(point)]) + point
    return header + AESGCM(key).encrypt(nonce, payload + _LAST, None)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
