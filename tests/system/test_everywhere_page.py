"""The page on every screen, in every light and at every address, in a real Chromium.

The page is the real one, as it is built; what it is told is made up, as in test_verdict_page.py.
"""

import asyncio
import itertools
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, WebSocketRoute, expect

from local.dashboard import BUILT, FOLDER, npm
from tests.browser import AXE, WINDOWS, Tab, chromium, new_context
from tests.servers import ROOT
from tests.system.test_verdict_page import Home, iso

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
ORIGIN = "http://localhost:8998"
"""Nothing listens there."""
LOGIN = "https://login.example/"
PAGES = ("/", "/performance", "/jobs")
LIGHT, DARK = "rgb(244, 245, 247)", "rgb(18, 18, 18)"
"""The ground of each theme."""
SCORES = {"low": 10, "medium": 40, "high": 70, "critical": 95}
TURNING = "\u202eegarag\u2069 باب"
"""A name that turns what is around it, unless it is isolated."""
FIGURES = ("Risk, last 15 minutes", "GPU", "Queues", "Services")


def camera(name: str, status: str = "online") -> dict[str, Any]:
    return {"id": name, "name": name, "status": status, "last_seen_at": iso(time.time())}


def many(count: int = 50) -> list[dict[str, Any]]:
    """Return cameras in the order of PostgreSQL, which is not a person's."""
    return [camera(name) for name in sorted(f"cam {number}" for number in range(1, count + 1))]


@dataclass
class House(Home):
    """A home with cameras, at some path, maybe behind a login."""

    cameras: list[dict[str, Any]] = field(default_factory=list)
    base: str = "/"
    files: Path = BUILT
    login_ended: bool = False
    outside: list[str] = field(default_factory=list)
    """What was asked for that is not below the base path."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def publish(self, summary: str, level: str = "low", at: str = "cam 1") -> None:
        """Tell all pages of an event that happens now."""
        number = next(self._numbers)
        data = {
            "event_id": 1000 + number,
            "camera_id": at,
            "summary": summary,
            "risk_level": level,
            "risk_score": SCORES[level],
            "started_at": "2026-11-27T15:04:05Z",
        }
        cursor = f"{round(time.time() * 1000)}-{number}"
        for socket in self.sockets:
            if socket.url.endswith("/ws/events") or "/ws/events?" in socket.url:
                socket.send(json.dumps({"cursor": cursor, "type": "event", "data": data}))

    def listen(self, socket: WebSocketRoute) -> None:
        if not urlsplit(socket.url).path.startswith(self.base):
            self.outside.append(socket.url)
        if self.login_ended:
            socket.connect_to_server()  # Nothing listens there: it cannot be opened.
        else:
            super().listen(socket)

    def end_login(self) -> None:
        """Have the proxy in front ask again who is there, and lose all connections."""
        self.login_ended = True
        for socket in self.sockets:
            asyncio.ensure_future(socket.close(code=1001))  # noqa: RUF006 (the page's end is waited for)

    async def answer(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if not address.path.startswith(self.base):
            self.outside.append(route.request.url)
            await route.fulfill(status=404)
            return
        path = "/" + address.path.removeprefix(self.base)
        file = self.files / path[1:]
        if path.startswith("/api/") and self.login_ended:
            await route.fulfill(status=302, headers={"Location": LOGIN})
        elif path == "/api/session":
            await route.fulfill(json={"name": "", "scope": "admin", "expires_at": None})
        elif path == "/api/cameras":
            await route.fulfill(json=self.cameras)
        elif path == "/api/jobs":
            await route.fulfill(json=[])
        elif path == "/api/alerts":
            await route.fulfill(json={"as_of": iso(time.time()), "alerts": [], "limits": {}})
        elif path == "/api/events":
            await route.fulfill(json=self.recent(parse_qs(address.query)))
        elif path.startswith("/api/"):
            await route.fulfill(status=404)
        elif file.is_file():
            await route.fulfill(path=file)
        else:
            await route.fulfill(path=self.files / "index.html")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    await build()
    async with chromium() as browser:
        yield browser


async def build() -> None:
    building = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dashboard", "build", cwd=ROOT
    )
    assert await building.wait() == 0


async def build_below(base: str, folder: Path) -> None:
    """Build the page for another path, into a folder."""
    command = npm("run", "build", "--", f"--outDir={folder}")
    path = f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"
    building = await asyncio.create_subprocess_exec(
        *command, cwd=FOLDER, env=os.environ | {"PATH": path, "BASE_PATH": base}
    )
    assert await building.wait() == 0


OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Open pages of a home; none of them may ever complain."""
    complaints: list[str] = []
    contexts = []

    async def open_page(
        home: House, path: str = "", *, width: int = 1280, script: str = "", **options: Any
    ) -> Page:
        context = await new_context(browser, width=width, **options)
        contexts.append(context)
        await context.route("**/*", home.answer)
        await context.route_web_socket("**/ws/*", home.listen)
        await context.add_init_script(f"{{ {script} }}")
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text) if message.text.startswith("against") else None
            ),
        )
        await page.goto(ORIGIN + home.base + path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []


async def is_live(page: Page) -> None:
    connection = page.get_by_role("region", name="Connection").get_by_role("status")
    await expect(connection.locator("strong")).to_have_text(re.compile("^(Live|No performance)"))


async def top_of(page: Page, region: str) -> float:
    box = await page.get_by_role("region", name=region, exact=True).bounding_box()
    assert box is not None
    return box["y"]


async def inaccessible(page: Page) -> list[str]:
    if not await page.evaluate("'axe' in globalThis"):
        await page.evaluate(AXE.read_text())
    found: dict[str, Any] = await page.evaluate("axe.run()")
    return [
        f"{violation['id']}: {json.dumps(node['html'])} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


# --- every screen ---


async def test_on_a_phone_the_verdict_and_the_activity_come_first(open_page: OpenPage) -> None:
    page = await open_page(House(cameras=many(4)), width=360)
    await is_live(page)
    order = ["Home, in brief", "System, in brief", "Activity", "Cameras", *FIGURES]
    tops = [await top_of(page, region) for region in order]
    assert tops == sorted(tops)
    # In what a thumb sees first there are events, and not only their heading.
    assert await top_of(page, "Activity") < WINDOWS[360] - 200


async def test_fifty_cameras_are_in_a_persons_order_and_can_be_those_with_events(
    open_page: OpenPage,
) -> None:
    home = House(cameras=many())
    page = await open_page(home)
    await is_live(page)
    cameras = page.get_by_role("region", name="Cameras", exact=True)
    names = cameras.get_by_role("heading", level=3)
    await expect(names).to_have_text([f"cam {number}" for number in range(1, 51)])
    home.publish("Cat", at="cam 20")
    home.publish("Dog", at="cam 3")
    only = cameras.get_by_role("switch", name="Only with events")
    await only.check()
    await expect(names).to_have_text(["cam 3", "cam 20"])
    await page.reload()
    await is_live(page)
    await expect(only).to_be_checked()
    await expect(cameras).to_contain_text("No camera has a recent event")


@pytest.mark.parametrize("count", [4, 50])
async def test_cameras_are_grouped_by_area_where_they_have_one(
    open_page: OpenPage, count: int
) -> None:
    areas = (None, "Floor 10", "Floor 2")
    cameras = [one | {"area": areas[at % 3]} for at, one in enumerate(many(count))]
    page = await open_page(House(cameras=cameras), width=360)
    await is_live(page)
    shown = page.get_by_role("region", name="Cameras", exact=True)
    await expect(shown.get_by_role("heading", level=3)).to_have_text(
        ["Floor 2", "Floor 10", "In no area"]
    )
    await expect(shown.get_by_role("heading", level=4)).to_have_count(count)
    tab = Tab(page, urlsplit(page.url)._replace(path="", query="").geturl())
    assert await tab.overflow() == 0
    assert await tab.inaccessible() == []
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/areas-{count}.png", full_page=True)


@pytest.mark.parametrize("width", WINDOWS)
async def test_every_width_is_used_nothing_is_cut_off_and_nothing_jumps(
    open_page: OpenPage, width: int
) -> None:
    home = House(cameras=many())
    page = await open_page(home, width=width)
    await is_live(page)
    await expect(page.get_by_role("heading", level=3)).to_have_count(50)
    for number in range(5):
        home.publish(f"Event {number}", level="medium", at=f"cam {number}")
    await expect(page.get_by_role("region", name="Events").get_by_role("listitem")).to_have_count(5)
    wide = await page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide[0] == wide[1]
    right = await page.evaluate(
        "Math.max(...[...document.querySelectorAll('main section')]"
        ".map((part) => part.getBoundingClientRect().right))"
    )
    assert right > 0.96 * width
    shifts = await page.evaluate("watched.shifts.filter((s) => !s.byPerson && !s.inFeed)")
    assert sum(shift["value"] for shift in shifts) < 0.1, json.dumps(shifts, indent=1)
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=f"{folder}/fifty-{width}.png")


# --- every light ---


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_axe_finds_nothing_on_any_page_in_any_theme(
    open_page: OpenPage, scheme: Any, width: int
) -> None:
    home = House(cameras=[*many(), camera(TURNING, "offline")], ai="degraded")
    for path in PAGES:
        page = await open_page(home, path[1:], width=width, color_scheme=scheme)
        await expect(page.get_by_role("heading", level=1)).to_be_attached()
        await is_live(page)
        if path == "/":
            for number, level in enumerate(SCORES):
                home.publish(f"Something {level}", level=level, at=f"cam {number + 1}")
            await expect(page.get_by_role("region", name="Events")).to_contain_text("critical")
        assert await inaccessible(page) == []
        if folder := os.environ.get("SCREENSHOTS"):
            name = path.strip("/") or "dashboard"
            await page.screenshot(path=f"{folder}/{name}-{scheme}-{width}.png", full_page=True)


GROUNDS = """
globalThis.grounds = new Set();
(function look() {
  const { body, documentElement: page } = document;
  if (body) grounds.add(getComputedStyle(page).backgroundColor);
  requestAnimationFrame(look);
})();
"""


async def test_a_theme_that_was_chosen_is_there_before_the_first_picture(
    open_page: OpenPage,
) -> None:
    page = await open_page(House(), script=GROUNDS, color_scheme="light")
    await is_live(page)
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert await page.evaluate(ground) == LIGHT
    await page.get_by_role("button", name="Colours").click()
    await page.get_by_role("radio", name="Dark").check()
    assert await page.evaluate(ground) == DARK
    bar = page.locator("meta[name=theme-color]").first
    await expect(bar).to_have_attribute("content", "#1a1a1a")
    await page.reload()
    await is_live(page)
    grounds = await page.evaluate("[...grounds]")
    assert DARK in grounds
    assert LIGHT not in grounds
    await expect(bar).to_have_attribute("content", "#1a1a1a")
    await page.get_by_role("button", name="Colours").click()
    await page.get_by_role("radio", name="As the system").check()
    assert await page.evaluate(ground) == LIGHT
    await page.emulate_media(color_scheme="dark")
    assert await page.evaluate(ground) == DARK


# --- every language ---


@pytest.mark.parametrize(
    ("locale", "began"),
    [
        ("en-US", "began 3:04:05 PM"),
        ("en-GB", "began 15:04:05"),
        ("de-DE", "began 15:04:05"),
        ("ar-EG", "began ٣:٠٤:٠٥ م"),  # noqa: RUF001 (Arabic has digits of its own)
    ],
)
async def test_times_are_as_the_browsers_locale_has_them(
    open_page: OpenPage, locale: str, began: str
) -> None:
    home = House(cameras=many(4))
    page = await open_page(home, locale=locale, timezone_id="UTC")
    await is_live(page)
    home.publish("Cat")
    entry = page.get_by_role("region", name="Events").get_by_role("listitem")
    await expect(entry).to_contain_text("Cat")
    text = (await entry.inner_text()).replace("\u202f", " ").replace("\xa0", " ")
    assert began.removeprefix("began ") in text  # The day stands before it where it is another one.


async def test_a_name_that_turns_its_direction_turns_nothing_else(open_page: OpenPage) -> None:
    home = House(cameras=[camera(TURNING, "offline"), camera("cam 1")], online=1, total=2)
    page = await open_page(home)
    await is_live(page)
    home.publish(TURNING, level="high", at=TURNING)
    region = page.get_by_role("region", name="Events")
    await expect(region.get_by_role("listitem")).to_have_count(1)
    found = await page.evaluate(
        """() => {
          const loose = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const { parentElement: parent, textContent: text } = walker.currentNode;
            if (!text.includes("باب") || parent.closest(".sr-only")) continue;
            if (!parent.closest("bdi")) loose.push(parent.outerHTML);
          }
          for (const element of document.querySelectorAll("[title*='باب']")) {
            if (!element.title.includes("\\u2068egarag باب\\u2069")) loose.push(element.title);
          }
          return loose;
        }"""
    )
    assert found == []
    detail = page.get_by_role("region", name="Home, in brief").locator("[title]")
    await expect(detail).to_have_attribute("title", re.compile("^\u2068egarag باب\u2069: \u2068"))


# --- every address ---


async def test_below_a_path_everything_is_below_that_path(
    open_page: OpenPage, tmp_path: Path
) -> None:
    await build_below("/hsi/", tmp_path)
    home = House(cameras=many(4), base="/hsi/", files=tmp_path)
    page = await open_page(home, "jobs/import-7")
    await is_live(page)
    await expect(page.get_by_role("region", name="Job import-7")).to_be_visible()
    await page.get_by_role("link", name="Dashboard").click()
    await expect(page).to_have_url(f"{ORIGIN}/hsi/")
    await expect(page.get_by_role("heading", level=3)).to_have_count(4)
    await page.get_by_role("link", name="Performance").click()
    await expect(page).to_have_url(f"{ORIGIN}/hsi/performance")
    await expect(page.get_by_role("heading", name="Performance")).to_be_visible()
    await page.goto(f"{ORIGIN}/hsi/nowhere")
    await expect(page).to_have_url(f"{ORIGIN}/hsi/")
    assert home.outside == []


async def test_a_login_that_has_ended_is_told_with_what_to_do(open_page: OpenPage) -> None:
    home = House(cameras=many(4))
    page = await open_page(home)
    await is_live(page)
    home.end_login()
    connection = page.get_by_role("region", name="Connection")
    await expect(connection).to_contain_text("Signed out")
    again = connection.get_by_role("button", name="Sign in again")
    await page.evaluate("globalThis.mark = true")
    await again.click()
    await page.wait_for_function("globalThis.mark === undefined")
    home.login_ended = False
    await is_live(page)


BLOCKED = """
const refuse = () => { throw new DOMException("denied", "SecurityError"); };
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(globalThis, name, { get: refuse });
}
globalThis.BroadcastChannel = class { constructor() { refuse(); } };
"""


async def test_where_site_data_are_blocked_everything_works_until_it_is_closed(
    open_page: OpenPage,
) -> None:
    page = await open_page(House(cameras=many()), script=BLOCKED, color_scheme="dark")
    await is_live(page)
    await page.get_by_role("button", name="Colours").click()
    await page.get_by_role("radio", name="Light").check()
    await page.get_by_role("switch", name="Only with events").check()
    await page.get_by_role("link", name="Jobs").click()
    await page.get_by_role("link", name="Dashboard").click()
    await expect(page.get_by_role("switch", name="Only with events")).to_be_checked()
    ground = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == LIGHT


# --- everybody ---

HEARD = """
globalThis.heard = [];
new MutationObserver((changes) => {
  for (const { target } of changes) {
    const region = target.parentElement?.closest("[data-announcer]") ??
      (target instanceof Element ? target.closest("[data-announcer]") : null);
    const text = region?.textContent;
    if (text) heard.push([region.getAttribute("aria-live"), text]);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


async def test_what_is_grave_is_announced_in_order_and_none_is_lost(open_page: OpenPage) -> None:
    home = House(cameras=many(4))
    page = await open_page(home, script=HEARD)
    await is_live(page)
    for number in range(4):
        home.publish(f"Event {number}", level="high")
    home.publish("Cat")
    home.publish("Fire", level="critical")
    await page.wait_for_function("heard.some(([, text]) => text.includes('Event 3'))")
    heard = await page.evaluate("heard")
    assert ["assertive", "critical risk: cam 1: Fire"] in heard
    polite = [text for how, text in heard if how == "polite" and "Event" in text]
    assert polite == [f"high risk: cam 1: Event {number}" for number in range(4)]
    assert not any("Cat" in text for _, text in heard)


async def test_the_mark_of_an_arrival_stands_still_and_passes(open_page: OpenPage) -> None:
    home = House(cameras=many(4))
    page = await open_page(home)
    await is_live(page)
    feed = page.get_by_role("region", name="Events")
    home.publish("Cat")
    marked = feed.locator("li.arrived")
    await expect(marked).to_have_count(1)
    moving = "document.getAnimations().filter((one) => one.effect.target.closest('li')).length"
    assert await page.evaluate(moving) == 0
    await expect(marked).to_have_count(0)
    await expect(feed.get_by_role("listitem")).to_have_count(1)


# --- every day ---


async def test_three_thousand_events_leave_no_more_behind_than_one_thousand(
    open_page: OpenPage,
) -> None:
    home = House(cameras=many(8))
    page = await open_page(home)
    await is_live(page)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")

    async def taken(upto: int) -> tuple[float, float]:
        """Publish up to this many events; return megabytes of the heap, and nodes of the page."""
        for number in range(upto - 1000, upto):
            home.publish(f"Event {number}", at=f"cam {number % 8 + 1}")
            if number % 100 == 0:
                await asyncio.sleep(0)
        await expect(page.get_by_role("region", name="Events")).to_contain_text(f"Event {upto - 1}")
        await session.send("HeapProfiler.collectGarbage")
        metrics = (await session.send("Performance.getMetrics"))["metrics"]
        value = {one["name"]: one["value"] for one in metrics}
        return value["JSHeapUsedSize"] / 1e6, value["Nodes"]

    heap, nodes = await taken(1000)
    await taken(2000)
    later, more = await taken(3000)
    assert more < 1.1 * nodes
    # What counts for the verdict is the events of 15 minutes; each is kept once, some 500 bytes.
    assert later - heap < 2
