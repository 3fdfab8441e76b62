"""A browser's push service over real HTTPS, and a browser that reads what comes there.

What was sent is decrypted and checked by RFC 8291 and RFC 8292 as they are written, with nothing
of what the sender uses but `cryptography`.
"""

import base64
import contextlib
import json
import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpcore
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HOST = "fcm.googleapis.com"
OTHER_HOST = "updates.push.services.mozilla.com"


class Received(NamedTuple):
    """A request, as it came."""

    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Says(NamedTuple):
    """How one is answered."""

    status: int = 201
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


class Server:
    """Takes what is posted, and answers as it is told: over HTTPS, as these hosts."""

    def __init__(self, *hosts: str) -> None:
        authority = trustme.CA()
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*(hosts or (HOST, OTHER_HOST))).configure_cert(tls)
        self.received: list[Received] = []
        self.replies: list[Says] = []
        """What is answered next; then 201."""
        self._http = _Http(self)
        self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self.port: int = self._http.server_address[1]

    @contextlib.contextmanager
    def serving(self) -> Iterator["Server"]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: Server) -> None:
        self.service = service
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: who did not trust us has left."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        service = self.server.service
        headers = {name.lower(): value for name, value in self.headers.items()}
        service.received.append(Received(headers["host"], self.path, headers, body))
        reply = service.replies.pop(0) if service.replies else Says()
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: Any) -> None:
        pass


class LeadsTo(httpcore.AsyncNetworkBackend):
    """Leads every connection to a port of this machine; for tests alone, no setting does that."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[tuple[str, int]] = []
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self, host: str, port: int, *_: Any, **__: Any
    ) -> httpcore.AsyncNetworkStream:
        self.asked.append((host, port))
        return await self._backend.connect_tcp("127.0.0.1", self.port)


class Browser:
    """A browser with a subscription: it alone can read what is sent there."""

    def __init__(self, endpoint: str = f"https://{HOST}/fcm/send/abc:123-_") -> None:
        self.endpoint = endpoint
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._secret = os.urandom(16)
        self.point = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )

    def subscription(self) -> dict[str, Any]:
        """Return what `PushSubscription.toJSON()` does."""
        keys = {"p256dh": base64url(self.point), "auth": base64url(self._secret)}
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": keys}

    def registration(self, **rules: Any) -> dict[str, Any]:
        """Return what the page sends."""
        usual = {"min_level": "high", "cameras": None, "quiet": None, "timezone": "Europe/Berlin"}
        return {
            "subscription": self.subscription(),
            "rules": usual | rules,
            "device": "Chrome on Android",
        }

    def read(self, body: bytes) -> Any:
        """Return what was sent, by RFC 8188 and RFC 8291."""
        salt, size, length = body[:16], int.from_bytes(body[16:20]), body[20]
        sender, record = body[21 : 21 + length], body[21 + length :]
        assert len(record) <= size
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        shared = self._key.exchange(ec.ECDH(), theirs)
        info = b"WebPush: info\0" + self.point + sender
        secret = _derived(shared, self._secret, info, 32)
        key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
        padded = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded[-1:] == b"\x02"
        return json.loads(padded[:-1])


def claims_of(authorization: str, public_key: str) -> Any:
    """Return what a VAPID header claims, once its signature is checked, by RFC 8292."""
    scheme, _, parameters = authorization.partition(" ")
    fields = dict(part.split("=", 1) for part in parameters.replace(" ", "").split(","))
    assert (scheme, fields["k"]) == ("vapid", public_key)
    header, claims, signature = fields["t"].split(".")
    assert json.loads(from_base64url(header)) == {"typ": "JWT", "alg": "ES256"}
    numbers = from_base64url(signature)
    r, s = int.from_bytes(numbers[:32]), int.from_bytes(numbers[32:])
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_base64url(public_key))
    signed = f"{header}.{claims}".encode()
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    return json.loads(from_base64url(claims))


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt, info).derive(secret)
