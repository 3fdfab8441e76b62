"""From Frigate to my phone: every command of docs/how-to runs, and what it promises arrives."""

import json
import re
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from local import mosquitto
from local.mosquitto import Mosquitto
from local.processes import Process, free_port
from tests.clients import hear, until
from tests.conftest import StartStack
from tests.servers import ROOT, denied

pytestmark = [
    pytest.mark.package,
    pytest.mark.timeout(240),  # all of `make run`
    pytest.mark.xdist_group("make run"),
    pytest.mark.skipif(mosquitto.MOSQUITTO is None, reason=mosquitto.HOW_TO_GET_IT),
]
DOCUMENT = ROOT / "docs" / "how-to" / "from-frigate-to-my-phone.md"
TITLES = {"medium": "Worth a look: Driveway", "high": "Look now: Driveway"}
"""Of a person by day, and at night."""
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE = 60


class Phone(ThreadingHTTPServer):
    """Takes what Apprise posts as JSON, and keeps it."""

    daemon_threads = True

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Phone

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.told.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def phone() -> Iterator[Phone]:
    with Phone() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def run(commands: str, folder: Path) -> str:
    """Run the lines of a fence as a person's shell does; return what they print."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],  # noqa: S607 (the machine's own)
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def exported(commands: str, folder: Path) -> dict[str, str]:
    """Return the variables that the lines of a fence set."""
    words = shlex.split(commands.replace("$PWD", str(folder)))
    return dict(word.split("=", 1) for word in words if "=" in word)


async def test_frigate_reaches_the_dashboard_home_assistant_and_the_phone(
    tmp_path: Path, start_stack: StartStack, phone: Phone, cleanup: Callable[[Process], None]
) -> None:
    broker = Mosquitto(tmp_path / "mosquitto", port=free_port())
    cleanup(broker)
    broker.start()
    told = tmp_path / "told.jsonl"
    port = free_port()
    text = DOCUMENT.read_text()
    for name, here in {
        "broker.local:1883": f"127.0.0.1:{broker.port}",
        "a-password": broker.password,
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "ntfys://ntfy.sh/a-long-secret-topic": f"json://127.0.0.1:{phone.server_port}/",
        "quiet: {from: 23:00, to: 06:00}": "quiet: []",  # the test runs at night, too
        "/var/log/hsi/told.jsonl": str(told),
    }.items():
        assert name in text
        text = text.replace(name, here)
    (kind, rules), *fences = FENCE.findall(text)
    assert kind == "yaml"
    assert {kind for kind, _ in fences} == {"sh"}
    start, somebody_comes, *see = (commands for _, commands in fences)
    (tmp_path / "rules.yaml").write_text(rules)
    stack = start_stack(REDIS_URL="", DATABASE_URL="", **exported(start, tmp_path), PORT=str(port))

    async with connect(f"ws://127.0.0.1:{port}/ws/events", compression=None) as client:
        run(somebody_comes, tmp_path)
        while '"type":"event"' not in (message := await hear(client, within=PATIENCE)):
            pass
    event = json.loads(message)["data"]
    assert event["camera_id"] == "driveway"
    title = TITLES[event["risk_level"]]
    assert event["batch_id"].endswith("abc123")

    async def everybody_is_told() -> bool:
        return told.exists() and bool(phone.told)

    await until(everybody_is_told, within=PATIENCE)
    list_events, *others = see

    async def is_listed() -> bool:  # within a second: so long an answer is kept
        listed = json.loads(run(list_events, tmp_path))["events"]
        return [one["message"]["data"]["event_id"] for one in listed] == [event["event_id"]]

    await until(is_listed, within=PATIENCE)
    home_assistant, file = (run(commands, tmp_path) for commands in others)
    device, state = map(json.loads, home_assistant.splitlines())
    assert device["device"]["name"] == "driveway"
    assert state["last"]["event_id"] == event["event_id"]
    notification = json.loads(file)
    assert notification["title"] == title
    assert notification["url"].startswith(f"http://127.0.0.1:{port}/events/")
    assert [one["title"] for one in phone.told] == [notification["title"]]
    assert denied(stack.redis_url) == []
    logs = "".join(log.read_text() for log in (tmp_path / "stack/.local/logs").glob("*.log"))
    assert broker.password not in logs
