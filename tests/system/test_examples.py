"""The programs in examples/ do what their heads say, where hsi-client is installed."""

import asyncio
import re
import signal
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import msgspec
import pytest
from playwright.async_api import expect
from redis import Redis

from hsi.publisher import Publisher
from hsi.schemas import Event, channels
from local.dashboard import npm
from local.processes import Process, free_port
from tests.browser import chromium, new_context
from tests.clients import golden, until
from tests.conftest import Install, StartProgram, StartReplica
from tests.servers import ROOT, RedisServer

pytestmark = pytest.mark.package

EXAMPLES = ROOT / "examples"


def events(redis_url: str) -> list[Event]:
    """Return the events in the history."""
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        history = redis.xrange(channels.history("security_events"))
    assert isinstance(history, list)
    return [msgspec.json.decode(entry["m"], type=Event) for _, entry in history]


def event(summary: str) -> bytes:
    return golden("event").replace(
        b"Person detected near entrance at unusual hour", summary.encode()
    )


def run(install: Install, redis_url: str, name: str, *arguments: str) -> str:
    """Run an example in Python, and return what it prints."""
    installed = install()
    done = installed.run("python", "-W", "error", EXAMPLES / name, *arguments, REDIS_URL=redis_url)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def prints(program: Process, text: str) -> None:
    """Wait until a program has printed this."""

    async def printed() -> bool:
        assert program.exit_status() is None, program.log_tail()
        return text in program.log.read_text()

    await until(printed, within=30)


def test_the_list_names_every_example() -> None:
    programs = {path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".mjs", ".html"}}
    readme = (EXAMPLES / "README.md").read_text()
    assert len(programs) == 6
    assert all(f"]({name})" in readme for name in programs)


def test_the_producer_publishes_an_event(install: Install, own_redis: RedisServer) -> None:
    printed = run(install, own_redis.url, "producer.py", "A cat at the door")
    assert printed.startswith("published as ")
    assert [event.data.summary for event in events(own_redis.url)] == ["A cat at the door"]


def test_the_script_without_asyncio_publishes_once_however_often_it_runs(
    install: Install, own_redis: RedisServer
) -> None:
    opened_at = "2026-01-02T03:04:05"
    printed = [run(install, own_redis.url, "sync_script.py", opened_at) for _ in range(2)]
    assert printed[0] == printed[1]
    assert [event.data.summary for event in events(own_redis.url)] == ["The back door was opened"]


def test_the_job_streams_its_logging_and_its_end(install: Install, own_redis: RedisServer) -> None:
    run(install, own_redis.url, "job.py", "nightly-42")
    with Redis.from_url(own_redis.url, decode_responses=True) as redis:
        history = redis.xrange(channels.history(channels.job_logs("nightly-42")))
    assert isinstance(history, list)
    *lines, end = [msgspec.json.decode(entry["m"]) for _, entry in history]
    assert [line["data"]["level"] for line in lines] == ["INFO", "ERROR", "INFO"]
    assert lines[0]["data"]["message"] == "Processing batch 1/3"
    assert lines[0]["data"]["context"]["images"] == ["front_door_1.jpg", "front_door_2.jpg"]
    assert "Traceback" in lines[1]["data"]["message"]
    assert (end["type"], end["data"]["status"]) == ("end", "completed")


async def test_the_consumer_goes_on_where_it_was_after_a_restart(
    install: Install, own_redis: RedisServer, start_program: StartProgram
) -> None:
    installed = install()
    command = installed.python, "-W", "error", EXAMPLES / "consumer.py", "notifier"
    settings = installed.environment(REDIS_URL=own_redis.url)

    async def has_begun() -> bool:
        with Redis.from_url(own_redis.url) as redis:
            return bool(redis.exists(channels.consumer("notifier")))

    async with Publisher(own_redis.url) as publisher:
        consumer = start_program(*command, **settings)
        await until(has_begun)
        first = await publisher.publish("security_events", event("The first"))
        await prints(consumer, "front_door: The first")

        async def acknowledged() -> bool:
            with Redis.from_url(own_redis.url, decode_responses=True) as redis:
                return bool(redis.get(channels.consumer("notifier")) == first.cursor)

        await until(acknowledged)
        consumer.signal(signal.SIGINT)
        assert await consumer.wait() == 0, consumer.log_tail()
        await publisher.publish("security_events", event("The second"))
        consumer = start_program(*command, **settings)
        await prints(consumer, "front_door: The second")
        assert "The first" not in consumer.log.read_text()


@pytest.mark.browser
async def test_the_page_shows_events_and_resumes_after_a_restart_of_the_service(
    own_redis: RedisServer, start_replica: StartReplica, start_program: StartProgram
) -> None:
    port = free_port()
    web = sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", EXAMPLES
    server = start_program(*web, str(port), PYTHONUNBUFFERED="1")
    origin = f"http://127.0.0.1:{port}"
    replica = start_replica(own_redis.url, "security_events", ALLOWED_ORIGINS=origin)
    await prints(server, "Serving HTTP")
    async with Publisher(own_redis.url) as publisher, chromium() as browser:
        await publisher.publish("security_events", event("The first"))
        page = await (await new_context(browser)).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{origin}/page.html?server={replica.url.replace('http', 'ws', 1)}")
        await expect(page.get_by_role("status")).to_have_text("Live")
        items = page.get_by_role("listitem")
        await expect(items).to_have_text([re.compile("The first")])
        await publisher.publish("security_events", event("The second"))
        await expect(items).to_have_text([re.compile("The second"), re.compile("The first")])
        replica.stop()
        await expect(page.get_by_role("status")).to_have_text("Reconnecting")
        await publisher.publish("security_events", event("<b>The third</b>"))
        replica.start()
        shown = "<b>The third</b>", "The second", "The first"
        await expect(items).to_have_text([re.compile(summary) for summary in shown])
        assert not errors


@pytest.fixture(scope="session")
def node_examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples with what npm installs for them."""
    folder = tmp_path_factory.mktemp("node") / "examples"
    copytree(EXAMPLES, folder, ignore=ignore_patterns("node_modules"))
    command = npm("ci", "--ignore-scripts")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


async def test_the_producer_in_node_publishes_an_event(
    node_examples: Path, own_redis: RedisServer, start_program: StartProgram
) -> None:
    settings = {"REDIS_URL": own_redis.url, "PUBLISH_LUA": str(ROOT / "shared/hsi/publish_v2.lua")}
    for summary in ("A fox at the door", "Another fox"):
        program = start_program(npm()[0], node_examples / "producer.mjs", summary, **settings)
        async with asyncio.timeout(30):
            assert await program.wait() == 0, program.log_tail()
        assert program.log_tail().startswith("published as ")
    assert [event.data.summary for event in events(own_redis.url)] == [
        "A fox at the door",
        "Another fox",
    ]


def test_the_readme_shows_the_producer_in_node_as_it_is() -> None:
    (shown,) = [
        part.partition("\n```")[0]
        for part in (ROOT / "README.md").read_text().split("```js\n")
        if part.startswith("async function publish")
    ]
    assert shown in (EXAMPLES / "producer.mjs").read_text()
