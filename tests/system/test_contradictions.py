"""All pages of `make run`, read every second for five minutes in which things happen.

Redis is away for twenty seconds, a camera is lost and found, the GPU is hot for a minute, and
something has to be looked at now. Nothing that the pages say may contradict another thing that they
say, or what has happened: `tests/contradictions.py` has the list.
"""

import asyncio
import contextlib
import copy
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from hsi.joblogs import JobLogEmitter
from hsi.publisher import Publisher, PublishError
from hsi.schemas import Event, EventData, RiskLevel
from hsi.schemas.base import now
from local.ai import ANSWERS
from local.demo import begin_history
from local.processes import Process
from tests.browser import chromium, new_context, new_tab
from tests.contradictions import UNKNOWN, Reading, Told, Truth, contradictions
from tests.servers import AiServer, OwnPostgres, OwnRedis, Stack, says

LENGTH = 300.0
"""Seconds."""
CHANNEL = "security_events"
CAMERAS = ("back_garden", "driveway", "front_door", "garage")
LOST = "UPDATE cameras SET status = 'offline' WHERE id = 'garage'"
FOUND = "UPDATE cameras SET status = 'online' WHERE id = 'garage'"
ROWS = f"""
INSERT INTO cameras (id, name, folder_path, status, last_seen_at)
SELECT id, id, '/' || id, 'online', now() FROM unnest('{{{",".join(CAMERAS)}}}'::text[]) AS id
"""  # noqa: S608 (our own words)
COOL, HOT = 58.0, 91.0
QUICK = {"BROADCAST_INTERVAL": "1", "CIRCUIT_RECOVERY_TIMEOUT": "1"}
READ = """() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const text = (selector, root = document) =>
    root.querySelector(selector)?.innerText.trim().replaceAll(/\\s+/g, " ") ?? "";
  const region = (name) => `section[aria-label="${name}"]`;
  const verdict = (name) => {
    const tile = document.querySelector(region(`${name}, in brief`));
    const [title = "", detail = ""] = tile ? all("p", tile).map((one) => one.innerText.trim()) : [];
    return { tone: tile?.dataset.tone ?? "", title, detail };
  };
  const gauge = document.querySelector(region("Risk, last 15 minutes"));
  const [figure = "", words = ""] = gauge ? all("p", gauge).map((one) => one.innerText.trim()) : [];
  const named = (name) =>
    all(`${region("GPU")} div`).find((one) => one.querySelector(":scope > dt")?.innerText === name);
  const alerts = document.querySelector(region("Active alerts"));
  return {
    text: document.body.innerText,
    connection: text(`${region("Connection")} strong`),
    home: verdict("Home"), cameras: verdict("Cameras"),
    ai: verdict("AI"), system: verdict("System"),
    gauge: { figure, words },
    temperature: text("dd", named("Temperature") ?? document.createElement("p")).replace(" ", ""),
    tiles: all(`${region("Cameras")} li h3 + span`).map((one) => one.innerText.trim()),
    count: text(`${region("Activity")} h2 + *`),
    feed: all(`${region("Events")} li p[title]`).map((one) => one.title),
    latest: text(`${region("Events")} li time`),
    alerts: alerts ? all("li", alerts).map((one) => one.innerText) : [],
    chart: document.querySelector('[role=img][aria-label^="GPU temperature"]')?.ariaLabel ?? "",
    lines:
      all("p.figure").map((one) => one.innerText).find((one) => /\\blines?\\b/.test(one)) ?? "",
  };
}"""
"""What a page shows, as its claims."""


# --- the list finds what it is for ---

TILE = {"tone": "good", "title": "Working", "detail": ""}
QUIET: dict[str, Any] = {
    "text": "All quiet",
    "connection": "Live",
    "home": {"tone": "good", "title": "All quiet", "detail": ""},
    "cameras": {"tone": "good", "title": "4 of 4 online", "detail": ""},
    "ai": TILE,
    "system": TILE,
    "gauge": {"figure": "5", "words": "low"},
    "temperature": "58°C",
    "tiles": ["online"] * 4,
    "count": "1 event",
    "feed": ["Cat"],
    "latest": "20 s ago",
    "alerts": [],
    "chart": "GPU temperature: GPU 58 °C limit 75 °C",
    "lines": "2 lines",
}


def quiet_truth() -> Truth:
    return Truth(
        cameras=4,
        now=1000.0,
        temperatures=[(0.0, COOL)],
        events=[Told(980.0, "low", 5, "Cat")],
        lines=[900.0, 999.0],
    )


def reading(change: dict[str, Any]) -> Reading:
    page = copy.deepcopy(QUIET) | change
    return Reading(page, page, page)


def test_a_home_of_which_only_the_truth_is_shown_has_no_contradiction() -> None:
    assert contradictions(reading({}), quiet_truth()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"text": "VRAM NaN GB"}, "'NaN'"),
        ({"connection": "Reconnecting…"}, "All quiet while the connection is Reconnecting…"),
        (
            {"cameras": {"tone": "warn", "title": "3 of 4 online", "detail": ""}},
            "while cameras are",
        ),
        ({"gauge": {"figure": "96", "words": "critical"}}, "the gauge shows critical"),
        ({"gauge": {"figure": UNKNOWN, "words": "not known"}}, f"the gauge shows {UNKNOWN}"),
        (
            {"system": {"tone": "warn", "title": "GPU at 80 °C", "detail": ""}},
            "but the GPU's card has 58°C",
        ),
        ({"count": "2 events"}, "2 events, but 1 rows"),
        ({"feed": ["Cat", "Cat"], "count": "2 events"}, "an event is in the feed twice"),
        ({"feed": [], "count": "0 events"}, "Cat is not in the feed"),
        ({"latest": "9 min ago"}, "the latest event is 20 s old"),
        ({"tiles": ["online"] * 3 + ["offline"]}, "3 tiles online, but 4 are"),
        ({"temperature": "38°C"}, "which it had not of late"),
        ({"alerts": ["warning GPU temperature high: 91C"]}, "the alerts tell of a hot GPU"),
        ({"chart": "GPU temperature: GPU 91 °C"}, "the chart has GPU 91 °C"),
        ({"lines": "3 lines"}, "the job wrote 2"),
    ],
)
def test_a_contradiction_is_found(change: dict[str, Any], expected: str) -> None:
    found = contradictions(reading(change), quiet_truth())
    assert any(expected in one for one in found), found


def test_what_is_not_known_contradicts_nothing_but_a_claim_that_all_is_quiet() -> None:
    unknown = {"tone": "unknown", "title": "Not known", "detail": ""}
    quiet = reading({"cameras": unknown})
    assert contradictions(quiet, quiet_truth()) == ["All quiet while cameras are Not known"]


def test_without_redis_nothing_is_live_and_nothing_quiet() -> None:
    truth = quiet_truth()
    truth.redis = (900.0, False)
    found = contradictions(reading({}), truth)
    assert "Live, without Redis" in found
    assert "quiet, without Redis" in found


# --- five minutes ---


class Watched:
    """A home with all that can happen in it, and what has happened."""

    def __init__(
        self, redis: OwnRedis, postgres: OwnPostgres, ai: AiServer, stack: Stack, job: JobLogEmitter
    ) -> None:
        self.redis, self.stack = redis, stack
        self._postgres, self._ai, self._job = postgres, ai, job
        self._numbers = itertools.count(1)
        self.begin()

    def begin(self) -> None:
        """Let the time begin: until now nothing has happened."""
        self._began = time.monotonic()
        self.truth = Truth(cameras=len(CAMERAS), redis=(0.0, True))
        self.heat(COOL)

    def clock(self) -> float:
        self.truth.now = time.monotonic() - self._began
        return self.truth.now

    def now(self) -> Truth:
        """Return what has happened until now."""
        self.clock()
        return self.truth

    def heat(self, temperature: float) -> None:
        health = ANSWERS["yolo26"]["/health"](0.0) | {"temperature": temperature}
        self._ai.behaviours["/health"] = says(health)
        self.truth.temperatures.append((self.clock(), temperature))

    async def camera(self, *, lost: bool) -> None:
        await asyncio.to_thread(self._postgres.execute, LOST if lost else FOUND)
        self.truth.lost_camera = (self.clock(), lost)

    async def redis_away(self, seconds: float) -> None:
        self.truth.redis = (self.clock(), False)
        await asyncio.to_thread(self.redis.kill)
        await asyncio.sleep(seconds)  # how long it lasts is the fault
        await asyncio.to_thread(self.redis.start)
        self.truth.redis = (self.clock(), True)

    async def tell(self, publisher: Publisher, level: RiskLevel, score: int, what: str) -> None:
        number = next(self._numbers)
        summary = f"{what} {number}"
        data = EventData(
            id=number,
            event_id=number,
            batch_id=f"batch-{number}",
            camera_id=CAMERAS[number % 3],  # not the one that is lost
            risk_score=score,
            risk_level=level,
            summary=summary,
            started_at=now() - timedelta(seconds=5),
            ended_at=now(),
        )
        await publisher.publish(CHANNEL, Event(data=data))
        self.truth.events.append(Told(self.clock(), level, score, summary))

    async def live(self) -> None:
        """Let cats come and a job go on, until cancelled."""
        async with Publisher(self.redis.url, patience=60) as publisher:
            for number in itertools.count(1):
                with contextlib.suppress(PublishError):
                    await self.tell(publisher, "low", 1 + number % 20, "Cat")
                await self._job.info(f"Line {number}")
                self.truth.lines.append(self.clock())
                await asyncio.sleep(7)

    async def happen(self) -> None:
        """Let the worst happen, one after the other."""
        async with Publisher(self.redis.url, patience=60) as publisher:
            await self._at(30)
            await self.camera(lost=True)
            await self._at(75)
            await self.camera(lost=False)
            await self._at(100)
            self.heat(HOT)
            await self._at(160)
            self.heat(COOL)
            await self._at(205)
            await self.redis_away(20)
            await self._at(270)
            await self.tell(publisher, "high", 75, "Person at the fence")

    async def _at(self, second: float) -> None:
        await asyncio.sleep(second - self.clock())


@pytest.fixture
def watched(
    own_postgres: OwnPostgres,
    ai_server: AiServer,
    tmp_path: Path,
    job_id: str,
    cleanup: Callable[[Process], None],
) -> Iterator[Watched]:
    redis = OwnRedis(tmp_path / "redis")
    cleanup(redis)
    redis.start()
    begin_history(redis.url, CHANNEL)
    own_postgres.execute(ROWS)
    ai_server.behaviours["/slots"] = says([])
    urls = {"YOLO26_URL": ai_server.url, "NEMOTRON_URL": ai_server.url}
    stack = Stack(
        tmp_path / "stack",
        **QUICK,
        **urls,
        REDIS_URL=redis.url,
        DATABASE_URL=own_postgres.url,
        DEMO="0",
        ALERT_AFTER="5",
    )
    stack.log.parent.mkdir()
    cleanup(stack)
    job = JobLogEmitter(redis.url, job_id)
    job.begin()
    home = Watched(redis, own_postgres, ai_server, stack, job)
    stack.start()
    yield home
    job.close("completed")


@pytest.mark.timeout(LENGTH + 120)
@pytest.mark.watch
@pytest.mark.browser
async def test_no_page_contradicts_itself_another_or_what_happens(
    watched: Watched, job_id: str
) -> None:
    found: list[str] = []
    async with chromium() as browser:
        pages = await opened(await new_context(browser), watched.stack, job_id)
        watched.begin()
        living = asyncio.create_task(watched.live())
        happening = asyncio.create_task(watched.happen())
        readings = 0
        try:
            while watched.clock() < LENGTH:
                due = watched.clock() + 1
                wrongs = contradictions(await read(pages), watched.now())
                if wrongs:  # What stands for a frame or two nobody has read.
                    await asyncio.sleep(0.2)
                    again = contradictions(await read(pages), watched.now())
                    wrongs = [wrong for wrong in wrongs if wrong in again]
                found += [f"{watched.truth.now:.0f} s: {wrong}" for wrong in wrongs]
                readings += 1
                await asyncio.sleep(due - watched.clock())
            await happening
        finally:
            living.cancel()
            happening.cancel()
    assert found == []
    assert readings > LENGTH / 3  # a page that cannot be read proves nothing


async def read(pages: list[Page]) -> Reading:
    """Read the three pages."""
    first, performance, job = [await page.evaluate(READ) for page in pages]
    return Reading(first, performance, job)


async def opened(context: BrowserContext, stack: Stack, job_id: str) -> list[Page]:
    """Open the three pages, and wait until each has something to say."""
    pages = []
    for path in ("/", "/performance", f"/jobs/{job_id}"):
        tab = await new_tab(context, stack)
        await tab.open(path)
        await tab.says("Live")
        pages.append(tab.page)
    return pages
