"""Every Python snippet of the documentation runs as it stands, where hsi-client is installed."""

import contextlib
import re
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

import pytest
from redis import Redis

from hsi.publisher import Publisher
from local.processes import Process, free_port
from services.notify.messages import Message
from services.notify.posting import Poster, PostError
from services.notify.webhook import Signer, body_of, id_of
from tests.clients import golden, until
from tests.conftest import Install, StartProgram, StartReplica
from tests.servers import ROOT, RedisServer
from tests.services.notify.messages import message as told

pytestmark = pytest.mark.package

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "shared/README.md", "examples/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SNIPPET = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n)?```python\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
REDIS = "redis://127.0.0.1:6379/0"
SERVER = "ws://127.0.0.1:8080"
RECEIVER = '("127.0.0.1", 9000)'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Snippet(NamedTuple):
    name: str
    """The document and the line that it begins in."""
    code: str
    reason: str
    """Why it cannot run; empty for one that runs."""

    @property
    def follows(self) -> bool:
        return ".messages()" in self.code


def snippets() -> list[Snippet]:
    found = []
    for document in DOCUMENTS:
        text = document.read_text()
        for match in SNIPPET.finditer(text):
            line = text.count("\n", 0, match.start("code")) + 1
            name = f"{document.relative_to(ROOT)}:{line}"
            found.append(Snippet(name, match["code"], match["reason"] or ""))
    return found


SNIPPETS = snippets()


def test_every_python_fence_of_the_documentation_is_found() -> None:
    fences = sum(document.read_text().count("```python\n") for document in DOCUMENTS)
    assert len(SNIPPETS) == fences
    assert sum(not snippet.reason for snippet in SNIPPETS) >= 6


@pytest.mark.parametrize(
    "snippet",
    [pytest.param(snippet, id=snippet.name) for snippet in SNIPPETS if not snippet.reason],
)
async def test_a_snippet_runs_as_it_stands(
    snippet: Snippet,
    install: Install,
    own_redis: RedisServer,
    start_replica: StartReplica,
    start_program: StartProgram,
) -> None:
    server = SERVER
    if SERVER in snippet.code:
        server = start_replica(own_redis.url, "security_events").url.replace("http", "ws", 1)
    code = snippet.code.replace(REDIS, own_redis.url).replace(SERVER, server)
    port = free_port()
    code = code.replace(RECEIVER, f'("127.0.0.1", {port})')
    installed = install(*(["client"] if "hsi.client" in code else []))
    settings = installed.environment(REDIS_URL=own_redis.url)
    program = start_program(installed.python, "-W", "error", "-c", code, **settings)
    if RECEIVER in snippet.code:
        await takes_what_is_signed(program, f"http://127.0.0.1:{port}/hook")
    elif snippet.follows:
        await prints_what_is_published(program, own_redis.url)
    else:
        assert await program.wait() == 0, program.log_tail()
        with Redis.from_url(own_redis.url) as redis:
            assert redis.dbsize()
    assert "Traceback" not in program.log.read_text()


async def prints_what_is_published(program: Process, redis_url: str) -> None:
    """Publish until the program has printed an event that it was there for."""
    async with Publisher(redis_url) as publisher:

        async def printed() -> bool:
            assert program.exit_status() is None, program.log_tail()
            await publisher.publish("security_events", golden("event"))
            return "Person detected near entrance" in program.log.read_text()

        await until(printed, within=30)


async def takes_what_is_signed(program: Process, url: str) -> None:
    """Post what the notify service would, and what somebody else made up."""
    poster = Poster()

    async def post(message: Message, signer: Signer, at: datetime) -> int:
        body = body_of(message)
        return (await poster.post(url, signer.headers(id_of(message), body, at), body)).status

    async def listens() -> bool:
        assert program.exit_status() is None, program.log_tail()
        with contextlib.suppress(PostError):
            return await post(told(), ours, now) == HTTPStatus.NO_CONTENT
        return False

    now, ours = datetime.now(UTC), Signer(SECRET)
    stranger = Signer("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
    await until(listens, within=30)
    assert await post(told(), Signer(f"whsec_{'A' * 32} {SECRET}"), now) == HTTPStatus.NO_CONTENT
    assert await post(told(), stranger, now) == HTTPStatus.BAD_REQUEST
    assert await post(told(), ours, now - timedelta(minutes=6)) == HTTPStatus.BAD_REQUEST
    assert id_of(told()) in program.log.read_text()
    await poster.aclose()
