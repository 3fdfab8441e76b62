"""docs/how-to/publish-over-http.md: commands run as they stand, snippets as far as they can."""

import asyncio
import contextlib
import json
import re
import shutil
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import yaml
from redis.asyncio import Redis

from hsi.schemas import channels
from local.dashboard import npm
from services.events.app import create_events_app
from services.events.settings import EventsSettings
from services.joblogs.app import create_joblogs_app
from services.joblogs.settings import JobLogSettings
from tests.clients import http_client
from tests.servers import ROOT, as_user, serving

TEXT = (ROOT / "docs/how-to/publish-over-http.md").read_text()
EVENTS_AT, JOBS_AT = "http://127.0.0.1:8080/api/events", "http://127.0.0.1:8080/api/jobs"


class Served(NamedTuple):
    """The services that the commands speak to."""

    events: str
    jobs: str
    redis: Redis
    channel: str

    def here(self, text: str) -> str:
        """Return a snippet with the addresses of these services."""
        here = text.replace(EVENTS_AT, f"{self.events}/api/events")
        return here.replace(JOBS_AT, f"{self.jobs}/api/jobs")

    async def told(self) -> list[Any]:
        """Return the data of the events that were published."""
        entries: Any = await self.redis.xrange(channels.history(self.channel))
        return [json.loads(fields[b"m"])["data"] for _, fields in entries]

    async def run(self, *command: str) -> str:
        """Return what a command prints."""
        program = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(30):
            said, trouble = await program.communicate()
        assert program.returncode == 0, (said, trouble)
        return said.decode()


@pytest.fixture
async def served(redis_url: str, channel: str) -> AsyncIterator[Served]:
    events = EventsSettings(redis_url=as_user("events", redis_url), redis_event_channel=channel)
    jobs = JobLogSettings(redis_url=as_user("joblogs", redis_url))
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(create_events_app(events)))
        second = await stack.enter_async_context(serving(create_joblogs_app(jobs)))
        redis = await stack.enter_async_context(Redis.from_url(redis_url))
        yield Served(
            f"http://{first[0]}:{first[1]}", f"http://{second[0]}:{second[1]}", redis, channel
        )


def snippets(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert found
    return found


async def test_the_readmes_curl_runs_as_it_stands(served: Served) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^curl --(?:json|retry)(?:.*\\\n)*.*$", readme, re.MULTILINE)
    for command in commands:
        await served.run("bash", "-euc", f"HSI_PUBLISH_KEY=x\n{served.here(command)}")
    assert [event["camera_id"] for event in await served.told()] == ["front_door", "garage"]


async def test_every_curl_command_runs_as_it_stands(served: Served) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    said = [
        await served.run("bash", "-euo", "pipefail", "-c", f"HSI_PUBLISH_KEY=x\n{served.here(one)}")
        for one in snippets("sh")
    ]
    assert [event["camera_id"] for event in await served.told()] == [
        *("front_door", "garage", "garden", "street")
    ]
    assert json.loads(said[0]).keys() == {"cursor", "event_id"}
    job = re.search(r'"id":"(backup-\d+)","status":"completed"', said[-1])
    assert job, said[-1]
    log: Any = await served.redis.xrange(channels.history(channels.job_logs(job[1])))
    lines = [json.loads(fields[b"m"]) for _, fields in log]
    assert lines[0]["data"]["message"].startswith("Filesystem")
    assert [line["type"] for line in lines[-2:]] == ["log", "end"]


class HomeAssistant(yaml.SafeLoader):
    """Reads its configuration, with secrets."""


HomeAssistant.add_constructor("!secret", lambda _loader, node: f"secret {node.value}")


async def test_home_assistants_command_publishes_what_its_automation_gives_it(
    served: Served,
) -> None:
    """As it fills templates in: there is no Home Assistant here."""
    [text] = snippets("yaml")
    configured = yaml.load(text, HomeAssistant)  # noqa: S506 (a safe loader with one more tag)
    command = configured["rest_command"]["hsi_event"]
    [repeated] = configured["automation"][0]["actions"]
    _, action = repeated["repeat"]["sequence"]
    assert action["action"] == "rest_command.hsi_event"
    given = action["data"] | {"summary": 'Somebody "rings"\n', "key": "01KX"}

    def filled(template: str) -> str:
        names = re.sub(
            r"{{ (\w+) \| to_json }}", lambda found: json.dumps(given[found[1]]), template
        )
        return re.sub(r"{{ (\w+) }}", lambda found: str(given[found[1]]), names)

    headers = {name: filled(value) for name, value in command["headers"].items()}
    headers["Content-Type"] = command["content_type"]
    statuses = []
    async with http_client() as http:
        for _ in range(2):
            answer = await http.request(
                command["method"].upper(),
                served.here(command["url"]),
                content=filled(command["payload"]),
                headers=headers,
            )
            statuses.append(answer.status_code)
    assert statuses == [201, 200]
    assert all(str(status) in repeated["repeat"]["until"] for status in statuses)
    [event] = await served.told()
    assert (event["camera_id"], event["risk_level"]) == ("front_door", "medium")
    assert event["summary"] == given["summary"]


async def test_node_reds_functions_send_an_event_again_until_it_is_there(served: Served) -> None:
    event, again = snippets("js")

    async def does(code: str, msg: Any) -> Any:
        """Return what a function node makes of a message, and what it says is wrong."""
        program = (
            "const errors = [], env = {get: (name) => `of ${name}`};"
            "const node = {error: (text) => errors.push(text)};"
            f"const run = new Function('msg', 'env', 'node', {json.dumps(code)});"
            f"console.log(JSON.stringify([run({json.dumps(msg)}, env, node), errors]));"
        )
        return json.loads(await served.run(npm()[0], "-e", program))

    first = {"_msgid": "ab12", "topic": "door", "payload": "open"}
    [msg, _] = await does(event, first)
    [[sent_again, onwards], _] = await does(
        again, msg | {"statusCode": 503, "headers": {"retry-after": "3"}, "payload": {}}
    )
    assert (sent_again["delay"], onwards) == (3000, None)
    [msg_again, _] = await does(event, sent_again)
    assert (msg_again["payload"], msg_again["headers"]) == (msg["payload"], msg["headers"])
    [[sent_again, _], _] = await does(again, msg | {"statusCode": "ECONNREFUSED"})
    assert sent_again["delay"] == 2000
    async with http_client() as http:
        for status in (201, 200):
            answer = await http.request(
                msg["method"],
                served.here(msg["url"]),
                json=msg["payload"],
                headers=msg["headers"],
            )
            assert answer.status_code == status, answer.text
    [told] = await served.told()
    assert told["summary"] == "door: open"
    bad = {"statusCode": 422, "payload": {"detail": "camera_id: is missing"}}
    [[sent_again, onwards], errors] = await does(again, bad)
    assert (sent_again, onwards["statusCode"]) == (None, 422)
    assert errors == ["not published: camera_id: is missing"]
