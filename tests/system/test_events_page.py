"""Reading an event, and finding one of 10,000, in a real Chromium.

They need histories that no services have within seconds. So the page is the real one, as it is
built, with the policy of dashboard/Caddyfile, and what it is told is made up here, as
docs/protocol.md has it.
"""

import asyncio
import json
import logging
import mimetypes
import re
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, WebSocketRoute, expect

from local.dashboard import BUILT
from tests.browser import Tab, chromium, new_context, page_policy
from tests.clients import golden
from tests.servers import ROOT

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
log = logging.getLogger(__name__)
ORIGIN = "http://localhost:8998"
"""Nothing listens there: all that the page asks for is answered here."""
NVR = "https://nvr.example:8971"
"""Where pictures may come from beside the page's own origin."""
MINUTE = 60
CAMERAS = {"front_door": "Front door", "back_garden": "Back garden", "cam_2": "Driveway"}
LEVELS = (("low", 12), ("low", 8), ("medium", 44), ("low", 21), ("high", 71), ("critical", 93))
BUDGET = 2_500
"""Messages that one answer looks at."""
MAX_ROWS = 60
"""Of the list, that are in the page at once."""


def picture(width: int = 320, height: int = 180) -> bytes:
    """Return a PNG: a garden at dusk, as far as two colours can be one."""
    rows = b"".join(
        b"\0" + bytes((40 + y // 4, 60 + y // 3, 90 - y // 4)) * width for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@dataclass
class House:
    """What the services say of a home with a history."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    """Oldest first."""
    is_up: bool = True
    is_signed_in: bool = True
    sockets: list[WebSocketRoute] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths and queries of the API."""

    def put(self, ago: float = 0, **data: Any) -> str:
        """Add an event to the history; return its cursor."""
        number = len(self.entries) + 1
        at = time.time() - ago
        cursor = f"{round(at * 1000)}-{number}"
        camera = [*CAMERAS][number % len(CAMERAS)]
        level, score = LEVELS[number % len(LEVELS)]
        message = {
            "type": "event",
            "data": {
                "event_id": number,
                "batch_id": f"batch-{number}",
                "camera_id": camera,
                "risk_score": score,
                "risk_level": level,
                "summary": f"Somebody walks by, no. {number}",
                "started_at": iso(at - 100),
                "ended_at": iso(at - 5),
                **data,
            },
        }
        self.entries.append({"cursor": cursor, "arrived_at": iso(at), "message": message})
        return cursor

    def publish(self, **data: Any) -> str:
        """Let an event come while the page is open."""
        cursor = self.put(**data)
        for socket in self.sockets:
            socket.send(json.dumps({"cursor": cursor, **self.entries[-1]["message"]}))
        return cursor

    def state(self) -> dict[str, Any]:
        return {"now": iso(time.time()), "heard": True}

    def history(self, query: dict[str, list[str]]) -> dict[str, Any]:
        """Answer `GET /api/events`."""
        older = self.entries
        if before := query.get("before"):
            place = [entry["cursor"] for entry in older].index(before[0])
            older = older[:place]
        limit = int(query.get("limit", ["100"])[0])
        fits = wanted(query)
        found: list[dict[str, Any]] = []
        next_ = None
        for looked, entry in enumerate(reversed(older), start=1):
            if fits(entry):
                found.append(entry)
            if (len(found) == limit or looked == BUDGET) and looked < len(older):
                next_ = entry["cursor"]
                break
        return {
            **self.state(),
            "complete": True,
            "known_since": iso(time.time() - 90 * 24 * 60 * MINUTE),
            "cursor": self.entries[-1]["cursor"] if self.entries else None,
            "events": found,
            "next": next_,
        }

    def one(self, cursor: str) -> dict[str, Any] | None:
        """Answer `GET /api/events/<cursor>`."""
        cursors = [entry["cursor"] for entry in self.entries]
        if cursor not in cursors:
            return None
        entry = self.entries[cursors.index(cursor)]
        camera = entry["message"]["data"]["camera_id"]
        of_camera = [
            other["cursor"]
            for other in self.entries
            if other["message"]["data"]["camera_id"] == camera
        ]
        place = of_camera.index(cursor)
        return {
            "event": entry,
            "previous": of_camera[place - 1] if place else None,
            "next": of_camera[place + 1] if place + 1 < len(of_camera) else None,
            "now": iso(time.time()),
        }

    def mark(self, id_: str, method: str) -> dict[str, Any]:
        """Answer that an event was seen, or is no longer, and tell all pages."""
        is_seen = method == "POST"
        mark = {"at": iso(time.time()), "by": "kitchen", "risk_level": "high" if is_seen else None}
        told = {"type": "event_seen", "data": {"id": id_, "seen": is_seen, **mark}}
        for socket in self.sockets:
            socket.send(json.dumps(told))
        return {"id": id_, "seen": mark if is_seen else None}

    def listen(self, socket: WebSocketRoute) -> None:
        """Speak as a service does at the other end of a WebSocket."""

        def say(message: dict[str, Any]) -> None:
            socket.send(json.dumps(message))

        socket.on_message(lambda _: say({"type": "pong", **self.state()}))
        if urlsplit(socket.url).path != "/ws/events":
            say(json.loads(golden("system_status")))
            return
        self.sockets.append(socket)
        for entry in self.entries[-100:]:
            say({"cursor": entry["cursor"], **entry["message"]})
        say({"type": "ping", **self.state()})

    async def answer(self, route: Route) -> None:
        """Answer what the page asks for by HTTP."""
        address = urlsplit(route.request.url)
        path = address.path
        if path.startswith("/api/"):
            await self.answer_api(route, path, parse_qs(address.query))
        elif path.startswith("/media/"):
            if path.endswith("good.png"):
                await route.fulfill(body=picture(), content_type="image/png")
            else:
                await route.fulfill(status=404)
        elif route.request.resource_type == "font":
            await route.abort()
        else:
            file = BUILT / path.lstrip("/")
            file = file if file.is_file() else BUILT / "index.html"
            await route.fulfill(
                path=file,
                content_type=mimetypes.guess_type(file.name)[0],
                headers={"Content-Security-Policy": page_policy(NVR)},
            )

    async def answer_api(self, route: Route, path: str, query: dict[str, list[str]]) -> None:
        self.asked.append(route.request.url.removeprefix(ORIGIN))
        if not self.is_signed_in:
            await route.fulfill(status=401, json={"detail": "a valid API key is required"})
        elif path == "/api/session":
            await route.fulfill(json={"name": "", "scope": "admin", "expires_at": None})
        elif path == "/api/cameras":
            known = [
                {"id": id_, "name": name, "status": "online", "last_seen_at": None}
                for id_, name in CAMERAS.items()
            ]
            await route.fulfill(json=known)
        elif not self.is_up:
            await route.fulfill(status=503, json={"detail": "Redis cannot be read"})
        elif path.endswith("/seen") and route.request.method in {"POST", "DELETE"}:
            await route.fulfill(json=self.mark(path.split("/")[-2], route.request.method))
        elif path == "/api/events/seen":
            await route.fulfill(json={"now": iso(time.time()), "seen": []})
        elif path == "/api/events":
            await route.fulfill(json=self.history(query))
        elif path.startswith("/api/events/"):
            found = self.one(unquote(path.removeprefix("/api/events/")))
            await (
                route.fulfill(json=found)
                if found
                else route.fulfill(status=404, json={"detail": "the history has no such event"})
            )
        else:
            await route.fulfill(status=503, json={"detail": "nobody is there"})


def wanted(query: dict[str, list[str]]) -> Callable[[dict[str, Any]], bool]:
    """Return whether an entry is asked for."""
    words = query.get("q", [""])[0].lower().split()
    minutes = float(query.get("minutes", ["15"])[0])
    (begin,) = query.get("from", [iso(time.time() - minutes * MINUTE)])

    def fits(entry: dict[str, Any]) -> bool:
        data = entry["message"]["data"]
        text = f"{data['summary']} {data['camera_id']}".lower()
        return (
            datetime.fromisoformat(entry["arrived_at"]) >= datetime.fromisoformat(begin)
            and data["camera_id"] in query.get("camera_id", [data["camera_id"]])
            and data["risk_level"] in query.get("level", [data["risk_level"]])
            and data["risk_score"] >= int(query.get("min_risk", ["0"])[0])
            and all(word in text for word in words)
        )

    return fits


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def house_of(count: int, *, every: float = 13 * MINUTE) -> House:
    """Return a home with so many events."""
    house = House()
    for number in range(count):
        house.put((count - number) * every)
    return house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    build = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dashboard", "build", cwd=ROOT
    )
    assert await build.wait() == 0
    async with chromium() as browser:
        yield browser


async def tab_of(browser: Browser, house: House, path: str = "/events", width: int = 1280) -> Tab:
    context = await new_context(browser, width=width)
    await context.route("**/*", house.answer)
    await context.route_web_socket("**/ws/*", house.listen)
    tab = Tab(await context.new_page(), ORIGIN)
    await tab.open(path)
    return tab


def panel_of(page: Page) -> Locator:
    return page.get_by_role("dialog")


def rows_of(page: Page) -> Locator:
    return page.get_by_role("region", name="Events", exact=True).get_by_role("listitem")


async def looks_right(tab: Tab, name: str) -> None:
    """Keep a picture; see that it fits and that axe finds nothing."""
    await tab.shot(f"events-{name}", full_page=False)
    assert await tab.overflow() == 0
    assert await tab.inaccessible() == []


# Read one.


async def test_an_event_opens_from_activity_a_tile_and_the_list_and_closes_by_back_and_escape(
    browser: Browser,
) -> None:
    house = house_of(30)
    last = house.put(summary="A parcel is left", camera_id="front_door")
    tab = await tab_of(browser, house, "/")
    page, panel = tab.page, panel_of(tab.page)
    activity = page.get_by_role("region", name="Activity")
    link = activity.get_by_role("link", name="A parcel is left")
    address = f"{ORIGIN}/events/{last}"

    await link.click()
    await expect(page).to_have_url(address)
    await expect(panel).to_contain_text("A parcel is left")
    # The page that it was opened from is still there.
    await expect(page.get_by_label("Home, in brief")).to_be_attached()
    await page.go_back()
    await expect(panel).to_be_hidden()
    await expect(page).to_have_url(f"{ORIGIN}/")
    await expect(link).to_be_focused()

    await page.keyboard.press("Enter")
    await expect(panel).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()
    await expect(page).to_have_url(f"{ORIGIN}/")

    await page.get_by_role("region", name="Cameras").get_by_text("A parcel is left").click()
    await expect(panel).to_be_visible()
    await panel.get_by_role("button", name="Close").click()
    await expect(page).to_have_url(f"{ORIGIN}/")

    await page.get_by_role("link", name="Events", exact=True).click()
    row = rows_of(page).first
    # Anywhere on the row.
    await row.click(position={"x": 20, "y": 20})
    await expect(page).to_have_url(address)
    await page.go_back()
    await expect(page).to_have_url(f"{ORIGIN}/events")
    await page.context.close()


async def test_an_address_shows_all_of_an_event_and_leads_to_its_cameras_others(
    browser: Browser,
) -> None:
    house = House()
    first = house.put(40, camera_id="cam_2", summary="A car comes")
    house.put(30, camera_id="front_door", summary="A cat")
    second = house.put(
        20,
        camera_id="cam_2",
        risk_level="high",
        risk_score=71,
        summary="The car\nleaves again",
        odd={"x": 1},
    )
    tab = await tab_of(browser, house, f"/events/{second}")
    page, panel = tab.page, panel_of(tab.page)
    for text in ("The car", "Driveway", "cam_2", "1 min 35 s", "batch-3", "71", "high"):
        await expect(panel).to_contain_text(text)
    await expect(panel.get_by_text(re.compile(r"\d{4}, \d+:\d\d:\d\d.* (UTC|GMT)"))).to_have_count(
        3
    )
    await expect(panel.get_by_role("heading")).to_have_count(1)
    raw = panel.locator("pre")
    await expect(raw).to_be_hidden()
    await panel.get_by_text("Message as it was published").click()
    assert json.loads(await raw.inner_text()) == house.entries[2]["message"]

    await expect(panel.get_by_role("button", name="No newer event")).to_be_visible()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowLeft")
    await expect(page).to_have_url(f"{ORIGIN}/events/{first}")
    await expect(panel).to_contain_text("A car comes")
    await panel.get_by_role("button", name="Newer event of Driveway").click()
    await expect(page).to_have_url(f"{ORIGIN}/events/{second}")
    # The newest gets a newer one as soon as that has come.
    third = house.publish(camera_id="cam_2", summary="The car is back")
    await panel.get_by_role("button", name="Newer event of Driveway").click()
    await expect(page).to_have_url(f"{ORIGIN}/events/{third}")

    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{ORIGIN}/events")
    await expect(rows_of(page)).to_have_count(4)
    await page.context.close()


async def test_an_event_is_marked_as_seen_where_it_is_read_and_the_list_follows(
    browser: Browser,
) -> None:
    house = house_of(3)
    cursor = house.put(risk_level="high", risk_score=80, summary="A stranger")
    tab = await tab_of(browser, house, f"/events/{cursor}")
    panel, row = panel_of(tab.page), rows_of(tab.page).first
    await expect(panel).to_contain_text("Nobody has seen it")
    await panel.get_by_role("button", name="I have seen it: A stranger").click()
    await expect(panel).to_contain_text("Seen by kitchen")
    await expect(row).to_contain_text("seen")
    await panel.get_by_role("button", name="Undo: A stranger").click()
    await expect(panel).to_contain_text("Nobody has seen it")
    await expect(row).not_to_contain_text("seen")
    await tab.page.context.close()


async def test_why_an_event_cannot_be_shown_is_said(browser: Browser) -> None:
    house = house_of(3)
    tab = await tab_of(browser, house, "/events/1732700000000-1")
    panel = panel_of(tab.page)
    await expect(panel).to_contain_text("There is no such event")
    house.is_up = False
    await tab.open("/events/1732700000000-2")
    await expect(panel).to_contain_text("The event cannot be loaded: Redis cannot be read")
    # What the stream has told is shown all the same.
    await tab.open(f"/events/{house.entries[0]['cursor']}")
    await expect(panel).to_contain_text("Somebody walks by, no. 1")
    house.is_signed_in = False
    await tab.open("/events/1732700000000-3")
    prompt = tab.page.get_by_role("dialog", name="Sign in")
    await expect(prompt.get_by_label("Key", exact=True)).to_be_focused()
    event = tab.page.get_by_role("dialog", name="Event", include_hidden=True)
    await expect(event).to_contain_text("Not signed in")
    await tab.page.context.close()


async def test_a_picture_is_shown_and_one_that_cannot_be_says_so(browser: Browser) -> None:
    house = House()
    cases = {
        "/media/good.png": None,
        f"{NVR}/media/good.png": None,
        "/media/none.png": "The picture cannot be shown",
        "https://elsewhere.example/media/good.png": "From https://elsewhere.example nothing",
        "javascript:alert(1)": "not one of a picture",
        "//evil.example/media/good.png": "not one of a picture",
    }
    cursors = {url: house.put(image_url=url, camera_id="front_door") for url in cases}
    clip = house.put(
        clip_url="/media/none.mp4", image_url="/media/good.png", camera_id="front_door"
    )
    tab = await tab_of(browser, house)
    panel = panel_of(tab.page)
    for url, words in cases.items():
        await tab.open(f"/events/{cursors[url]}")
        if words is None:
            await expect(panel.get_by_role("img", name="Picture of the event")).to_have_js_property(
                "naturalWidth", 320
            )
        else:
            await expect(panel).to_contain_text(words)
            await expect(panel.get_by_role("img", name="Picture of the event")).to_have_count(0)
    await tab.open(f"/events/{clip}")
    await expect(panel).to_contain_text("The clip cannot be played")
    await expect(panel.get_by_role("img", name="Picture of the event")).to_be_visible()
    assert not any("evil.example" in url for url in tab.asked)
    await tab.page.context.close()


async def test_a_tile_shows_the_last_picture_of_its_camera_and_never_a_broken_one(
    browser: Browser,
) -> None:
    house = House()
    house.put(30, camera_id="front_door", image_url="/media/good.png")
    house.put(20, camera_id="front_door", summary="No picture")
    house.put(10, camera_id="cam_2", image_url="/media/none.png")
    tab = await tab_of(browser, house, "/")
    tiles = tab.page.get_by_role("region", name="Cameras").get_by_role("listitem")
    door = tiles.filter(has_text="Front door")
    await expect(door).to_contain_text("No picture")
    await expect(door.locator("img")).to_have_js_property("naturalWidth", 320)
    await expect(tiles.filter(has_text="Driveway").locator("img")).to_have_count(0)
    # Without a picture, and where it is broken, there is no room for one.
    heights = [
        await tiles.filter(has_text=name).evaluate("(one) => one.getBoundingClientRect().height")
        for name in ("Front door", "Driveway", "Back garden")
    ]
    assert heights[0] > heights[1] + 80
    assert heights[1] == heights[2]
    await tab.page.context.close()


# Find one.


async def test_what_is_looked_for_stands_in_the_address_and_a_link_shows_the_same(
    browser: Browser,
) -> None:
    house = house_of(3_000)
    house.entries[7]["message"]["data"]["summary"] = "A fox in the yard"
    tab = await tab_of(browser, house)
    page, rows = tab.page, rows_of(tab.page)
    await page.get_by_label("Words").fill("FOX yard")
    await expect(page).to_have_url(f"{ORIGIN}/events?q=FOX+yard")
    # The first answer has used up its budget: it goes on by itself, to the end.
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("A fox in the yard")
    await expect(page.get_by_text("The history begins here")).to_be_visible()

    await page.get_by_label("Words").fill("")
    await page.get_by_role("checkbox", name="critical").check()
    await page.locator("summary", has_text="All cameras").click()
    await page.get_by_role("checkbox", name="Driveway").check()
    await page.get_by_label("Period").select_option("Last 24 hours")
    await page.get_by_label("Score from").fill("60")
    await expect(page).to_have_url(re.compile("min_risk=60"))
    address = page.url
    query = parse_qs(urlsplit(address).query)
    assert query == {
        "camera_id": ["cam_2"],
        "level": ["critical"],
        "min_risk": ["60"],
        "within": ["1440"],
    }
    await expect(page.get_by_text("Nothing earlier in this period")).to_be_visible()
    shown = await rows.all_inner_texts()
    assert shown
    assert all("critical" in text and "Driveway" in text for text in shown)

    # What comes is shown if it is looked for.
    house.publish(camera_id="cam_2", risk_level="low", risk_score=3, summary="Not this")
    house.publish(camera_id="cam_2", risk_level="critical", risk_score=90, summary="But this")
    await expect(rows.first).to_contain_text("But this")
    await expect(rows.nth(1)).to_have_text(shown[0], use_inner_text=True)

    other = await tab_of(browser, house, address.removeprefix(ORIGIN))
    await expect(rows_of(other.page).first).to_contain_text("But this")
    await expect(rows_of(other.page).nth(1)).to_have_text(shown[0], use_inner_text=True)
    await expect(other.page.get_by_role("checkbox", name="critical")).to_be_checked()
    # An event over it keeps what was looked for, and so does its link.
    await rows_of(other.page).first.get_by_role("link").click()
    await expect(panel_of(other.page)).to_be_visible()
    await other.page.reload()
    await expect(panel_of(other.page)).to_be_visible()
    await other.page.keyboard.press("Escape")
    await expect(other.page).to_have_url(address)
    await page.get_by_label("Words").fill("no such thing")
    await expect(page.get_by_text("No event of the history matches")).to_be_visible()
    await page.get_by_role("button", name="Clear").click()
    await expect(page).to_have_url(f"{ORIGIN}/events")
    await page.context.close()
    await other.page.context.close()


async def test_an_empty_history_and_one_that_cannot_be_read_say_so(browser: Browser) -> None:
    house = House()
    tab = await tab_of(browser, house)
    await expect(tab.page.get_by_text("No events yet")).to_be_visible()
    house.is_up = False
    await tab.open("/events?level=high")
    await expect(tab.page.get_by_text("Events cannot be loaded")).to_contain_text("Redis cannot be")
    house.is_up = True
    await tab.page.get_by_role("button", name="Try again").click()
    await expect(tab.page.get_by_text("No event of the history matches")).to_be_visible()
    await tab.page.context.close()


SCROLL = """
() => new Promise((resolve) => {
  const seen = { frames: 0, rows: 0, blank: 0 };
  const began = performance.now();
  const step = () => {
    seen.frames += 1;
    const rows = document.querySelectorAll("[aria-label=Events] li").length;
    seen.rows = Math.max(seen.rows, rows);
    const middle = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
    const isEnd = document.body.textContent.includes("The history begins here");
    if (!middle?.closest("li, h2") && !isEnd) seen.blank += 1;
    const isBottom = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    if (isEnd && isBottom) {
      resolve({ ...seen, seconds: (performance.now() - began) / 1000 });
      return;
    }
    scrollBy({ top: 3_000, behavior: "instant" });
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})
"""


FRAMES = """
() => new Promise((resolve) => {
  const began = performance.now();
  let frames = 0;
  const step = () => {
    frames += 1;
    scrollBy({ top: -200, behavior: "instant" });
    if (frames < 120) requestAnimationFrame(step);
    else resolve((frames / (performance.now() - began)) * 1000);
  };
  requestAnimationFrame(step);
})
"""


async def test_ten_thousand_events_scroll_by_with_few_of_them_in_the_page(
    browser: Browser,
) -> None:
    house = house_of(10_000)
    tab = await tab_of(browser, house)
    await expect(rows_of(tab.page).first).to_be_visible()
    seen = await tab.page.evaluate(SCROLL)
    log.info("loaded and scrolled through: %s", seen)
    assert seen["rows"] <= MAX_ROWS
    assert seen["blank"] <= seen["frames"] / 50, "what scrolls by is drawn"
    await expect(tab.page.get_by_text("Somebody walks by, no. 1", exact=True)).to_be_visible()
    await expect(tab.page.get_by_text("10,000 in all")).to_be_attached()
    days = {iso(time.time() - ago * 13 * MINUTE)[:10] for ago in range(10_000)}
    assert len(days) > 80
    log.info("back: %.0f frames a second", await tab.page.evaluate(FRAMES))
    await tab.page.context.close()


async def test_what_comes_is_told_above_and_nothing_in_sight_moves(browser: Browser) -> None:
    house = house_of(600)
    tab = await tab_of(browser, house)
    page = tab.page
    await expect(rows_of(page).first).to_be_visible()
    house.publish(summary="At the top")
    await expect(rows_of(page).first).to_contain_text("At the top")
    await page.mouse.move(640, 600)
    await page.mouse.wheel(0, 4_000)
    await page.wait_for_function("scrollY > 3000")
    await page.wait_for_timeout(300)
    middle = "document.elementFromPoint(640, 500).closest('li')"
    await page.evaluate(f"globalThis.row = {middle}")
    place = "[row.isConnected, row.getBoundingClientRect().top, row.textContent]"
    before = await page.evaluate(place)
    for number in range(3):
        house.publish(summary=f"Above {number}")
    fresh = page.get_by_role("button", name="3 new")
    await expect(fresh).to_be_visible()
    assert await page.evaluate(place) == before

    # Nor while an event is open over it, and after that.
    await page.evaluate("row.querySelector('a').click()")
    await expect(panel_of(page)).to_be_visible()
    house.publish(summary="Above 3")
    await page.go_back()
    await expect(page.get_by_role("button", name="4 new")).to_be_visible()
    assert await page.evaluate(place) == before

    await page.get_by_role("button", name="4 new").click()
    await expect(rows_of(page).first).to_contain_text("Above 3")
    await expect(rows_of(page).first).to_be_in_viewport()
    await expect(page.get_by_role("button", name="new")).to_have_count(0)
    await page.context.close()


# How it looks.


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_pages_fit_their_window_and_axe_finds_nothing(
    browser: Browser, width: int
) -> None:
    house = house_of(120, every=95 * MINUTE)
    for number, entry in enumerate(house.entries[-8:]):
        if number % 3 == 0:
            entry["message"]["data"]["image_url"] = "/media/good.png"
    house.put(
        40,
        camera_id="front_door",
        risk_level="high",
        risk_score=78,
        image_url="/media/good.png",
        summary="An unknown person stands at the front door for over a minute, looks through the "
        "window beside it, tries the handle twice and walks away towards the driveway.",
    )
    tab = await tab_of(browser, house, width=width)
    page = tab.page
    await expect(rows_of(page).first).to_be_visible()
    await expect(rows_of(page).first.locator("img")).to_have_js_property("naturalWidth", 320)
    await looks_right(tab, "list")
    if width < 1024:
        await page.get_by_role("button", name="Filters").click()
    await page.get_by_role("checkbox", name="high").check()
    await page.locator("summary", has_text="All cameras").click()
    await page.get_by_label("Period").select_option("Between…")
    await looks_right(tab, "filters")
    await page.keyboard.press("Escape")
    await rows_of(page).first.get_by_role("link").click()
    panel = panel_of(page)
    await expect(panel.get_by_role("img")).to_have_js_property("naturalWidth", 320)
    await expect(panel.get_by_text("Message as it was published")).to_be_visible()
    await looks_right(tab, "panel")
    await panel.get_by_text("Message as it was published").click()
    await looks_right(tab, "raw")
    await tab.open("/events?q=nothing+like+it")
    await expect(page.get_by_text("No event of the history matches")).to_be_visible()
    await looks_right(tab, "none")
    await tab.open("/")
    await expect(page.get_by_role("region", name="Cameras").locator("img").first).to_be_visible()
    await looks_right(tab, "dashboard")
    await page.context.close()
