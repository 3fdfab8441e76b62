"""The dashboard in a real Chromium, and a watch over what it may never do."""

import asyncio
import gzip
import json
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Response,
    ViewportSize,
    async_playwright,
    expect,
)

from local.processes import Process
from tests.servers import ROOT

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
NO_CHROMIUM = "Chromium is not installed"
HOW_TO_GET_IT = "Debian and Ubuntu: sudo apt install chromium"
PATIENCE = 30.0
"""Seconds that a page may take for anything, on a machine that is busy with other tests."""
ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
AXE = ROOT / "dashboard/node_modules/axe-core/axe.min.js"
HEIGHTS = {360: 740, 1280: 800, 2560: 1440}
"""Of a phone's, a laptop's and a wall's window, by its width."""
WINDOWS = HEIGHTS | {768: 1024, 3840: 2160}
"""The same, with those of a tablet and of a television."""
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_AXE_AT_REST = """
Promise.all(
  document.getAnimations()
    .filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime))
    .map((one) => one.finished.catch(() => {})),
).then(() => axe.run())
"""
"""Once colours have changed that change slowly; what moves without end does not hold it up."""
_TROUBLE = re.compile(r"Failed to load resource|WebSocket connection to")
"""How Chromium tells that a server did not answer as it should; the page cannot keep it quiet."""
# Runs in each page before its own scripts do.
_WATCH = """
const watched = (globalThis.watched = { titles: [], shifts: [] });
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`against the policy: ${violatedDirective} ${blockedURI}`));
new MutationObserver(() => {
  const title = document.querySelector("[aria-label=Connection] strong")?.textContent;
  if (title && title !== watched.titles.at(-1)) watched.titles.push(title);
}).observe(document, { subtree: true, childList: true, characterData: true });
// A new event moves the older ones down: that is what a feed is. Of all else, each part that moved,
// with its share in the page's layout shift.
new PerformanceObserver((entries) => {
  for (const { hadRecentInput, sources } of entries.getEntries()) {
    for (const { node, previousRect: from, currentRect: to } of sources) {
      const element = node instanceof Element ? node : node?.parentElement;
      const inFeed = element?.closest("[aria-label=Events]") != null;
      const area = from.width * from.height + to.width * to.height;
      const way = Math.max(Math.abs(from.x - to.x), Math.abs(from.y - to.y));
      const value = (area * way) / (innerWidth * innerHeight * Math.max(innerWidth, innerHeight));
      watched.shifts.push({ value, inFeed, byPerson: hadRecentInput, what: element?.outerHTML });
    }
  }
}).observe({ type: "layout-shift", buffered: true });
// When the frame is done in which an event's summary first stands in the feed; ms since 1970.
watched.seen = (summary) => new Promise((resolve) => {
  const place = `[aria-label=Events] [title=${JSON.stringify(summary)}]`;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => resolve(performance.timeOrigin + performance.now());
  const observer = new MutationObserver(() => {
    if (!document.querySelector(place)) return;
    observer.disconnect();
    port2.postMessage(null);
  });
  observer.observe(document, { subtree: true, childList: true });
});
"""

expect.set_options(timeout=PATIENCE * 1000)


def page_policy(media_origins: str = "") -> str:
    """Return the Content-Security-Policy with which the page is served."""
    caddyfile = (ROOT / "dashboard/Caddyfile").read_text()
    found = re.search(r'Content-Security-Policy "(default[^"]+)"', caddyfile)
    assert found
    return found[1].replace("{env.MEDIA_ORIGINS}", media_origins)


class Script(NamedTuple):
    """A script that a page loaded."""

    path: str
    size: int
    """Bytes of it, gzipped."""


class Tab:
    """A tab of the browser, and all that its page asked for and complained of."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.asked: list[str] = []
        self.said: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _console(self, message: ConsoleMessage) -> None:
        self.said.append(message.text)
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} {message.location.get('url', '')}".rstrip())

    def wrongs(self, *, in_trouble: bool) -> list[str]:
        """Return what a page must never do: errors, and questions to other hosts.

        Args:
            in_trouble: Whether a server was to fail it: then its failures are no errors.

        """
        host = urlsplit(self.origin).netloc
        strangers = [url for url in self.asked if urlsplit(url).netloc != host]
        complaints = [text for text in self.complaints if not (in_trouble and _TROUBLE.match(text))]
        return complaints + strangers

    async def open(self, path: str = "/") -> None:
        """Load a page anew."""
        await self.page.goto(self.origin + path)

    @property
    def connection(self) -> Locator:
        """The bar that says how well the page is informed."""
        return self.page.get_by_role("region", name="Connection").get_by_role("status")

    async def says(self, title: str) -> None:
        """Wait until the bar says so."""
        await expect(self.connection.locator("strong")).to_have_text(title)

    async def said_of_connection(self) -> list[str]:
        """Return all that the bar has said since the page was loaded."""
        titles: list[str] = await self.page.evaluate("watched.titles")
        return titles

    async def feed(self) -> list[str]:
        """Return the summaries of the events in the feed, the newest first."""
        entries = self.page.get_by_role("region", name="Events").locator("li p[title]")
        return await entries.all_inner_texts()

    async def delay_of(self, summary: str, publishing: Awaitable[object]) -> float:
        """Return the seconds from just before an event is published until the page shows it."""
        looking = await self.page.evaluate_handle(
            "(summary) => ({ seen: watched.seen(summary) })", summary
        )
        began = time.time()
        async with asyncio.timeout(PATIENCE):
            await publishing
            seen: float = await looking.evaluate("({ seen }) => seen")
        return seen / 1000 - began

    async def mark(self) -> None:
        """Leave a mark that only this load of the page has."""
        await self.page.evaluate("globalThis.mark = true")

    async def is_marked(self) -> bool:
        """Tell whether the page is still the one that was marked."""
        return bool(await self.page.evaluate("globalThis.mark === true"))

    async def width(self, width: int) -> None:
        """Make the window so wide, and as high as such windows are."""
        await self.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})

    async def overflow(self) -> int:
        """Return the pixels that the page is wider than its window."""
        return int(
            await self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    async def shot(self, name: str, *, full_page: bool = True) -> None:
        """Keep a picture of the page, in $SCREENSHOTS or .local/screenshots.

        Args:
            name: What it is of.
            full_page: Whether of all of it, or of what is in sight.

        """
        folder = os.environ.get("SCREENSHOTS") or ROOT / ".local/screenshots"
        width = await self.page.evaluate("innerWidth")
        await self.page.screenshot(path=f"{folder}/{name}-{width}.png", full_page=full_page)

    async def inaccessible(self) -> list[str]:
        """Return what axe finds wrong with the page as it is now, by day and by night."""
        if not await self.page.evaluate("'axe' in globalThis"):
            await self.page.evaluate(AXE.read_text())
        wrong = []
        for scheme in SCHEMES:
            await self.page.emulate_media(color_scheme=scheme)
            found: dict[str, Any] = await self.page.evaluate(_AXE_AT_REST)
            wrong += [
                f"{scheme}: {violation['id']}: {json.dumps(node['html'])} {node['failureSummary']}"
                for violation in found["violations"]
                for node in violation["nodes"]
            ]
        await self.page.emulate_media(color_scheme="null")
        return wrong


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run a Chromium without a window."""
    as_root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*ARGUMENTS, *as_root]
        )
        try:
            yield browser
        finally:
            await browser.close()


async def new_context(browser: Browser, *, width: int = 1280, **options: Any) -> BrowserContext:
    """Return a browser without a past: nothing is cached or kept.

    Args:
        browser: The browser that it is of.
        width: Of its windows; one of `WINDOWS`.
        options: What else Playwright's `new_context` takes.

    """
    viewport: ViewportSize = {"width": width, "height": WINDOWS[width]}
    context = await browser.new_context(viewport=viewport, **options)
    context.set_default_timeout(PATIENCE * 1000)
    await context.add_init_script(f"{{ {_WATCH} }}")
    return context


async def new_tab(context: BrowserContext, stack: Process) -> Tab:
    """Open an empty tab, for the dashboard of `make run`."""
    return Tab(await context.new_page(), stack.url.replace("ws", "http", 1))


async def scripts_of(context: BrowserContext, stack: Process, path: str) -> list[Script]:
    """Load a page, and return the scripts that it took to show it."""
    tab = await new_tab(context, stack)
    loaded: list[Response] = []
    tab.page.on("response", lambda response: loaded.append(response))  # noqa: PLW0108 (it marks what it gets)
    await tab.open(path)
    await tab.says("Live")
    await tab.page.wait_for_load_state("networkidle")
    scripts = [one for one in loaded if one.request.resource_type == "script"]
    return [
        Script(urlsplit(one.url).path, len(gzip.compress(await one.body(), mtime=0)))
        for one in scripts
    ]
