"""Jobs and their logs as a person uses them, in a real Chromium: the page as it is built, with its
Content-Security-Policy, and services that are made up here, as docs/protocol.md has them.
"""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, CDPSession, Locator, Page, Route, expect

from local.dashboard import BUILT
from tests.browser import Tab, chromium, new_context, page_policy
from tests.clients import until
from tests.servers import ROOT
from tests.system.test_verdict_page import ORIGIN, Home, iso

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
MOMENT = 1_768_646_000
"""When the first line was logged, and the first job began: 2026-01-17."""
NARROW, WIDE = 360, 1280
# Thousands of messages, one by one from here to the page, would take half a minute: so the page
# fetches them all at once, and hears them as from a WebSocket.
LOG_SOCKETS = """
class LogSocket extends EventTarget {
  readyState = WebSocket.CONNECTING;
  protocol = "";
  constructor(url) {
    super();
    void this.speak(new URL(url).pathname);
  }
  async speak(path) {
    const said = await (await fetch(`/said${path}`)).json();
    this.readyState = WebSocket.OPEN;
    this.dispatchEvent(new Event("open"));
    for (const message of said) this.say(message);
    // Says what else comes.
    globalThis.sayInLog = (message) => this.say(message);
  }
  say(message) {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) }));
  }
  send() {
    this.say({ type: "pong" });
  }
  close(code = 1000, reason = "") {
    this.readyState = WebSocket.CLOSED;
    this.dispatchEvent(new CloseEvent("close", { code, reason }));
  }
}
globalThis.WebSocket = new Proxy(WebSocket, {
  construct: (target, [url, ...others]) =>
    url.includes("/ws/jobs/") ? new LogSocket(url) : new target(url, ...others),
});
"""


@dataclass
class Log:
    """A job's log, as its service has it."""

    lines: list[str]
    first: int = 1
    """The number of the first line that is kept."""
    status: str | None = "completed"
    """How the job ended; None: it runs."""
    levels: dict[int, str] = field(default_factory=dict)
    """Of lines that are no INFO, by their place."""
    context: dict[str, Any] | None = None
    """Of the first line."""

    def messages(self) -> list[dict[str, Any]]:
        return [
            {
                "cursor": f"{(MOMENT + place) * 1000}-{self.first + place}",
                "type": "log",
                "data": {
                    "timestamp": iso(MOMENT + place),
                    "level": self.levels.get(place, "INFO"),
                    "message": line,
                    **({"context": self.context} if self.context and place == 0 else {}),
                },
            }
            for place, line in enumerate(self.lines)
        ]


@dataclass
class Services(Home):
    """A quiet home, with jobs."""

    logs: dict[str, Log] = field(default_factory=dict)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    """Youngest first."""

    def said(self, job_id: str) -> list[dict[str, Any]]:
        """Return what the WebSocket of a job's log says, from the start."""
        log = self.logs[job_id]
        gone = {"type": "resumed", "data": {"since": "0-0", "recovered": False}}
        end = {"type": "end", "data": {"job_id": job_id, "status": log.status}}
        return [
            *([gone] if log.first > 1 else []),
            *log.messages(),
            *([end] if log.status else []),
        ]

    def listed(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Answer `GET /api/jobs`."""
        fitting = [
            job
            for job in self.jobs
            if query.get("q", [""])[0].lower() in job["id"].lower()
            and job["status"] in query.get("status", [job["status"]])
        ]
        return fitting[: int(query["limit"][0])]

    async def answer(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if route.request.resource_type == "document":
            headers = {"Content-Security-Policy": page_policy(), "Content-Type": "text/html"}
            await route.fulfill(path=BUILT / "index.html", headers=headers)
        elif route.request.resource_type == "font":
            await route.fulfill(path=BUILT / address.path.lstrip("/"), content_type="font/woff2")
        elif found := re.fullmatch(r"/said/ws/jobs/([^/]+)/logs", address.path):
            await route.fulfill(json=self.said(found[1]))
        elif address.path == "/api/jobs":
            await route.fulfill(json=self.listed(parse_qs(address.query)))
        elif address.path.startswith("/api/jobs/"):
            job_id = address.path.rpartition("/")[2]
            if job_id in self.logs:
                await route.fulfill(json=job(job_id, 0, self.logs[job_id].status or "running"))
            else:
                await route.fulfill(status=404, json={"detail": f"no job {job_id} is known here"})
        else:
            await super().answer(route)


def job(job_id: str, number: int, status: str = "completed") -> dict[str, Any]:
    began = MOMENT + 60 * number
    return {
        "id": job_id,
        "status": status,
        "started_at": iso(began),
        "ended_at": None if status == "running" else iso(began + 45),
        "lines": number,
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    build = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dashboard", "build", cwd=ROOT
    )
    assert await build.wait() == 0
    async with chromium() as browser:
        yield browser


Open = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="module")
async def open_tab(browser: Browser) -> AsyncIterator[Open]:
    """Opens pages; in the end, none may have complained, of its policy for example."""
    tabs: list[Tab] = []

    async def opened(services: Services, path: str, *, width: int = WIDE) -> Tab:
        context = await new_context(browser, width=width)
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=ORIGIN)
        await context.route("**/*", services.answer)
        await context.route_web_socket("**/ws/*", services.listen)
        await context.add_init_script(f"{{ {LOG_SOCKETS} }}")
        tab = Tab(await context.new_page(), ORIGIN)
        tabs.append(tab)
        await tab.open(path)
        return tab

    yield opened
    for tab in tabs:
        assert tab.wrongs(in_trouble=True) == []
        await tab.page.context.close()


def log_of(page: Page) -> Locator:
    return page.get_by_role("log")


def number(page: Page, line: int) -> Locator:
    """The number beside a line, which selects it."""
    return log_of(page).get_by_label(f"Line {line:,}", exact=True)


async def clipboard(page: Page) -> str:
    return str(await page.evaluate("navigator.clipboard.readText()"))


async def has_copied(page: Page, text: str) -> None:
    async def is_so() -> bool:
        return await clipboard(page) == text

    try:
        await until(is_so, within=10)
    except TimeoutError:
        assert await clipboard(page) == text


MANY = [f"line {number} of many" for number in range(1, 5_001)]


async def test_lines_are_selected_by_their_numbers_and_copied_over_all_5000(
    open_tab: Open,
) -> None:
    tab = await open_tab(Services(logs={"many": Log(MANY)}), "/jobs/many")
    page: Page = tab.page
    await expect(log_of(page)).to_contain_text("line 5000 of many")
    await log_of(page).focus()
    await page.keyboard.press("Home")
    await number(page, 2).click()
    await expect(page).to_have_url(f"{ORIGIN}/jobs/many#L2")
    await page.keyboard.press("End")
    await number(page, 4999).click(modifiers=["Shift"])
    await expect(page).to_have_url(f"{ORIGIN}/jobs/many#L2-L4999")
    await expect(page.get_by_text("4,998 lines selected")).to_be_visible()
    assert await log_of(page).locator("[data-number]").count() < 200
    await page.keyboard.press("Control+c")
    await has_copied(page, "\n".join(MANY[1:-1]))
    await page.keyboard.press("Control+a")
    await expect(page.get_by_text("5,000 lines selected")).to_be_visible()
    await page.get_by_role("button", name="Copy", exact=True).click()
    await has_copied(page, "\n".join(MANY))
    await page.get_by_role("button", name="Copy with times").click()
    first = f"{iso(MOMENT).replace('Z', '.000Z')} INFO     {MANY[0]}\n"

    async def has_times() -> bool:
        return (await clipboard(page)).startswith(first)

    await until(has_times)
    await page.get_by_role("button", name="Copy link").click()
    await has_copied(page, f"{ORIGIN}/jobs/many#L1-L5000")
    # Of what a search lets through, too.
    await page.get_by_role("textbox", name="Search in this log").fill("7 of")
    await expect(page.get_by_text("500 of 5,000 lines")).to_be_visible()
    await log_of(page).focus()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Control+c")
    await has_copied(page, "\n".join(line for line in MANY if "7 of" in line))
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{ORIGIN}/jobs/many")


async def test_a_finger_selects_from_the_first_number_that_it_touches_to_the_next(
    open_tab: Open,
) -> None:
    tab = await open_tab(Services(logs={"few": Log(MANY[:9])}), "/jobs/few", width=NARROW)
    page: Page = tab.page
    for line in (7, 3):
        await number(page, line).evaluate(
            """link => link.dispatchEvent(
                new PointerEvent("click", { pointerType: "touch", bubbles: true, cancelable: true })
            )"""
        )
    await expect(page.get_by_text("5 lines selected")).to_be_visible()
    await expect(page).to_have_url(f"{ORIGIN}/jobs/few#L3-L7")


async def test_text_that_is_selected_across_lines_is_copied_as_one_line_each(
    open_tab: Open,
) -> None:
    lines = ["plain", "\x1b[31mred\x1b[0m and https://example.com/x.", "a very late line"]
    tab = await open_tab(Services(logs={"few": Log(lines, context={"n": 1})}), "/jobs/few")
    page: Page = tab.page
    rows = log_of(page).locator("[data-content]")
    await expect(rows).to_have_count(3)
    first, last = await rows.first.bounding_box(), await rows.last.bounding_box()
    assert first
    assert last
    await page.mouse.move(first["x"] + 1, first["y"] + 8)
    await page.mouse.down()
    await page.mouse.move(last["x"] + 54, last["y"] + 8, steps=5)
    await page.mouse.up()
    await page.keyboard.press("Control+c")

    async def has_all() -> bool:
        return len((await clipboard(page)).split("\n")) == 3

    await until(has_all)
    one, two, three = (await clipboard(page)).split("\n")
    assert (one, two) == ("plain n=1", "red and https://example.com/x.")
    assert "a very late line".startswith(three)
    assert len(three) > 3
    link = log_of(page).get_by_role("link", name="https://example.com/x", exact=True)
    assert await link.get_attribute("href") == "https://example.com/x"
    assert await link.get_attribute("rel") == "noopener noreferrer"
    assert await link.get_attribute("target") == "_blank"


async def test_a_link_opens_at_its_line_and_says_so_where_that_is_gone_or_has_not_come(
    open_tab: Open,
) -> None:
    services = Services(
        logs={
            "many": Log(MANY),
            "late": Log(MANY[:300], first=5_001, status=None),
            "short": Log(MANY[:10]),
        }
    )
    tab = await open_tab(services, "/jobs/many#L120-L130")
    page: Page = tab.page
    await expect(number(page, 120)).to_be_in_viewport()
    await expect(page.get_by_text("11 lines selected")).to_be_visible()
    assert await log_of(page).locator("[data-selected]").count() == 11
    await expect(page.get_by_role("button", name="Follow")).to_have_attribute(
        "aria-pressed", "false"
    )
    await tab.open("/jobs/late#L120")
    note = "Line 120 is no longer kept: this log begins with line 5,001."
    await expect(page.get_by_text(note)).to_be_visible()
    await page.get_by_role("button", name="Close this note").click()
    await expect(page.get_by_text(note)).not_to_be_visible()
    await tab.open("/jobs/late#L5120")
    await expect(number(page, 5120)).to_be_in_viewport()
    await expect(log_of(page).locator("[data-selected]")).to_contain_text(MANY[119])
    await tab.open("/jobs/late#L6000")
    await expect(page.get_by_text("Waiting for line 6,000.")).to_be_visible()
    await tab.open("/jobs/short#L120")
    await expect(page.get_by_text("This log has ended, and has no line 120.")).to_be_visible()


async def test_a_search_goes_from_match_to_match_with_what_is_around_them(open_tab: Open) -> None:
    tab = await open_tab(Services(logs={"many": Log(MANY)}), "/jobs/many")
    page: Page = tab.page
    field = page.get_by_role("textbox", name="Search in this log")
    rows = log_of(page).locator("[data-number]")
    await field.fill("^LINE \\d{2}00 ")
    await expect(page.get_by_text("0 matches")).to_be_visible()
    await page.get_by_role("button", name="Regular expression").click()
    await expect(page.get_by_text("41 matches")).to_be_visible()
    assert await rows.count() <= 41
    await page.get_by_role("button", name="Match case").click()
    await expect(page.get_by_text("0 matches")).to_be_visible()
    await page.get_by_role("button", name="Match case").click()
    await expect(page.get_by_text("41 matches")).to_be_visible()
    await field.press("Enter")
    current = log_of(page).locator("[data-current]")
    await expect(page.get_by_text("1 of 41", exact=True).first).to_be_visible()
    await expect(current).to_contain_text("line 1000 of many")
    await expect(current.locator("mark")).to_have_text("line 1000 ")
    await field.press("Shift+Enter")
    await expect(page.get_by_text("41 of 41", exact=True).first).to_be_visible()
    await page.get_by_role("combobox", name="Lines to show").select_option("± 3 lines")
    await expect(current).to_contain_text("line 5000 of many")
    await expect(log_of(page)).to_contain_text("line 4997 of many")
    await expect(log_of(page)).not_to_contain_text("line 4996 of many")
    await log_of(page).focus()
    await page.keyboard.press("Shift+F3")
    await expect(current).to_contain_text("line 4900 of many")
    await page.get_by_role("combobox", name="Lines to show").select_option("All lines")
    await expect(log_of(page)).to_contain_text("line 4896 of many")
    await page.keyboard.press("F3")
    await expect(current).to_contain_text("line 5000 of many")
    await expect(current).to_be_in_viewport()
    await field.fill("line (")
    await expect(page.get_by_role("alert")).to_contain_text("Not a regular expression")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await field.press("Escape")
    await expect(field).to_have_value("")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_an_expression_that_would_take_for_years_is_given_up_and_the_page_goes_on(
    open_tab: Open,
) -> None:
    lines = [*MANY[:50], "a" * 60 + "b"]
    tab = await open_tab(Services(logs={"bad": Log(lines)}), "/jobs/bad")
    page: Page = tab.page
    await page.get_by_role("button", name="Regular expression").click()
    field = page.get_by_role("textbox", name="Search in this log")
    await field.fill("^(a+)+$")
    await expect(page.get_by_role("alert")).to_contain_text("takes too long")
    assert (
        await page.evaluate(
            "new Promise((done) => { const began = performance.now();"
            "requestAnimationFrame(() => done(performance.now() - began)); })"
        )
        < 1_000
    )
    await field.fill("^(a+)b$")
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


LONG = "".join(f"{number:>6}" for number in range(2_000))
"""12,000 characters."""
ODD = [
    LONG,
    "word " * 80,
    "a,b.c;(d)/e-f" * 40,
    "犬と猫" * 60,
    "one\ttwo\t" * 30,
    "عربي english " * 20,
    "https://example.com/" + "x" * 300,
    "\x1b[1mbold\x1b[0m" * 40,
    "",
    "end",
]


@pytest.mark.parametrize("width", [NARROW, WIDE])
async def test_wrapped_lines_have_all_their_rows_and_the_device_remembers_it(
    open_tab: Open, width: int
) -> None:
    tab = await open_tab(Services(logs={"odd": Log(ODD)}), "/jobs/odd", width=width)
    page: Page = tab.page
    await expect(log_of(page)).to_contain_text("end")
    more = log_of(page).get_by_role("button", name="… 11,000 more characters")
    await log_of(page).focus()
    await page.keyboard.press("Home")
    await expect(more).to_have_count(1)
    assert "1999" not in await log_of(page).inner_text()
    wrap = page.get_by_role("button", name="Wrap")
    await wrap.click()
    await expect(wrap).to_have_attribute("aria-pressed", "true")
    cut = """log => [...log.querySelectorAll("[data-number]")].map(row => [
        row.querySelector("[data-content]").getBoundingClientRect().height, row.clientHeight,
    ])"""

    async def is_wrapped() -> bool:
        heights = await log_of(page).evaluate(cut)
        return any(row > 30 for _, row in heights)

    await until(is_wrapped)
    for content, row in await log_of(page).evaluate(cut):
        assert content <= row + 1
    sideways = "log => log.scrollWidth - log.clientWidth"
    assert await log_of(page).evaluate(sideways) <= 0
    await tab.shot("log-wrapped")
    # All lines were in sight, so it follows its end.
    await log_of(page).focus()
    await page.keyboard.press("Home")
    await more.click()
    await expect(more).to_have_count(0)
    assert "1999" in await log_of(page).inner_text()
    for content, row in await log_of(page).evaluate(cut):
        assert content <= row + 1
    await page.reload()
    await expect(wrap).to_have_attribute("aria-pressed", "true")
    # A match in what is folded away is shown.
    await page.get_by_role("textbox", name="Search in this log").fill("  1998")
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(log_of(page).locator("mark")).to_have_text("  1998")


async def test_a_match_far_to_the_right_is_scrolled_to(open_tab: Open) -> None:
    tab = await open_tab(Services(logs={"odd": Log(ODD)}), "/jobs/odd")
    page: Page = tab.page
    field = page.get_by_role("textbox", name="Search in this log")
    await field.fill("  1998")
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    await field.press("Enter")
    mark = log_of(page).locator("mark")
    await expect(mark).to_be_in_viewport()


async def saved(page: Page, name: str, folder: Path) -> tuple[str, str]:
    """Return the name and the content of what is saved."""
    await page.get_by_role("button", name="Download").click()
    async with page.expect_download() as download:
        await page.get_by_role("button", name=re.compile(f"^{name}")).click()
    file = await download.value
    path = folder / file.suggested_filename
    await file.save_as(path)
    return path.name, path.read_text()


async def test_a_log_is_saved_as_text_and_as_json_lines_and_says_what_it_holds(
    open_tab: Open, tmp_path: Path
) -> None:
    lines = ["\x1b[32mone\x1b[0m", "two\n  more", "three"]
    log = Log(lines, levels={1: "ERROR"}, context={"batch_id": "abc"})
    services = Services(logs={"nightly": log, "late": Log(MANY[:3], first=5_001)})
    tab = await open_tab(services, "/jobs/nightly")
    page: Page = tab.page
    await expect(log_of(page)).to_contain_text("three")
    name, text = await saved(page, "Text", tmp_path)
    times = [iso(MOMENT + place).replace("Z", ".000Z") for place in range(3)]
    assert (name, text.splitlines()) == (
        "nightly.log",
        [
            f"{times[0]} INFO     one batch_id=abc",
            f"{times[1]} ERROR    two",
            "  more",
            f"{times[2]} INFO     three",
        ],
    )
    name, text = await saved(page, "JSON lines", tmp_path)
    assert name == "nightly.jsonl"
    assert [json.loads(line) for line in text.splitlines()] == [
        {"time": times[0], "level": "INFO", "message": lines[0], "context": {"batch_id": "abc"}},
        {"time": times[1], "level": "ERROR", "message": lines[1], "context": None},
        {"time": times[2], "level": "INFO", "message": lines[2], "context": None},
    ]
    await tab.open("/jobs/late")
    await expect(log_of(page)).to_contain_text(MANY[2])
    _, text = await saved(page, "Text", tmp_path)
    assert text.startswith(
        "# Earlier lines of this log are no longer kept; this file holds the last 3.\n"
    )


async def test_all_of_it_can_be_done_by_keyboard(open_tab: Open) -> None:
    tab = await open_tab(Services(logs={"many": Log(MANY[:200])}), "/jobs/many")
    page: Page = tab.page
    await expect(log_of(page)).to_contain_text("line 200 of many")
    for _ in range(40):
        if await log_of(page).evaluate("log => log === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await expect(log_of(page)).to_be_focused()
    await page.keyboard.press("Home")
    await expect(number(page, 1)).to_be_in_viewport()
    for _ in range(3):
        await page.keyboard.press("Shift+ArrowDown")
    await expect(page).to_have_url(f"{ORIGIN}/jobs/many#L1-L3")
    await page.keyboard.press("Shift+ArrowUp")
    await expect(page).to_have_url(f"{ORIGIN}/jobs/many#L1-L2")
    await page.keyboard.press("Control+c")
    await has_copied(page, "\n".join(MANY[:2]))
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(f"{ORIGIN}/jobs/many")
    await page.keyboard.press("Control+f")
    await expect(page.get_by_role("textbox", name="Search in this log")).to_be_focused()
    await page.keyboard.type("line 17")
    await expect(page.get_by_text("11 matches")).to_be_visible()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(log_of(page).locator("[data-current]")).to_contain_text("line 170 of")


LEVELS = {3: "DEBUG", 5: "WARNING", 7: "ERROR", 9: "CRITICAL"}


async def test_a_log_that_grows_is_followed_stopped_and_searched(open_tab: Open) -> None:
    log = Log(MANY[:300], status=None)
    tab = await open_tab(Services(logs={"many": log}), "/jobs/many")
    page: Page = tab.page
    await expect(log_of(page)).to_contain_text("line 300 of many")

    async def say(*lines: str) -> None:
        log.lines.extend(lines)
        for message in log.messages()[-len(lines) :]:
            await page.evaluate("message => sayInLog(message)", message)

    await say("line 301 of many")
    await expect(number(page, 301)).to_be_in_viewport()
    await page.get_by_role("button", name="Pause").click()
    await say("line 302 of many", "line 303 of many")
    await expect(page.get_by_role("button", name="Pause")).to_contain_text("2 new")
    await expect(number(page, 302)).to_have_count(0)
    await page.get_by_role("button", name="Pause").click()
    await expect(number(page, 303)).to_be_in_viewport()
    await log_of(page).focus()
    await page.keyboard.press("Home")
    await expect(number(page, 1)).to_be_in_viewport()
    await say("line 304 of many")
    await page.get_by_role("button", name="1 new line").click()
    await expect(number(page, 304)).to_be_in_viewport()
    await page.get_by_role("textbox", name="Search in this log").fill("of few")
    await expect(page.get_by_text("0 matches")).to_be_visible()
    await expect(page.get_by_text("No line matches")).to_be_visible()
    await say("line 305 of few")
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    await expect(log_of(page).locator("mark")).to_have_text("of few")
    # A line that a link names, and that comes later.
    await page.evaluate("location.hash = '#L307'")
    await expect(page.get_by_text("Waiting for line 307.")).to_be_visible()
    await page.get_by_role("textbox", name="Search in this log").press("Escape")
    await say("line 306 of many", "line 307 of many")
    await expect(log_of(page).locator("[data-selected]")).to_contain_text("line 307 of many")
    await expect(page.get_by_text("Waiting for line 307.")).to_have_count(0)


SHOWN = [
    "starting nightly import",
    "see https://example.com/docs/import.",
    "\x1b[32m✓\x1b[0m camera \x1b[1mfront_door\x1b[0m: 1,204 images",
    "cache: 3 hits, 1 miss",
    "batch 1 of 3 took 812 ms",
    "batch 2 of 3 took 4,120 ms",
    LONG,
    "batch 3 of 3 failed: the disk is full",
    "retrying batch 3 of 3",
    "giving up after 3 attempts",
    *(f"cleaning up {number}" for number in range(40)),
]


@pytest.mark.parametrize("width", [NARROW, WIDE])
async def test_the_page_fits_and_axe_finds_nothing_whatever_is_done_with_a_log(
    open_tab: Open, width: int
) -> None:
    jobs = [job("nightly-import", 44, "failed"), *many_jobs(30)]
    services = Services(
        logs={"nightly-import": Log(SHOWN, levels=LEVELS, status="failed")}, jobs=jobs
    )
    tab = await open_tab(services, "/jobs", width=width)
    page: Page = tab.page
    await expect(page.get_by_role("link", name=re.compile("^nightly-import"))).to_be_visible()
    await looks_right(tab, "jobs-list")
    await tab.open("/jobs/nightly-import#L5-L8")
    await expect(page.get_by_text("4 lines selected")).to_be_visible()
    await looks_right(tab, "log-selected")
    await page.get_by_role("textbox", name="Search in this log").fill("batch")
    await expect(page.get_by_text("4 matches")).to_be_visible()
    await page.get_by_role("combobox", name="Lines to show").select_option("All lines")
    await page.get_by_role("textbox", name="Search in this log").press("Enter")
    await page.get_by_role("button", name="Wrap").click()
    await page.get_by_role("button", name="End the selection").click()
    await looks_right(tab, "log-searched")
    await page.get_by_role("button", name="Download").click()
    await looks_right(tab, "log-download")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Regular expression").click()
    await page.get_by_role("textbox", name="Search in this log").fill("batch (")
    await expect(page.get_by_role("alert")).to_be_visible()
    await looks_right(tab, "log-invalid")


async def looks_right(tab: Tab, name: str) -> None:
    await tab.page.wait_for_timeout(50)  # A frame, so that the picture is of what stays.
    await tab.shot(name)
    assert await tab.inaccessible() == []
    assert await tab.overflow() == 0


async def test_100000_lines_scroll_and_few_of_them_are_drawn(open_tab: Open) -> None:
    # As long messages: so many of their own would take this test's services a minute to send.
    texts = [
        "\n".join(f"line {1_000 * message + number} of all" for number in range(1_000))
        for message in range(100)
    ]
    tab = await open_tab(Services(logs={"all": Log(texts)}), "/jobs/all")
    page: Page = tab.page
    await expect(page.get_by_text("100,000 lines", exact=True)).to_be_visible()
    session = await page.context.new_cdp_session(page)
    # Of the page's own thread: this machine may be busy with other tests.
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    for wrapped in (False, True):
        if wrapped:
            await page.get_by_role("button", name="Wrap").click()
        before = await seconds_worked(session)
        drawn = await log_of(page).evaluate(SCROLLED, FRAMES)
        assert drawn < 200
        assert await seconds_worked(session) - before < FRAMES * SMOOTH
    await page.get_by_role("textbox", name="Search in this log").fill("999 of")
    await expect(page.get_by_text("100 matches")).to_be_visible()


FRAMES = 120
SMOOTH = 0.033
"""Seconds that a frame may take in which all lines in sight are others."""
SCROLLED = """async (log, frames) => {
  const frame = () => new Promise(requestAnimationFrame);
  let drawn = 0;
  log.scrollTop = 0;
  for (let step = 0; step < frames; step += 1) {
    log.scrollTop += 1_700;
    await frame();
    drawn = Math.max(drawn, log.querySelectorAll("[data-number]").length);
  }
  return drawn;
}"""


async def seconds_worked(session: CDPSession) -> float:
    """Return the seconds that the page's thread has worked so far."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))


# --- the list of jobs ---


def many_jobs(count: int) -> list[dict[str, Any]]:
    statuses = ("completed", "failed", "completed", "cancelled")
    return [
        job(f"{'import' if number % 2 else 'backup'}-{number}", number, statuses[number % 4])
        for number in reversed(range(count))
    ]


async def test_jobs_are_found_by_id_and_status_and_the_address_keeps_it(open_tab: Open) -> None:
    services = Services(jobs=many_jobs(120), logs={"import-7": Log(MANY[:3])})
    tab = await open_tab(services, "/jobs")
    page: Page = tab.page
    links = page.get_by_role("main").get_by_role("listitem").get_by_role("link")
    await expect(links).to_have_count(50)
    await expect(links.first).to_contain_text("ended")
    await expect(links.first).to_contain_text("ago")
    await expect(links.first).to_contain_text("took 45 s")
    await page.get_by_role("button", name="Show more").click()
    await expect(links).to_have_count(100)
    await expect(page).to_have_url(f"{ORIGIN}/jobs?limit=100")
    await page.get_by_role("searchbox", name="Search by id").fill("PORT-7")
    await expect(links).to_have_count(6)
    await page.get_by_role("combobox", name="Status").select_option("failed")
    await expect(links).to_have_count(2)
    await expect(page).to_have_url(f"{ORIGIN}/jobs?q=PORT-7&status=failed")
    await page.get_by_role("combobox", name="Status").select_option("Any status")
    await page.get_by_role("link", name=re.compile("^import-7 ")).click()
    await expect(log_of(page)).to_contain_text(MANY[2])
    await expect(page).to_have_url(f"{ORIGIN}/jobs/import-7?q=PORT-7")
    await number(page, 2).click()
    await expect(page).to_have_url(f"{ORIGIN}/jobs/import-7?q=PORT-7#L2")
    await page.reload()
    await expect(links).to_have_count(6)
    await expect(page.get_by_role("searchbox", name="Search by id")).to_have_value("PORT-7")
    await page.get_by_role("searchbox", name="Search by id").fill("nothing like it")
    await expect(page.get_by_text("No job fits")).to_be_visible()
    await page.get_by_role("button", name="Show all jobs").click()
    await expect(links).to_have_count(50)


async def test_the_list_stays_where_it_is_while_somebody_reads_it(open_tab: Open) -> None:
    services = Services(jobs=many_jobs(10))
    tab = await open_tab(services, "/jobs")
    page: Page = tab.page
    links = page.get_by_role("main").get_by_role("listitem").get_by_role("link")
    await expect(links.first).to_contain_text("import-9")
    await links.nth(3).hover()
    services.jobs = [job("new", 11, "running"), job("import-9", 9, "running"), *many_jobs(9)]
    await expect(page.get_by_role("button", name="1 new job")).to_be_visible()
    await expect(links.first).to_contain_text("import-9")
    await expect(links.first).to_contain_text("running")
    await page.get_by_role("button", name="1 new job").click()
    await expect(links.first).to_contain_text("new")
    await page.mouse.move(0, 0)
    services.jobs = [job("newer", 12, "running"), *services.jobs]
    await expect(links.first).to_contain_text("newer")
