"""The performance page in a real Chromium: charts that a hand, a key and a link move, and alerts.

A week of figures cannot be collected within seconds, so what the page is told is made up here, as
docs/protocol.md has it. The page is the real one, as it is built.
"""

import asyncio
import csv
import io
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, Route, WebSocketRoute, expect

from local.dashboard import BUILT
from tests.browser import Tab, chromium, new_context
from tests.clients import golden, until
from tests.servers import ROOT
from tests.system.test_verdict_page import ORIGIN, Home, iso

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STEPS = {"24h": 120, "7d": 900}
LENGTHS = {"5m": 5 * MINUTE, "15m": 15 * MINUTE, "60m": HOUR, "24h": DAY, "7d": 7 * DAY}
PEAK_AGO = 6 * HOUR
ALERT = json.loads(golden("alert"))["data"]
HOT = {
    **ALERT,
    "id": "gpu_temperature-1",
    "gpu": 1,
    "ended": None,
    "message": "GPU 1 · RTX A400 temperature high: 82C",
}


@dataclass
class Figures(Home):
    """What the services say of a machine with two GPUs, and of its last week."""

    gap: float = 0.0
    """Hours from 12 hours ago in which nobody measured."""
    seen: dict[str, str] | None = None
    """Who has seen the alert."""

    def update(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(golden("performance_update"))["data"]
        gpus = [
            {**data["gpu"], "index": n, "uuid": None, "name": name, "temperature": 50 + 30 * n}
            for n, name in enumerate(("NVIDIA RTX A5500", "NVIDIA RTX A400"))
        ]
        active = {**HOT, "since": iso(time.time() - 20 * MINUTE)}
        return {**data, "gpus": gpus, "timestamp": iso(time.time()), "raised": [active]}

    def points(self, name: str) -> dict[str, Any]:
        """Answer `GET /api/performance/history`."""
        now, length = time.time(), LENGTHS[name]
        times = [now - length * n / 60 for n in range(59, -1, -1)]
        return {"range": name, "points": [{**self.update(), "timestamp": iso(t)} for t in times]}

    def trend(self, name: str) -> dict[str, Any]:
        """Answer `GET /api/performance/trend`."""
        step = STEPS[name]
        last = int(time.time() // step - 1) * step
        began = [last - n * step for n in range(LENGTHS[name] // step - 1, -1, -1)]
        hidden = range(int(last - 12 * HOUR), int(last - (12 - self.gap) * HOUR))
        began = [at for at in began if at not in hidden]
        peak = last - PEAK_AGO
        count = len(began)

        def flat(mean: float, low: float, high: float) -> dict[str, list[float]]:
            return {"mean": [mean] * count, "low": [low] * count, "high": [high] * count}

        cpu = flat(20, 10, 30)
        cpu["mean"] = [20 + 10 * ((at // 3600) % 3) for at in began]
        cpu["high"] = [97 if at <= peak < at + step else 55 for at in began]
        figures = {
            "host.cpu_percent": cpu,
            "host.ram_used_gb": flat(8, 7, 9),
            "host.ram_total_gb": flat(32, 32, 32),
            "gpu.temperature": flat(50, 45, 60),
            "gpus.0.temperature": flat(50, 45, 60),
            "gpus.1.temperature": flat(80, 70, 84),
            "gpu.utilization": flat(45, 5, 90),
            "gpu.power_watts": flat(150, 60, 220),
            "inference.yolo26_latency_ms.avg": flat(45, 40, 80),
            "inference.yolo26_latency_ms.p95": flat(82, 70, 120),
        }
        return {"range": name, "step": step, "began": began, "figures": figures}

    def alerts(self, *, active: bool) -> dict[str, Any]:
        """Answer `GET /api/alerts`."""
        now = time.time()
        told = [self.update()["raised"][0]]
        for n in range(0 if active else 30):
            since = now - (n + 1) * 5 * HOUR
            past = {"id": f"host_cpu-{n}", "metric": "host_cpu", "unit": "%", "peak": 97.0}
            past |= {"since": iso(since), "ended": iso(since + 12 * MINUTE), "threshold": 95.0}
            told.append({**ALERT, "severity": "critical", **past})
        limit = {"gpu_temperature": {"warning": 75, "critical": 85, "unit": "C"}}
        limit["host_cpu"] = {"warning": 80, "critical": 95, "unit": "%"}
        return {"as_of": iso(now), "alerts": told, "limits": limit}

    def listen(self, socket: WebSocketRoute) -> None:
        """Speak as a service does at the other end of a WebSocket."""
        super().listen(socket)
        if urlsplit(socket.url).path == "/ws/system":
            socket.send(json.dumps({"type": "performance_update", "data": self.update()}))

    async def answer(self, route: Route) -> None:
        """Answer what the page asks for by HTTP."""
        address = urlsplit(route.request.url)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == "/performance":
            await route.fulfill(path=BUILT / "index.html", content_type="text/html")
        elif address.path == "/api/performance":
            await route.fulfill(json=self.update())
        elif address.path == "/api/performance/history":
            await route.fulfill(json=self.points(query["range"]))
        elif address.path == "/api/performance/trend":
            await route.fulfill(json=self.trend(query["range"]))
        elif address.path.endswith("/seen"):
            mark = {"at": iso(time.time()), "by": "mother"}
            self.seen = mark if route.request.method == "POST" else None
            await route.fulfill(json={"id": HOT["id"], "seen": self.seen})
        elif address.path == "/api/alerts":
            await route.fulfill(json=self.alerts(active=query.get("active") == "1"))
        else:
            await super().answer(route)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    build = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dashboard", "build", cwd=ROOT
    )
    assert await build.wait() == 0
    async with chromium() as browser:
        yield browser


async def open_page(
    browser: Browser,
    search: str = "",
    *,
    width: int = 1280,
    touch: bool = False,
    gap: float = 0.0,
    scheme: str = "dark",
) -> Page:
    figures = Figures(gap=gap)
    context = await new_context(browser, width=width, has_touch=touch, color_scheme=scheme)
    await context.route("**/*", figures.answer)
    await context.route_web_socket("**/ws/*", figures.listen)
    page = await context.new_page()
    await page.goto(f"{ORIGIN}/performance{search}")
    await expect(chart_of(page, "Host")).to_be_visible()
    return page


def chart_of(page: Page, title: str) -> Locator:
    return page.get_by_role("application", name=re.compile(f"^{title}: "))


async def plot_of(page: Page, title: str) -> dict[str, float]:
    """Return where a chart's lines are drawn."""
    over = chart_of(page, title).locator(".u-over")
    await over.scroll_into_view_if_needed()
    box = await over.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def span_in(url: str) -> tuple[int, int] | None:
    """Return the stretch that an address shows, in milliseconds; None: it follows what is new."""
    query = parse_qs(urlsplit(url).query)
    return (int(query["from"][0]), int(query["to"][0])) if "from" in query else None


async def settled(page: Page, before: str) -> tuple[int, int]:
    """Wait until the address shows another stretch than before, for good, and return it."""
    last = before

    async def is_settled() -> bool:
        nonlocal last
        previous, last = last, page.url
        # The page writes what no longer changes for 0.3 s.
        await asyncio.sleep(0.4)
        return previous == last == page.url != before and span_in(last) is not None

    await until(is_settled, within=20)
    span = span_in(page.url)
    assert span is not None
    return span


def length(span: tuple[int, int]) -> float:
    """Return how long a stretch is, in seconds."""
    return (span[1] - span[0]) / 1000


async def test_dragging_wheel_and_keys_zoom_and_move_all_charts_and_home_goes_back(
    browser: Browser,
) -> None:
    page = await open_page(browser, "?range=24h")
    plot = await plot_of(page, "Host")
    y = plot["y"] + plot["height"] / 2

    async def drag(start: float, end: float) -> None:
        await page.mouse.move(plot["x"] + plot["width"] * start, y)
        await page.mouse.down()
        await page.mouse.move(plot["x"] + plot["width"] * (start + end) / 2, y)
        await page.mouse.move(plot["x"] + plot["width"] * end, y)
        await page.mouse.up()

    before = page.url
    await drag(0.25, 0.75)
    zoomed = await settled(page, before)
    assert length(zoomed) == pytest.approx(DAY / 2, rel=0.02)
    before = page.url
    await page.keyboard.down("Shift")
    await drag(0.5, 0.75)
    await page.keyboard.up("Shift")
    moved = await settled(page, before)
    assert length(moved) == pytest.approx(length(zoomed))
    assert (zoomed[0] - moved[0]) / 1000 == pytest.approx(DAY / 8, rel=0.05)
    before = page.url
    await page.keyboard.down("Control")
    await page.mouse.wheel(0, -300)
    await page.keyboard.up("Control")
    closer = await settled(page, before)
    assert length(closer) < length(moved) / 2
    scrolled = await page.evaluate("scrollY")
    before = page.url
    await page.mouse.wheel(0, 200)

    async def has_scrolled() -> bool:
        return bool(await page.evaluate("scrollY") != scrolled)

    await until(has_scrolled)  # A wheel alone scrolls the page, and no chart.
    assert page.url == before
    await chart_of(page, "Queues").focus()
    for key, factor in (("+", 0.5), ("-", 1.0), ("-", 2.0)):
        before = page.url
        await page.keyboard.press(key)
        assert length(await settled(page, before)) == pytest.approx(length(closer) * factor)
    before, wide = page.url, span_in(page.url)
    await page.keyboard.press("ArrowLeft")
    earlier = await settled(page, before)
    assert wide is not None
    assert earlier[0] < wide[0]
    await page.keyboard.press("Home")
    await expect(page).to_have_url(f"{ORIGIN}/performance?range=24h")
    await expect(page.get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "true")
    await page.context.close()


async def test_a_finger_moves_the_charts_and_two_stretch_them(browser: Browser) -> None:
    page = await open_page(browser, "?range=60m", width=360, touch=True)
    plot = await plot_of(page, "GPU utilization")
    session = await page.context.new_cdp_session(page)
    y = plot["y"] + plot["height"] / 2

    async def touch(kind: str, *places: float) -> None:
        points = [
            {"x": plot["x"] + plot["width"] * place, "y": y, "id": n}
            for n, place in enumerate(places)
        ]
        await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    before = page.url
    await touch("touchStart", 0.2)
    for place in (0.35, 0.5, 0.7):
        await touch("touchMove", place)
    await touch("touchEnd")
    moved = await settled(page, before)
    assert length(moved) == pytest.approx(HOUR)
    assert time.time() - moved[1] / 1000 == pytest.approx(HOUR / 2, rel=0.2)
    before = page.url
    await touch("touchStart", 0.4, 0.6)
    for spread in (0.15, 0.2, 0.25):
        await touch("touchMove", 0.5 - spread, 0.5 + spread)
    await touch("touchEnd")
    pinched = await settled(page, before)
    assert length(pinched) == pytest.approx(HOUR * 0.4, rel=0.1)
    assert sum(pinched) == pytest.approx(sum(moved), abs=2 * 60_000)  # about the same middle
    await page.context.close()


async def test_a_cursor_is_on_all_charts_and_a_key_moves_it_and_says_the_figures(
    browser: Browser,
) -> None:
    page = await open_page(browser, "?range=24h")
    plot = await plot_of(page, "GPU utilization")
    host = page.get_by_role("region", name="Host")
    latest = await host.locator("time").get_attribute("datetime")
    await page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + 20)
    await expect(host.locator("time")).not_to_have_attribute("datetime", latest or "")
    moments = await page.locator("section:has([role=application]) time").evaluate_all(
        "times => times.map(time => time.dateTime)"
    )
    assert len(set(moments)) == 1
    assert len(moments) >= 13
    await page.mouse.move(5, 5)
    await chart_of(page, "Host").focus()
    await page.keyboard.press("Shift+ArrowLeft")
    said = host.get_by_role("status")
    await expect(said).to_contain_text("CPU")
    queues = page.get_by_role("region", name="Queues").locator("time")
    first = await queues.get_attribute("datetime")
    await page.keyboard.press("Shift+ArrowLeft")
    await expect(queues).not_to_have_attribute("datetime", first or "")
    await page.context.close()


async def test_a_legend_hides_lines_by_key_and_a_table_has_what_is_shown(
    browser: Browser, tmp_path: Path
) -> None:
    page = await open_page(browser, "?range=24h")
    host = page.get_by_role("region", name="Host")
    ram = host.get_by_role("button", name="RAM")
    await expect(ram).to_have_attribute("aria-pressed", "true")
    await ram.focus()
    await page.keyboard.press("Space")
    await expect(ram).to_have_attribute("aria-pressed", "false")
    await expect(host).to_contain_text("CPU")
    await expect(chart_of(page, "Host")).not_to_have_accessible_name(re.compile("RAM"))
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download CSV").click()
    download = await downloading.value
    assert re.fullmatch(r"performance-24h-[\dT-]+Z\.csv", download.suggested_filename)
    await download.save_as(tmp_path / "figures.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "figures.csv").read_text())))
    assert len(rows) > 600
    assert "Host: CPU (%)" in rows[0]
    assert "Host: RAM (%)" not in rows[0]
    assert max(float(row["Host: CPU (%), highest"]) for row in rows) == 97
    assert max(float(row["Host: CPU (%)"]) for row in rows) == 40
    assert rows[0]["time (UTC)"] < rows[-1]["time (UTC)"]
    await ram.press("Enter")
    await expect(ram).to_have_attribute("aria-pressed", "true")
    await page.context.close()


async def test_a_link_shows_the_same_and_an_alert_leads_to_its_time_in_its_chart(
    browser: Browser,
) -> None:
    day = round((time.time() - DAY) * 1000)
    search = f"?range=7d&from={day}&to={day + 6 * HOUR * 1000}&gpu=1"
    page = await open_page(browser, search)
    await expect(page.get_by_role("radio", name="7 d")).to_be_checked()
    await expect(page.get_by_role("combobox", name="GPU")).to_have_value("1")
    await expect(chart_of(page, "GPU temperature")).to_have_accessible_name(
        re.compile("GPU 1 80 °C peak 84 °C limit 75 °C")
    )
    alerts = page.get_by_role("region", name="Active alerts")
    await expect(alerts).to_contain_text("GPU 1 · RTX A400 temperature high")
    await alerts.get_by_role("button", name="Past alerts").click()
    past = alerts.get_by_role("list", name="Past alerts").get_by_role("listitem")
    await expect(past).to_have_count(10)
    for part in ("critical", "CPU", "since", "ended", "lasted 12 min", "peak 97 %", "limit 95 %"):
        await expect(past.first).to_contain_text(part)
    await alerts.get_by_role("button", name="Show 10 more").click()
    await expect(past).to_have_count(20)
    before = page.url
    await past.nth(1).get_by_role("link").click()
    span = await settled(page, before)
    assert length(span) == pytest.approx(24 * MINUTE)
    assert page.url.endswith("#host")
    await expect(chart_of(page, "Host")).to_be_in_viewport()
    before = page.url
    await alerts.get_by_role("link", name=re.compile("GPU 1 · RTX A400")).click()
    await settled(page, before)
    assert "gpu=1#gpu-temperature" in page.url
    await page.go_back()
    await expect(page).to_have_url(before)
    await page.context.close()


async def test_an_alert_is_marked_as_seen_and_that_is_taken_back(browser: Browser) -> None:
    page = await open_page(browser)
    alerts = page.get_by_role("region", name="Active alerts")
    await alerts.get_by_role("button", name="I have seen it: GPU 1").click()
    await expect(alerts).to_contain_text("seen by mother")
    await alerts.get_by_role("button", name="Undo").click()
    await expect(alerts).not_to_contain_text("seen by mother")
    await page.context.close()


async def test_charts_are_drawn_in_the_colours_of_the_theme_that_is_chosen(
    browser: Browser,
) -> None:
    page = await open_page(browser, "?range=24h")
    canvas = chart_of(page, "Host").locator("canvas")
    # The marks of its axes are dark on a light ground, and light on a dark one.
    lightest = """canvas => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, 40, canvas.height);
      let most = 0;
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 200) most = Math.max(most, Math.min(...data.slice(at, at + 3)));
      return most;
    }"""
    dark = await canvas.evaluate(lightest)
    await page.emulate_media(color_scheme="light")

    async def is_dark_on_light() -> bool:
        return bool(0 < await canvas.evaluate(lightest) < dark - 30)

    await until(is_dark_on_light, within=10)
    await page.context.close()


@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (360, "dark"),
        (360, "light"),
        (768, "light"),
        (1280, "dark"),
        (1280, "light"),
        (2560, "dark"),
    ],
)
async def test_the_page_fits_its_window_and_axe_finds_nothing(
    browser: Browser, width: int, scheme: str
) -> None:
    page = await open_page(browser, "?range=24h", width=width, gap=2, scheme=scheme)
    tab = Tab(page, ORIGIN)
    alerts = page.get_by_role("region", name="Active alerts")
    await alerts.get_by_role("button", name="Past alerts").click()
    await expect(alerts.get_by_role("listitem").nth(5)).to_be_visible()
    assert await tab.overflow() == 0
    await tab.shot(f"charts-{scheme}")
    if width in {360, 1280}:
        assert await tab.inaccessible() == []
    await page.context.close()
