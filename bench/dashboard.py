"""What the dashboard costs its browser: an event's way to the page, and a flood of log lines."""

import asyncio
import contextlib
import itertools
import random
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from playwright.async_api import Browser, CDPSession, Page, expect

from bench.cores import describe
from bench.parts import EVENT, running
from bench.summary import median, percentile, short
from hsi.joblogs import JobLogEmitter
from hsi.publisher import Publisher
from tests.browser import (
    CHROMIUM,
    HOW_TO_GET_IT,
    NO_CHROMIUM,
    chromium,
    new_context,
    new_tab,
    scripts_of,
)
from tests.servers import Stack

RESULTS = Path(__file__).parent / "results/dashboard"
EVENTS = 100
PAUSE = 0.1
"""Seconds between two events, half of it to all of it: any moment between two frames may be hit."""
RATE = 1_000
"""Lines a second of a job that somebody follows."""
PART = 20.0
"""Seconds of it before its memory is looked at."""
PARTS = 3
LONG = 50
"""Milliseconds of a frame that a person may notice."""
FULL = 100_000
"""Lines that a page keeps of a log, at least."""
BURST = 5_000
"""Lines at once, to get there."""
STEP = 0.01
"""Seconds between the lines that come at once otherwise."""
PAGES = ("/", "/performance", "/jobs")
_MIB = 1024**2
# Both of what browsers tell: the time from one frame to the next, and frames that took over 50 ms.
_FRAMES = """
(() => {
  const frames = (globalThis.frames = { deltas: [], long: [], on: true });
  let last = null;
  const next = (now) => {
    if (frames.on && last !== null) frames.deltas.push(now - last);
    last = frames.on ? now : null;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  new PerformanceObserver((entries) => {
    if (frames.on) frames.long.push(...entries.getEntries().map(({ duration }) => duration));
  }).observe({ type: "long-animation-frame" });
})()
"""


class Frames(msgspec.Struct):
    """How smoothly a page is drawn while lines come; milliseconds."""

    lines: int
    """Lines that the page keeps at the end."""
    count: int
    longest: float
    """The longest time from one frame to the next, as requestAnimationFrame tells."""
    over_50: int
    over_100: int
    longest_animation_frame: float
    """The longest that Chromium tells of (`long-animation-frame`); 0: none took 50 ms."""
    script: float
    """Share of the time that its JavaScript ran."""


class Memory(msgspec.Struct):
    """What a page holds, all that can be freed left out."""

    lines: int
    """Lines that it keeps."""
    heap: int
    """Bytes of its JavaScript."""
    elements: int


class Found(msgspec.Struct):
    """What was found."""

    made: str
    machine: dict[str, str]
    browser: str
    delays: list[float]
    """Milliseconds from just before each event is published until the page shows it."""
    frames: list[Frames]
    memory: list[Memory]
    scripts: dict[str, int]
    """Bytes of JavaScript that a first load of each page takes, gzipped."""


class Viewer:
    """A page that follows a job's log, and the job."""

    def __init__(self, page: Page, session: CDPSession, job: JobLogEmitter) -> None:
        """Begin with a page that is open, and a job that said nothing."""
        self._page = page
        self._session = session
        self._job = job
        self._said = 0
        self._then = 0.0, 0.0

    def _say(self, until: int) -> None:
        while self._said < until:
            self._said += 1
            text = f"clip-{self._said:07}.mp4: \x1b[32m3 objects\x1b[0m in 41.2 ms"
            log = self._job.warning if self._said % 50 == 0 else self._job.info
            log(text, batch_id="abc123")

    async def flow(self, seconds: float) -> None:
        """Say `RATE` lines a second for a while."""
        began, before = time.monotonic(), self._said
        while (passed := time.monotonic() - began) < seconds:
            self._say(before + round(RATE * passed))
            await asyncio.sleep(STEP)
        self._say(before + round(RATE * seconds))
        await self._shown()

    async def fill(self, lines: int) -> None:
        """Say so many lines in all, as fast as the page shows them."""
        while self._said < lines:
            self._say(min(lines, self._said + BURST))
            await self._shown()

    async def _shown(self) -> None:
        last = self._page.get_by_role("log").get_by_text(f"clip-{self._said:07}.mp4")
        await expect(last).to_be_visible()

    async def start(self) -> None:
        """Begin to look at the frames."""
        await self._session.send("Performance.enable")
        await self._page.evaluate(_FRAMES)
        self._then = await self._script()

    async def _script(self) -> tuple[float, float]:
        """Return the seconds that JavaScript ran until now, and what time it is."""
        answer = await self._session.send("Performance.getMetrics")
        metrics = {metric["name"]: metric["value"] for metric in answer["metrics"]}
        return metrics["ScriptDuration"], metrics["Timestamp"]

    async def lines(self) -> int:
        """Return how many the page says that it keeps."""
        text = await self._page.get_by_text(" lines").last.inner_text()
        return int(text.split()[-2].replace(",", ""))

    async def frames(self) -> Frames:
        """Return how it was drawn since this was asked last, or since the start."""
        before, self._then = self._then, await self._script()
        deltas, long = await self._page.evaluate("[frames.deltas.splice(0), frames.long.splice(0)]")
        return Frames(
            lines=await self.lines(),
            count=len(deltas),
            longest=max(deltas),
            over_50=sum(delta > LONG for delta in deltas),
            over_100=sum(delta > LONG * 2 for delta in deltas),
            longest_animation_frame=max(long, default=0),
            script=(self._then[0] - before[0]) / (self._then[1] - before[1]),
        )

    async def memory(self) -> Memory:
        """Return what it holds; what this takes counts for no frame."""
        await self._page.evaluate("frames.on = false")
        await self._session.send("HeapProfiler.collectGarbage")
        used = await self._session.send("Runtime.getHeapUsage")
        found = Memory(
            lines=await self.lines(),
            heap=int(used["usedSize"]),
            elements=await self._page.evaluate("document.querySelectorAll('*').length"),
        )
        await self._page.evaluate(
            "new Promise((done) => setTimeout(() => done((frames.on = true)), 200))"
        )
        return found


@contextlib.asynccontextmanager
async def viewer(browser: Browser, stack: Stack, redis_url: str) -> AsyncIterator[Viewer]:
    """Open a page that follows a job."""
    context = await new_context(browser)
    tab = await new_tab(context, stack)
    job_id = uuid.uuid4().hex
    async with JobLogEmitter(redis_url, job_id) as job:
        await job.info("begins")  # So that there is such a job when the page asks.
        await tab.open(f"/jobs/{job_id}")
        panel = tab.page.get_by_role("region", name=f"Job {job_id}")
        await expect(panel.get_by_role("status").first).to_have_text("Live")
        one = Viewer(tab.page, await context.new_cdp_session(tab.page), job)
        await one.start()
        yield one
    await context.close()


async def delays(browser: Browser, stack: Stack, redis_url: str) -> list[float]:
    """Publish events one by one; return the milliseconds until the page shows each."""
    context = await new_context(browser)
    tab = await new_tab(context, stack)
    await tab.open()
    await tab.says("Live")
    event = msgspec.json.decode(EVENT)
    found: list[float] = []
    async with Publisher(redis_url) as publisher:
        for number in itertools.count():
            summary = f"event {number}"
            # A new one, that happens now: one that is told again takes the place of itself.
            event["data"] |= {
                "id": number,
                "event_id": number,
                "summary": summary,
                "started_at": datetime.now(UTC).isoformat(),
                "ended_at": None,
            }
            publishing = publisher.publish("security_events", msgspec.json.encode(event))
            found.append(1000 * await tab.delay_of(summary, publishing))
            if number == EVENTS:
                break
            await asyncio.sleep(random.uniform(PAUSE / 2, PAUSE))  # noqa: S311 (not for secrets)
    await context.close()
    return found[1:]  # the first connects


async def measure(stack: Stack) -> Found:
    """Measure everything."""
    redis_url = stack.redis_url
    async with chromium() as browser:
        found = Found(
            made=f"{datetime.now(UTC):%Y-%m-%d %H:%MZ}",
            machine=describe(),
            browser=f"Chromium {browser.version}",
            delays=await delays(browser, stack, redis_url),
            frames=[],
            memory=[],
            scripts={},
        )
        for path in PAGES:
            context = await new_context(browser)
            scripts = await scripts_of(context, stack, path)
            found.scripts[path] = sum(script.size for script in scripts)
            await context.close()
        async with viewer(browser, stack, redis_url) as one:
            for _ in range(PARTS):
                await one.flow(PART)
                found.memory.append(await one.memory())
            found.frames.append(await one.frames())
            await one.fill(FULL + BURST)
            await one.frames()  # of the filling, which no job does
            await one.flow(PART)
            found.frames.append(await one.frames())
            found.memory.append(await one.memory())
    return found


def main(folder: Path) -> None:
    """Measure, print, and keep what was found."""
    if CHROMIUM is None:
        print(f"\nThe dashboard is left out: {NO_CHROMIUM}. {HOW_TO_GET_IT}")
        return
    stack = Stack(folder / "dashboard", REDIS_URL="", DATABASE_URL="", DEMO="0", REPLICAS="1")
    stack.log.parent.mkdir()
    with running(stack):
        found = asyncio.run(measure(stack))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    print(f"\n{'the dashboard, in ' + found.browser:44} {'median':>8} {'p99':>8}")
    worst = percentile(found.delays, 99)
    print(f"{'publish to page, ms':44} {short(median(found.delays)):>8} {short(worst):>8}")
    print(f"\n{f'following {RATE} lines/s':32} {'lines':>8} {'longest, ms':>12} ", end="")
    print(f"{'long frame':>12} {'over 50':>8} {'over 100':>8} {'script':>8}")
    for frames in found.frames:
        print(
            f"{f'{frames.count} frames':32} {frames.lines:8} {frames.longest:12.1f}"
            f" {frames.longest_animation_frame:12.1f} {frames.over_50:8} {frames.over_100:8}"
            f" {frames.script:8.0%}"
        )
    print(f"\n{'its memory':32} {'lines':>8} {'heap, MiB':>12} {'elements':>12}")
    for memory in found.memory:
        print(f"{'':32} {memory.lines:8} {memory.heap / _MIB:12.1f} {memory.elements:12}")
    print("\nJavaScript of a first load, KB gzipped: ", end="")
    print(*(f"{path} {size / 1000:.1f}" for path, size in found.scripts.items()), sep=", ")
