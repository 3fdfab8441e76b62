"""The dashboard of `make run`, as a person has it: in a real Chromium, through the real ingress."""

import asyncio
import hashlib
import itertools
import json
import os
import re
import secrets
import signal
import statistics
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import httpx
import msgspec
import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from hsi.joblogs import JobLogEmitter
from hsi.publisher import Publisher
from hsi.schemas import Event, EventData
from hsi.schemas.base import now
from local.demo import risk_level
from local.processes import Process
from tests.browser import HEIGHTS, PATIENCE, Tab, chromium, new_context, new_tab, scripts_of
from tests.clients import http_client, until
from tests.hsi.cli.test_commands import HSI, hsi
from tests.servers import OwnRedis, Stack

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
CHANNEL = "security_events"
QUICK = {"BROADCAST_INTERVAL": "1", "CIRCUIT_RECOVERY_TIMEOUT": "1"}
PAGES = {"dashboard": "/", "performance": "/performance", "jobs": "/jobs"}
KEPT = 100
"""Events that a page keeps."""
KEY, WRONG_KEY = "right-key_1.two", "wrong-key_1.two"
LODGERS_KEY = "lodgers-key_1.two"
LODGERS = "lodgers"
"""The file of keys that are taken away."""
FLOOD, BURST = 20_000, 5_000
"""Lines of a job, and how many of them come at once."""
RARE = 1_000
"""One of so many lines of the flood is an error."""


# --- what the tests share ---


@contextmanager
def running(folder: Path, request: pytest.FixtureRequest, **settings: str) -> Iterator[Stack]:
    stack = Stack(folder / "stack", **QUICK, **settings)
    stack.log.parent.mkdir()
    try:
        stack.start()
        wait_for_figures(stack)
        yield stack
    finally:
        stack.stop()
        if request.session.testsfailed:
            sys.stderr.write(f"--- log of {stack.name} ---\n{stack.log_tail()}\n")


def wait_for_figures(stack: Stack) -> None:
    """Wait for the first round of figures: until then there are none, and a page says so."""
    deadline = time.monotonic() + PATIENCE
    with httpx.Client(base_url=stack.url.replace("ws", "http", 1)) as http:
        while http.get("/api/alerts", headers={"X-API-Key": KEY}).status_code != 200:
            assert time.monotonic() < deadline, "nothing is collected"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def demo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One with the demo, to look at."""
    with running(tmp_path_factory.mktemp("demo"), request, REDIS_URL="") as stack:
        yield stack


class Fragile(NamedTuple):
    """One that nothing happens in by itself, to do bad things to."""

    stack: Stack
    redis: OwnRedis

    def replicas(self, service: str) -> list[psutil.Process]:
        return self.stack.replicas(f"services.{service}")


@pytest.fixture(scope="module")
def fragile(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fragile]:
    folder = tmp_path_factory.mktemp("fragile")
    redis = OwnRedis(folder / "redis")
    redis.start()
    try:
        with running(folder, request, REDIS_URL=redis.url, DEMO="0", REPLICAS="2") as stack:
            yield Fragile(stack, redis)
    finally:
        redis.stop()


@pytest.fixture(scope="module")
def locked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """One that asks who is there, and in which nothing ever happened."""
    folder = tmp_path_factory.mktemp("locked")
    (lodgers := folder / LODGERS).write_text(f"lodger:read:{digest_of(LODGERS_KEY)}\n")
    keys = {
        "API_KEYS": f"owner:admin:{digest_of(KEY)}",
        "API_KEYS_FILE": str(lodgers),
        "SESSION_SECRET": secrets.token_hex(32),
    }
    with running(folder, request, REDIS_URL="", DEMO="0", **keys) as stack:
        yield stack


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


class OpenTab(Protocol):
    """Opens a page of the dashboard in a browser without a past; it is closed with the test."""

    async def __call__(
        self, stack: Stack, path: str = "/", *, width: int = 1280, in_trouble: bool = False
    ) -> Tab: ...


@pytest_asyncio.fixture(loop_scope="module")
async def open_tab(browser: Browser) -> AsyncIterator[OpenTab]:
    """Open tabs, and see to it that none of them ever did what a page must not."""
    opened: list[tuple[Tab, bool]] = []

    async def open_tab(
        stack: Stack, path: str = "/", *, width: int = 1280, in_trouble: bool = False
    ) -> Tab:
        tab = await new_tab(await new_context(browser, width=width), stack)
        opened.append((tab, in_trouble))
        await tab.open(path)
        return tab

    yield open_tab
    for tab, _ in opened:
        await tab.page.context.close()
    wrongs = [tab.wrongs(in_trouble=in_trouble) for tab, in_trouble in opened]
    assert wrongs == [[] for _ in opened]


_ids = itertools.count(1)


def event(summary: str, risk: int = 10) -> bytes:
    number = next(_ids)
    data = EventData(
        id=number,
        event_id=number,
        batch_id="batch",
        camera_id="front_door",
        risk_score=risk,
        risk_level=risk_level(risk),
        summary=summary,
        started_at=now() - timedelta(seconds=5),
    )
    return msgspec.json.encode(Event(data=data))


@asynccontextmanager
async def numbered_events(redis_url: str) -> AsyncIterator[list[str]]:
    """Publish one event after the other; give the summaries of those that were acknowledged."""
    published: list[str] = []
    enough = asyncio.Event()
    run = uuid.uuid4().hex[:4]

    async def publish() -> None:
        async with Publisher(redis_url, patience=90) as publisher:
            while not enough.is_set():
                summary = f"{run}: event {len(published) + 1}"
                await publisher.publish(CHANNEL, event(summary))
                published.append(summary)
                with suppress(TimeoutError):
                    await asyncio.wait_for(enough.wait(), 0.2)

    publishing = asyncio.create_task(publish())
    try:
        yield published
    finally:
        enough.set()
        await publishing


async def more(tab: Tab, published: list[str], count: int = 3) -> None:
    """Wait until so many more are published, and the page shows them."""
    wanted = len(published) + count

    async def published_and_shown() -> bool:
        return len(published) >= wanted and published[wanted - 1] in await tab.feed()

    await until(published_and_shown, within=60)


async def missed_nothing(tab: Tab, published: list[str]) -> None:
    """Wait for the last event, and look whether all of them are there, in order, each once."""

    async def has_the_last() -> bool:
        return (await tab.feed())[:1] == published[-1:]

    await until(has_the_last, within=30)
    shown = await tab.feed()
    assert shown[: len(published)] == published[::-1][:KEPT]
    assert len(set(shown)) == len(shown)
    assert await tab.is_marked()  # and it did not help itself by a reload


async def looks_right(tab: Tab, name: str) -> None:
    """Keep a picture of the page; it fits its window, and axe finds nothing."""
    assert await tab.overflow() <= 0
    assert await tab.inaccessible() == []
    await tab.shot(name)


async def enter(tab: Tab, key: str) -> None:
    """Type a key into the prompt, which has the focus."""
    await expect(tab.page.get_by_label("Key", exact=True)).to_be_focused()
    await tab.page.keyboard.type(key)
    await tab.page.keyboard.press("Enter")


# --- what happens is on the page ---


async def test_an_event_that_is_published_is_in_the_feed_and_moves_the_gauge(
    fragile: Fragile, open_tab: OpenTab, tmp_path: Path
) -> None:
    tab = await open_tab(fragile.stack)
    gauge = tab.page.get_by_role("meter", name="Risk")
    home = tab.page.get_by_role("region", name="Home, in brief")
    for risk, verdict in ((55, "Worth a look"), (97, "Act now")):
        summary = f"An event of risk {risk}"
        (file := tmp_path / "event.json").write_bytes(event(summary, risk))
        result = await asyncio.to_thread(hsi, "publish", str(file), REDIS_URL=fragile.redis.url)
        assert result.returncode == 0, result.stderr
        await expect(gauge).to_have_attribute("value", str(risk))
        await expect(home).to_contain_text(verdict)
        assert (await tab.feed())[0] == summary


async def test_what_is_published_is_soon_on_the_page(fragile: Fragile, open_tab: OpenTab) -> None:
    tab = await open_tab(fragile.stack)
    await tab.says("Live")
    delays = []
    async with Publisher(fragile.redis.url) as publisher:
        for number in range(10):
            summary = f"{uuid.uuid4().hex[:4]}: soon {number}"
            publishing = publisher.publish(CHANNEL, event(summary))
            delays.append(await tab.delay_of(summary, publishing))
    # A guard, not a figure (`python -m bench dashboard` has those): alone, it takes some 20 ms.
    assert statistics.median(delays) < 2


async def test_charts_and_figures_move(demo: Stack, open_tab: OpenTab) -> None:
    tab = await open_tab(demo, "/performance")
    chart = tab.page.get_by_role("application", name=re.compile("^GPU power: GPU \\d+ W"))
    picture = chart.locator("canvas")
    before = await chart.get_attribute("aria-label"), await picture.evaluate("c => c.toDataURL()")

    async def moved() -> bool:
        return (
            await chart.get_attribute("aria-label") != before[0]
            and await picture.evaluate("c => c.toDataURL()") != before[1]
        )

    await until(moved, within=30)
    for name in ("yolo26", "nemotron", "PostgreSQL", "Redis"):
        card = tab.page.get_by_role("region", name=name, exact=True)
        await expect(card).to_contain_text("healthy")


async def test_a_jobs_log_streams_from_its_first_line_to_its_end(
    fragile: Fragile,
    open_tab: OpenTab,
    job_id: str,
    tmp_path: Path,
    cleanup: Callable[[Process], None],
) -> None:
    go_on = tmp_path / "go-on"
    script = f"echo first; while [ ! -e {go_on} ]; do sleep 0.05; done; echo last >&2; exit 3"
    job = Process(
        "job",
        [HSI, "run-job", "--id", job_id, "--", "sh", "-c", script],
        url="",
        log=tmp_path / "job.log",
        environment=os.environ | {"REDIS_URL": fragile.redis.url},
    )
    cleanup(job)
    tab = await open_tab(fragile.stack, f"/jobs/{job_id}", in_trouble=True)
    panel = tab.page.get_by_role("region", name=f"Job {job_id}")
    log = panel.get_by_role("log")
    await expect(panel.get_by_role("status").first).to_have_text("No such job")
    await expect(panel).to_contain_text(f"No job {job_id} is known here")
    job.start()
    await expect(log).to_contain_text("first")
    await expect(panel).to_contain_text("running")
    assert "last" not in await log.inner_text()
    go_on.touch()
    await expect(log).to_contain_text("last")
    await expect(panel.get_by_role("status").first).to_have_text("Failed, exit code 3")
    await expect(panel).to_contain_text("failed")
    await expect(panel).to_contain_text("2 lines")


# --- what goes wrong is said, and recovers ---


async def test_redis_dies_and_comes_back_and_the_page_has_every_event_once(
    fragile: Fragile, open_tab: OpenTab
) -> None:
    tab = await open_tab(fragile.stack, in_trouble=True)
    await tab.mark()
    async with numbered_events(fragile.redis.url) as published:
        await more(tab, published)
        await tab.says("Live")
        fragile.redis.kill()
        await tab.says("Degraded")
        await tab.shot("degraded")
        fragile.redis.start()
        await tab.says("Live")
        await more(tab, published)
    await missed_nothing(tab, published)


async def test_a_replica_goes_away_and_the_page_goes_to_another_and_misses_nothing(
    fragile: Fragile, open_tab: OpenTab
) -> None:
    tab = await open_tab(fragile.stack, in_trouble=True)
    await tab.mark()
    async with numbered_events(fragile.redis.url) as published:
        await more(tab, published)
        await tab.says("Live")
        for service in ("events", "system"):
            (await serving(fragile.replicas(service))).send_signal(signal.SIGTERM)

        async def noticed() -> bool:
            return "Reconnecting…" in await tab.said_of_connection()

        await until(noticed, within=30)
        await tab.says("Live")
        await more(tab, published)
    await missed_nothing(tab, published)


async def serving(replicas: list[psutil.Process]) -> psutil.Process:
    """Return the one of these that the only page is connected to."""
    found: list[psutil.Process] = []

    async def one_serves() -> bool:
        found[:] = [replica for replica in replicas if await connections_of(replica)]
        return len(found) == 1

    await until(one_serves)
    return found[0]


async def connections_of(replica: psutil.Process) -> int:
    async with http_client() as http:
        answer = await http.get(f"http://127.0.0.1:{replica.environ()['PORT']}/status")
    return int(answer.json()["connections"])


async def test_all_replicas_die_and_the_page_waits_for_new_ones_and_misses_nothing(
    fragile: Fragile, open_tab: OpenTab
) -> None:
    tab = await open_tab(fragile.stack, in_trouble=True)
    await tab.mark()
    async with numbered_events(fragile.redis.url) as published:
        await more(tab, published)
        await tab.says("Live")
        # While it stands still, nobody starts them again, and there is time to look.
        fragile.stack.signal(signal.SIGSTOP)
        try:
            for replica in fragile.replicas("events"):
                replica.kill()
            await tab.says("Reconnecting…")
            await expect(tab.connection).to_contain_text("Events are as of ")
            for width in HEIGHTS:
                await tab.width(width)
                await looks_right(tab, "reconnecting")
        finally:
            fragile.stack.signal(signal.SIGCONT)
        await tab.says("Live")
        await more(tab, published)
    await missed_nothing(tab, published)


async def test_what_is_out_of_date_is_said(fragile: Fragile, open_tab: OpenTab) -> None:
    tab = await open_tab(fragile.stack, in_trouble=True)
    await tab.says("Live")
    await expect(tab.page.get_by_text("postgresql")).to_be_visible()  # so there are figures
    with frozen(fragile.replicas("collector")):
        await tab.says("Performance figures pause")
        freshness = tab.page.get_by_role("region", name="Connection").get_by_role("time")
        await expect(freshness).to_contain_text("Figures: no news for ")
        await tab.shot("figures-pause")
        with frozen(fragile.replicas("system")):
            await tab.says("No news")
            await expect(tab.page.get_by_role("button", name="Try now")).to_be_visible()
            await tab.shot("no-news")
    await tab.says("Live")


@contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    assert len(processes) == 2
    try:
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            process.resume()


# --- who gets in ---


async def sign_in(tab: Tab, key: str = KEY) -> None:
    await enter(tab, key)
    await tab.says("Live")


def prompt_of(tab: Tab) -> Locator:
    return tab.page.get_by_role("dialog", name="Sign in")


async def open_account(tab: Tab) -> Locator:
    await tab.page.get_by_role("button", name="Account").click()
    return tab.page.get_by_role("region", name="Account")


async def kept_by_scripts(tab: Tab) -> str:
    """Return all that a script of the page can read, but what the page shows."""
    kept = "[{ ...sessionStorage }, { ...localStorage }, document.cookie, history.state]"
    return str(await tab.page.evaluate(f"JSON.stringify({kept})"))


async def test_a_wrong_key_is_asked_for_again_and_no_script_keeps_the_right_one(
    locked: Stack, open_tab: OpenTab
) -> None:
    tab = await open_tab(locked, in_trouble=True)
    prompt = prompt_of(tab)
    await expect(prompt).to_contain_text("This home asks who you are.")
    await enter(tab, WRONG_KEY)
    await expect(prompt).to_contain_text("This key was refused.")
    await tab.says("Not signed in")
    await sign_in(tab)
    await expect(prompt).to_be_hidden()
    cookies = await tab.page.context.cookies()
    (session,) = [cookie for cookie in cookies if cookie["name"] == "hsi_session"]
    assert (session["httpOnly"], session["sameSite"]) == (True, "Strict")
    kept = await kept_by_scripts(tab)
    assert session["value"] not in kept
    told = (kept, *tab.asked, *tab.said, tab.page.url, str(cookies), await tab.page.content())
    assert not any(KEY in part for part in told)
    logs = [file for file in locked.log.parent.rglob("*.log") if file.is_file()]
    assert len(logs) > 5
    assert not any(KEY in file.read_text(errors="replace") for file in logs)


async def test_who_is_signed_in_stays_so_in_every_tab_until_they_sign_out(
    locked: Stack, open_tab: OpenTab
) -> None:
    tab = await open_tab(locked, in_trouble=True)
    await sign_in(tab)
    await tab.page.reload()
    await tab.says("Live")
    other = await new_tab(tab.page.context, locked)
    await other.open("/performance")
    await other.says("Live")
    await expect(prompt_of(other)).to_be_hidden()
    await tab.width(360)
    account = await open_account(tab)
    await expect(account).to_contain_text("may do everything")
    await looks_right(tab, "account")
    await expect(account).to_contain_text("Of this browser only: others stay signed in.")
    await account.get_by_role("button", name="Sign out").click()
    for one in (tab, other):
        await expect(prompt_of(one)).to_contain_text("This home asks who you are.")
        await one.says("Not signed in")


async def test_a_key_that_is_taken_away_brings_the_prompt_back_once(
    locked: Stack, open_tab: OpenTab
) -> None:
    tab = await open_tab(locked, in_trouble=True)
    await sign_in(tab, LODGERS_KEY)
    asked = len(tab.asked)
    (locked.log.parent.parent / LODGERS).write_text("")
    await expect(prompt_of(tab)).to_contain_text("Your session has ended: sign in again.")
    await tab.says("Not signed in")
    await sign_in(tab)
    paths: list[str] = []

    async def all_came_back() -> bool:
        # Each service ends its own connections, at its own time.
        paths[:] = [urlsplit(url).path for url in tab.asked[asked:]]
        return {"/ws/events", "/ws/system"} <= set(paths)

    await until(all_came_back, within=20)
    await tab.says("Live")
    # Each once: nothing was tried while nobody was signed in.
    assert sorted(path for path in paths if path.startswith("/ws/")) == ["/ws/events", "/ws/system"]


async def test_an_invite_lets_a_phone_in_once(locked: Stack, open_tab: OpenTab) -> None:
    tab = await open_tab(locked, in_trouble=True)
    await sign_in(tab)
    await (await open_account(tab)).get_by_role("button", name="Let a phone in").click()
    dialog = tab.page.get_by_role("dialog", name="Let a phone in")
    await dialog.get_by_role("radio", name="may look", exact=True).check()
    await dialog.get_by_role("button", name="Make a code").click()
    await expect(dialog.get_by_role("img", name="QR code of the link")).to_be_visible()
    await expect(dialog.get_by_role("timer")).to_have_text(re.compile(r"^(10:0|9:[45])\d$"))
    await tab.width(360)
    await looks_right(tab, "invite")
    link = await dialog.get_by_role("textbox", name="Link").input_value()
    assert link.startswith(f"{tab.origin}/#invite=")
    path = link.removeprefix(tab.origin)

    phone = await open_tab(locked, path, width=360)
    await phone.says("Live")
    assert await phone.said_of_connection() == ["Connecting…", "Live"]
    assert phone.page.url == f"{phone.origin}/"
    code = link.partition("=")[2]
    assert not any(code in part for part in (await kept_by_scripts(phone), *phone.said))
    await expect(await open_account(phone)).to_contain_text("may look")

    another = await open_tab(locked, path, width=360, in_trouble=True)
    await expect(prompt_of(another)).to_contain_text("This invite was used already")
    await looks_right(another, "used-invite")
    await sign_in(another)


async def test_the_prompt_can_be_closed_and_opened_again_by_keyboard(
    locked: Stack, open_tab: OpenTab
) -> None:
    tab = await open_tab(locked, in_trouble=True)
    prompt = prompt_of(tab)
    await expect(prompt.get_by_label("Key", exact=True)).to_be_focused()
    for width in HEIGHTS:
        await tab.width(width)
        await looks_right(tab, "key-prompt")
    await tab.page.keyboard.press("Escape")
    await expect(prompt).to_be_hidden()
    again = tab.page.get_by_role("button", name="Sign in")
    await focus_by_tab(tab, again)
    await tab.page.keyboard.press("Enter")
    await expect(prompt).to_be_visible()
    await sign_in(tab)
    # The account by keyboard, too: open it, and close it again.
    button = tab.page.get_by_role("button", name="Account")
    await focus_by_tab(tab, button)
    await tab.page.keyboard.press("Enter")
    account = tab.page.get_by_role("region", name="Account")
    await tab.page.keyboard.press("Tab")
    await expect(account.get_by_role("button", name="Let a phone in")).to_be_focused()
    await tab.page.keyboard.press("Escape")
    await expect(account).to_be_hidden()
    await expect(button).to_be_focused()


# --- how the pages are ---


@pytest.mark.parametrize("width", HEIGHTS)
async def test_every_page_fits_its_window_and_axe_finds_nothing(
    demo: Stack, open_tab: OpenTab, job_id: str, width: int
) -> None:
    async with JobLogEmitter(demo.redis_url, job_id) as job:
        await job.info("\x1b[32mtests\x1b[0m passed", batch_id="abc123")
        await job.warning("a long line: " + "x" * 1000)
        await job.error("Traceback (most recent call last):\n  File …\nOSError: the disk is full")
    tab = await open_tab(demo, width=width)
    page = tab.page
    shown: dict[str, Callable[[], Locator]] = {
        "/": lambda: page.get_by_role("region", name="Events").get_by_role("listitem"),
        "/performance": lambda: page.get_by_role(
            "application", name=re.compile(r"^Host: CPU \d+ %")
        ),
        "/jobs": lambda: page.get_by_text(job_id),
        f"/jobs/{job_id}": lambda: page.get_by_role("log").get_by_text("the disk is full"),
    }
    for (path, content), name in zip(shown.items(), (*PAGES, "job"), strict=True):
        await tab.open(path)
        await tab.says("Live")
        await expect(content().first).to_be_visible()
        await looks_right(tab, name)


@pytest.mark.parametrize("width", HEIGHTS)
async def test_where_nothing_happened_yet_the_pages_say_so(
    locked: Stack, open_tab: OpenTab, width: int
) -> None:
    tab = await open_tab(locked, width=width, in_trouble=True)
    await enter(tab, KEY)
    for name, words in (
        ("Dashboard", ("No events yet", "No cameras yet", "No GPU can be read")),
        ("Performance", ("Active alerts",)),
        ("Jobs", ("No jobs yet",)),
    ):
        await tab.page.get_by_role("link", name=name).click()
        await tab.says("Live")
        for text in words:
            await expect(tab.page.get_by_text(text)).to_be_visible()
        await looks_right(tab, f"empty-{name.lower()}")


@pytest.mark.parametrize("path", PAGES.values())
async def test_a_first_load_takes_less_than_200_kb_of_javascript(
    demo: Stack, browser: Browser, path: str
) -> None:
    context = await new_context(browser)
    scripts = await scripts_of(context, demo, path)
    await context.close()
    assert len(scripts) == len({script.path for script in scripts}) > 0
    assert sum(script.size for script in scripts) < 200_000, scripts


async def test_figures_change_and_nothing_moves(demo: Stack, open_tab: OpenTab) -> None:
    tab = await open_tab(demo)
    await tab.says("Live")
    await expect(tab.page.get_by_text("postgresql")).to_be_visible()
    gpu = tab.page.get_by_role("region", name="GPU")
    await expect(gpu).to_contain_text("%")
    await tab.page.evaluate("watched.shifts.length = 0")
    figures = {await gpu.inner_text()}

    async def much_has_changed() -> bool:
        figures.add(await gpu.inner_text())
        arrived = await tab.page.evaluate("watched.shifts.filter(s => s.inFeed).length")
        return len(figures) > 3 and arrived > 1

    await until(much_has_changed, within=60)
    shifts = await tab.page.evaluate("watched.shifts.filter(s => !s.byPerson && !s.inFeed)")
    assert sum(shift["value"] for shift in shifts) < 0.02, json.dumps(shifts, indent=1)


async def test_everything_is_reached_by_keyboard(demo: Stack, open_tab: OpenTab) -> None:
    tab = await open_tab(demo, "/performance")
    await tab.says("Live")
    await expect(tab.page.get_by_role("heading", name="Performance")).to_be_visible()
    focused = tab.page.locator(":focus")
    reached = []
    for _ in range(5):
        await tab.page.keyboard.press("Tab")
        reached.append(await focused.inner_text())
    assert reached == ["Skip to content", "Dashboard", "Events", "Performance", "Jobs"]
    await tab.page.keyboard.press("Tab")
    await expect(tab.page.get_by_role("button", name="Be told")).to_be_focused()
    await tab.page.keyboard.press("Tab")
    await expect(tab.page.get_by_role("button", name="Colours")).to_be_focused()
    await tab.page.keyboard.press("Tab")
    await expect(tab.page.get_by_role("radio", name="5 min", exact=True)).to_be_focused()
    await tab.page.keyboard.press("ArrowRight")
    await expect(tab.page.get_by_role("radio", name="15 min")).to_be_checked()

    async def asked_for_more() -> bool:
        return f"{tab.origin}/api/performance/history?range=15m" in tab.asked

    await until(asked_for_more)
    jobs = tab.page.get_by_role("link", name="Jobs")
    await focus_by_tab(tab, jobs, backwards=True)
    await tab.page.keyboard.press("Enter")
    await expect(jobs).to_have_attribute("aria-current", "page")


async def focus_by_tab(tab: Tab, element: Locator, *, backwards: bool = False) -> None:
    """Press Tab until it has the focus."""
    for _ in range(20):
        if await element.evaluate("element => element === document.activeElement"):
            return
        await tab.page.keyboard.press("Shift+Tab" if backwards else "Tab")
    pytest.fail(f"cannot be reached by keyboard: {element}")


async def test_a_flood_of_lines_can_be_followed_searched_and_stopped(
    demo: Stack, open_tab: OpenTab, job_id: str
) -> None:
    async with JobLogEmitter(demo.redis_url, job_id, patience=30) as job:

        async def is_known() -> bool:
            async with http_client(f"http://127.0.0.1:{demo.port}") as http:
                return (await http.get(f"/api/jobs/{job_id}")).is_success

        await until(is_known)
        tab = await open_tab(demo, f"/jobs/{job_id}")
        panel = tab.page.get_by_role("region", name=f"Job {job_id}")
        log, status = panel.get_by_role("log"), panel.get_by_role("status").first
        await expect(status).to_have_text("Live")
        for number in range(1, FLOOD + 1):
            level = job.error if number % RARE == 0 else job.info
            await level(f"line {number} of the flood")
            if number % BURST == 0:
                await expect(log).to_contain_text(f"line {number} of the flood")
        await expect(panel).to_contain_text(f"{FLOOD:,} lines")
        assert await log.locator("bdi").count() < 300
        await panel.get_by_role("button", name="Pause").click()
        await job.info("one more")
        await expect(panel.get_by_role("button", name="Pause")).to_contain_text("1 new")
        assert "one more" not in await log.inner_text()
        await panel.get_by_role("button", name="Pause").click()
        await expect(log).to_contain_text("one more")
    await expect(status).to_have_text("Completed")
    await panel.get_by_label("Level").select_option("ERROR")
    await expect(panel).to_contain_text(f"{FLOOD // RARE} of {FLOOD + 1:,} lines")
    await panel.get_by_label("Search in this log").fill(f"line {FLOOD // 2} ")
    await expect(panel).to_contain_text(f"1 of {FLOOD + 1:,} lines")
    await expect(log).to_contain_text(f"line {FLOOD // 2} of the flood")
    assert await log.locator("bdi").count() == 1
