"""What the page claims of a home, in a real Chromium: the cases in which a wrong word costs most.

They need histories of hours and clocks that are wrong, which no services have within seconds. So
the page is the real one, as it is built, and what it is told is made up here, as docs/protocol.md
has it. tests/verdicts.json has every case; these are the worst.
"""

import asyncio
import json
import mimetypes
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, WebSocketRoute, expect

from local.dashboard import BUILT
from tests.browser import chromium, new_context
from tests.clients import golden
from tests.servers import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
ORIGIN = "http://localhost:8999"
"""Nothing listens there: all that the page asks for is answered here."""
MINUTE = 60
CAT = {"camera_id": "back_garden", "risk_score": 3, "risk_level": "low", "summary": "Cat"}
CRITICAL = {
    "camera_id": "front_door",
    "risk_score": 96,
    "risk_level": "critical",
    "summary": "Person at the door",
    "ended_at": "2026-11-27T12:00:00Z",
}


@dataclass
class Home:
    """What the services say of a home, by their own clock, which is this machine's."""

    events: tuple[tuple[float, dict[str, Any]], ...] = ()
    """How many seconds ago each arrived, oldest first."""
    heard: bool = True
    readable: bool = True
    """Whether the history can be read."""
    complete: bool = True
    online: int = 4
    total: int = 4
    ai: str | None = "healthy"
    temperature: float = 60.0
    browser_ahead: float = 0.0
    """Seconds."""
    sockets: list[WebSocketRoute] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        return {"now": iso(time.time()), "heard": self.heard}

    def history(self) -> list[dict[str, Any]]:
        now = time.time()
        return [
            {
                "cursor": f"{round((now - ago) * 1000)}-{number}",
                "arrived_at": iso(now - ago),
                "message": {"type": "event", "data": {"event_id": number, **data}},
            }
            for number, (ago, data) in enumerate(self.events)
        ]

    def recent(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """Answer `GET /api/events`."""
        oldest = time.time() - MINUTE * float(query["minutes"][0])
        least = int(query.get("min_risk", ["0"])[0])
        found = [
            one
            for one in self.history()
            if int(one["cursor"].partition("-")[0]) >= oldest * 1000
            and (one["message"]["data"].get("risk_score") or 0) >= least
        ]
        return {
            **self.state(),
            "complete": self.complete,
            "known_since": None,
            "cursor": None,
            "events": found[::-1],
            "next": None,
        }

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(golden("system_status"))
        offline = self.total - self.online
        status["data"]["cameras"] = {
            "total": self.total,
            "online": self.online,
            "offline": offline,
        }
        names = ("yolo26", "nemotron") if self.ai else ()
        status["data"]["services"] = {**dict.fromkeys(names, self.ai), "redis": "healthy"}
        status["data"]["gpu"]["temperature"] = self.temperature
        return status

    def listen(self, socket: WebSocketRoute) -> None:
        """Speak as a service does at the other end of a WebSocket."""
        self.sockets.append(socket)
        is_events = urlsplit(socket.url).path.endswith("/ws/events")

        def say(message: dict[str, Any]) -> None:
            socket.send(json.dumps(message))

        socket.on_message(lambda _: say({"type": "pong", **self.state()}))
        if not is_events:
            say(self.status())
            return
        if self.readable:
            for one in self.history()[-100:]:
                say({"cursor": one["cursor"], **one["message"]})
        say({"type": "ping", **self.state()})

    def change(self, *, heard: bool) -> None:
        """Begin to hear Redis, or no longer; a heartbeat says so at once."""
        self.heard = heard
        for socket in self.sockets:
            socket.send(json.dumps({"type": "ping", **self.state()}))

    async def answer(self, route: Route) -> None:
        """Answer what the page asks for by HTTP."""
        address = urlsplit(route.request.url)
        file = BUILT / (address.path.lstrip("/") or "index.html")
        if route.request.resource_type == "font":
            await route.abort()
        elif file.is_file():
            kind = mimetypes.guess_type(file.name)[0]
            await route.fulfill(path=file, content_type=kind)
        elif address.path == "/api/session":
            await route.fulfill(json={"name": "", "scope": "admin", "expires_at": None})
        elif address.path == "/api/events" and self.readable:
            await route.fulfill(json=self.recent(parse_qs(address.query)))
        elif address.path == "/api/cameras":
            await route.fulfill(json=[])
        elif address.path.startswith("/api/") and address.path != "/api/events":
            await route.fulfill(status=404, json={"detail": "Not Found"})
        else:  # A page that the worker asks for is one that it has, then.
            await route.fulfill(status=503, json={"detail": "Redis cannot be read"})


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    build = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dashboard", "build", cwd=ROOT
    )
    assert await build.wait() == 0
    async with chromium() as browser:
        yield browser


async def page_of(browser: Browser, home: Home) -> Page:
    context = await new_context(browser)
    await context.route("**/*", home.answer)
    await context.route_web_socket("**/ws/*", home.listen)
    page = await context.new_page()
    if home.browser_ahead:
        await page.clock.install(time=time.time() + home.browser_ahead)
    await page.goto(ORIGIN)
    return page


QUIET = ("All quiet", "good")
ACT = ("Act now", "bad")
UNKNOWN = "Can't tell"
CASES = {
    "Redis did not answer when the page opened": (
        Home(heard=False, readable=False),
        UNKNOWN,
        "warn",
        "The events service cannot hear Redis",
    ),
    "no camera is online and both AIs are unhealthy": (
        Home(online=0, ai="unhealthy"),
        UNKNOWN,
        "warn",
        "No camera is online",
    ),
    "nothing is configured": (
        Home(online=0, total=0, ai=None),
        UNKNOWN,
        "warn",
        "No camera is set up",
    ),
    "a critical is behind 100 lows": (
        Home(((10 * MINUTE, CRITICAL), *((1, CAT) for _ in range(120)))),
        *ACT,
        "front door: Person at the door",
    ),
    "a critical that began 20 minutes ago has not ended": (
        Home(((20 * MINUTE, CRITICAL | {"ended_at": None}), *((60, CAT) for _ in range(120)))),
        *ACT,
        "front door: Person at the door",
    ),
    "a critical has no score, and a cat has 3": (
        Home(((30, CRITICAL | {"risk_score": None, "risk_level": "CRITICAL"}), (10, CAT))),
        *ACT,
        "front door: Person at the door",
    ),
    "the browser's clock is 20 minutes ahead": (
        Home(((30, CRITICAL),), browser_ahead=20 * MINUTE),
        *ACT,
        "front door: Person at the door",
    ),
    "an event of 20 minutes ago says that it is of an hour ahead": (
        Home(((20 * MINUTE, CRITICAL | {"ended_at": "2999-01-01T00:00:00"}),)),
        *QUIET,
        "No event in 15 minutes",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_the_page_says_of_the_home_what_is_so(
    browser: Browser, case: tuple[Home, str, str, str]
) -> None:
    home, title, tone, detail = case
    page = await page_of(browser, home)
    brief = page.get_by_role("region", name="Home, in brief")
    await expect(brief).to_contain_text(detail)
    await expect(brief).to_contain_text(title)
    await expect(brief).to_have_attribute("data-tone", tone)
    await page.context.close()


async def test_a_lost_camera_a_hot_gpu_and_deaf_events_are_on_the_first_page(
    browser: Browser,
) -> None:
    home = Home(online=3, temperature=91.0)
    page = await page_of(browser, home)
    brief = page.get_by_role("region", name="Home, in brief")
    connection = page.get_by_role("region", name="Connection")
    await expect(brief).to_contain_text("Quiet at 3 of 4 cameras")
    await expect(brief).to_have_attribute("data-tone", "warn")
    system = page.get_by_role("region", name="System, in brief")
    await expect(system).to_contain_text("GPU at 91 °C")
    await expect(connection.get_by_role("status")).to_have_text("Live")
    home.change(heard=False)
    await expect(connection).to_contain_text("Events wait")
    await expect(brief).to_contain_text("Can't tell")
    await page.context.close()
