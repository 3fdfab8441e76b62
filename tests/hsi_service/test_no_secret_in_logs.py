"""No secret in any log, at any level, by any way in."""

import asyncio
import hashlib
import json
import secrets
import string
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from websockets.exceptions import ConnectionClosed

from local.processes import Process, free_port
from tests.clients import dashboard, hear, http_client
from tests.conftest import StartReplica

IN_NAMES = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
"""What a subprotocol may hold; most of it is percent-encoded in a query."""
ANYTHING = string.ascii_letters + string.digits + string.punctuation + " äß€"


class Secrets:
    """Secrets that the test has given away, each for one use."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def new(self, alphabet: str = ANYTHING) -> str:
        # An ordinary part at the end: what is cut off at an odd character is found by it.
        odd = "".join(secrets.choice(alphabet) for _ in range(12))
        self.given.append(odd + secrets.token_hex(8))
        return self.given[-1]

    def forms(self) -> Iterator[str]:
        """Yield all that must not be found in a log."""
        for secret in self.given:
            yield secret
            yield secret[-16:]
            yield quote(secret, safe="")
            yield quote_plus(secret)
            yield json.dumps(secret)[1:-1]
            digest = hashlib.sha256(secret.encode())
            yield digest.hexdigest()
            yield digest.hexdigest().upper()


@pytest.fixture
def given() -> Secrets:
    return Secrets()


async def knock(server: Process, target: str, headers: dict[str, str], *names: str) -> None:
    """Ask for a WebSocket; whatever the answer is."""
    uri = server.url.replace("http", "ws") + target
    async with dashboard(
        server, uri=uri, additional_headers=headers, subprotocols=names or None
    ) as client:
        try:
            await client.send("ping")
            await hear(client)
        except ConnectionClosed:
            pass


async def say(server: Process, raw: bytes) -> None:
    """Send bytes as they are, whatever the answer is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(raw)
    async with asyncio.timeout(10):
        await reader.read(65536)
    writer.close()


@pytest.mark.parametrize("form", ["json", "console"])
async def test_no_way_in_leaves_a_secret_in_the_log(
    form: str, redis_url: str, channel: str, start_replica: StartReplica, given: Secrets
) -> None:
    key, token = given.new(IN_NAMES), given.new() + given.new()
    replica = start_replica(
        redis_url,
        channel,
        API_KEYS=hashlib.sha256(key.encode()).hexdigest(),
        WEBSOCKET_TOKEN=token,
        LOG_LEVEL="DEBUG",
        LOG_FORMAT=form,
    )
    for encode in (quote_plus, lambda text: quote(text, safe="")):
        await knock(replica, f"/ws/events?api_key={encode(key)}", {})
        await knock(replica, f"/ws/events?tail=1&token={encode(token)}&since=1-1", {})
        await knock(replica, f"/ws/events?api%5Fkey={encode(given.new())}", {})
        await knock(replica, f"/ws/events?API_KEY={encode(given.new())}", {})
        await knock(replica, f"/ws/events?apikey={encode(given.new())}&x", {})
        await knock(replica, f"/ws/events?token={encode(given.new())}", {})
    await knock(replica, "/ws/events", {}, f"api-key.{key}")
    await knock(replica, "/ws/events", {}, "chat", f"api-key.{given.new(IN_NAMES)}", "more")
    headers = {
        "Authorization": f"Bearer {given.new(IN_NAMES)}",
        "X-API-Key": given.new(IN_NAMES),
        "Cookie": f"session={given.new(IN_NAMES)}",
    }
    await knock(replica, "/ws/events", headers)
    # Mistakes: no prefix, the wrong case, no query but a path.
    await knock(replica, "/ws/events", {}, given.new(IN_NAMES))
    await knock(replica, "/ws/events", {}, f"API-KEY.{given.new(IN_NAMES)}")
    async with http_client() as http:
        for path in ("/ws/events", "/status", "/nothing"):
            query = quote(given.new(), safe="")
            await http.get(f"{replica.url}{path}?api_key={query}", headers=headers)
            await http.get(f"{replica.url}{path}%3Fapi_key={query}%26tail=1")
    # What no decent client sends.
    upgrade = (
        b"Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    )
    plain = string.ascii_letters + string.digits
    for raw in (
        b"GET /ws/events?api_key='%s\"%s HTTP/1.1\r\n",
        b"GET /ws/events?token=\xff%s\\%s HTTP/1.1\r\n",
        b"GET /ws/events HTTP/1.1\r\nX-API-Key: \xff%s\x01%s\r\n",
        b'GET /ws/events HTTP/1.1\r\nSec-WebSocket-Protocol: api-key.%s"%s\r\n',
        b'GET /ws/events HTTP/1.1\r\nSec-WebSocket-Protocol: %s"%s\r\n',
        b"GET /ws/events HTTP/1.1\r\nAuthorization: Bearer %s\x7f %s\r\n",
    ):
        await say(
            replica,
            raw % (given.new(plain).encode(), given.new(plain).encode()) + upgrade + b"\r\n",
        )
    replica.stop()
    log = replica.log.read_text()
    # It logs what it refuses, so the rest means something.
    assert "turned a client away" in log
    assert "refused a request" in log
    for secret in given.forms():
        assert secret not in log


async def test_the_password_of_redis_is_in_no_log(
    channel: str, start_replica: StartReplica, given: Secrets
) -> None:
    plain, encoded = given.new(IN_NAMES.replace("#", "").replace("%", "")), given.new()
    address = f"127.0.0.1:{free_port()}/0"
    for number, url in enumerate(
        (
            f"redis://user:{plain}@{address}",
            f"redis://:{quote(encoded, safe='')}@{address}",
            f"redis://user@{address}?password={quote(encoded, safe='')}",
        )
    ):
        replica = start_replica(url, f"{channel}:{number}", LOG_LEVEL="DEBUG")
        async with dashboard(replica) as client:
            await client.send("ping")
            await hear(client)
        replica.stop()
        log = replica.log.read_text()
        assert "hsi_service.bus" in log
        for secret in given.forms():
            assert secret not in log


def test_every_form_that_must_not_be_found_would_be(given: Secrets, tmp_path: Path) -> None:
    """The search finds what it is for."""
    secret = given.new()
    log = tmp_path / "log"
    log.write_text(f"?api_key={quote(secret, safe='')} {json.dumps(secret)} {secret}")
    assert sum(form in log.read_text() for form in given.forms()) >= 4
