"""A person is told, by the page as it is built, in a real Chromium: with its service worker.

Playwright answers no requests for a page that has a worker, so here is a server: the dashboard's
files come from the Caddy that serves them everywhere, and what the services would say is made up,
as docs/protocol.md has it. Pushes come by the browser's own protocol, through no push service.
"""

import asyncio
import gzip
import json
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import uvicorn
from litestar import Litestar, Request, Response, WebSocket, get, route, websocket
from litestar.datastructures import Cookie
from litestar.exceptions import WebSocketDisconnect
from playwright.async_api import Browser, BrowserContext, Locator, Page, Worker, expect
from playwright.async_api import Response as PageResponse
from redis.asyncio import Redis

from hsi import Publisher
from hsi.cli.push import vapid_key
from local.dashboard import BUILT, DashboardServer
from local.processes import free_port
from services.notify.app import create_notify_app
from services.notify.settings import NotifySettings
from tests import push_service
from tests.browser import HEIGHTS, PATIENCE, Tab, chromium, new_context
from tests.clients import golden, until
from tests.servers import ROOT, RedisServer, as_user, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
]
COOKIE = "hsi-session"
WINDOWS = HEIGHTS | {768: 1024}
FIRST_LOAD = 130_000
"""Bytes of JavaScript, gzipped, that the first page may take."""
# What a page or its worker has told, once it is shown. Chromium forgets a notification that it is
# about to show when it is asked for those that it shows, so that is no way to wait for one.
TOLD = """
globalThis.told = [];
const { showNotification } = ServiceWorkerRegistration.prototype;
ServiceWorkerRegistration.prototype.showNotification = async function (title, options) {
  await showNotification.call(this, title, options);
  told.push({ title, ...options });
};
"""
# The same, and that a tab is hidden: a page that nobody looks at has no frames.
WATCH = f"""{TOLD}
let hidden = false;
const frames = requestAnimationFrame;
globalThis.requestAnimationFrame = (work) => (hidden ? 0 : frames(work));
Object.defineProperty(document, "hidden", {{ get: () => hidden }});
globalThis.hide = (isHidden) => {{
  hidden = isHidden;
  document.dispatchEvent(new Event("visibilitychange"));
}};
"""


@dataclass
class Home:
    """A home, and all that it says by HTTP and WebSockets."""

    files: DashboardServer
    history: list[dict[str, Any]] = field(default_factory=list)
    sockets: dict[str, list[WebSocket[Any, Any, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, str, bool]] = field(default_factory=list)
    """Methods and paths below /api, and whether the session's cookie came along."""
    registered: list[tuple[str, Any]] = field(default_factory=list)
    """What devices said of pushes: methods and bodies."""
    push_key: str | None = None
    notify: str | None = None
    """Where a real notify service answers about pushes; None: that is made up, too."""
    asks: bool = False
    """Whether it asks who is there."""
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def publish(self, number: int, level: str, *, ago: float = 0.0) -> str:
        """Have a camera see something; return its cursor."""
        arrived = time.time() - ago
        cursor = f"{round(arrived * 1000)}-{len(self.history)}"
        data = {
            "event_id": number,
            "camera_id": "front_door",
            "risk_level": level,
            "summary": f"Event {number}",
        }
        self.history.append({"cursor": cursor, "type": "event", "data": data})
        for socket in self.sockets.get("events", []):
            await socket.send_json(self.history[-1])
        return cursor

    async def see(self, number: int, level: str) -> None:
        """Have somebody of the household see an event, on another device."""
        seen = {"id": str(number), "seen": True, "at": iso(time.time()), "by": "owner"}
        for socket in self.sockets["events"]:
            await socket.send_json({"type": "event_seen", "data": {**seen, "risk_level": level}})

    @staticmethod
    def state() -> dict[str, Any]:
        return {"now": iso(time.time()), "heard": True}

    def recent(self) -> dict[str, Any]:
        events = [
            {
                "cursor": one["cursor"],
                "arrived_at": iso(int(one["cursor"].partition("-")[0]) / 1000),
                "message": {"type": "event", "data": one["data"]},
            }
            for one in reversed(self.history)
        ]
        known = {"complete": True, "known_since": None, "cursor": None, "next": None}
        return {**self.state(), **known, "events": events}

    def answer(self, path: str, *, is_known: bool) -> tuple[int, Any]:
        """Return the status and the body that a path below /api has."""
        session = {"name": "owner", "scope": "act", "expires_at": "2099-01-01T00:00:00Z"}
        nobody = {"name": "", "scope": "admin", "expires_at": None}
        if self.asks and not is_known:
            return 401, {"detail": "who is there?"}
        door = {"id": "front_door", "name": "Front door", "status": "online", "last_seen_at": None}
        answers: dict[str, Any] = {
            "/api/session": session if self.asks else nobody,
            "/api/events": self.recent(),
            "/api/events/seen": {"now": iso(time.time()), "seen": []},
            "/api/cameras": [door, door | {"id": "garden", "name": "Garden"}],
        }
        if self.push_key is not None:
            answers["/api/push"] = {"public_key": self.push_key}
            answers["/api/push/subscriptions"] = {}
        if path in answers:
            return 200, answers[path]
        return 404, {"detail": "not here"}

    def greeting(self, channel: str, *, resumes: bool) -> list[dict[str, Any]]:
        """Return what a connection begins with."""
        if channel != "events":
            return [json.loads(golden(name)) for name in ("system_status", "performance_update")]
        return [*([] if resumes else self.history), {"type": "ping", **self.state()}]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer, until this ends."""
        server = uvicorn.Server(
            uvicorn.Config(app_of(self), port=self.port, lifespan="off", log_config=None)
        )
        serving = asyncio.create_task(server.serve())

        async def has_started() -> bool:
            return server.started

        try:
            await until(has_started)
            yield
        finally:
            server.should_exit = server.force_exit = True
            await serving


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def app_of(home: Home) -> Litestar:
    """Return what answers for a home."""

    @route("/api/{path:path}", http_method=["GET", "POST", "DELETE"])
    async def api(request: Request[Any, Any, Any]) -> Response[Any]:
        method, path = request.method, request.url.path
        is_known = COOKIE in request.cookies
        if home.notify is not None and path.startswith("/api/push"):
            return await forwarded(request, home.notify)
        home.asked.append((method, path, is_known))
        if (method, path) == ("POST", "/api/session"):
            is_known = await request.json() == {"invite": "code-1"}
        if path == "/api/push/subscriptions":
            home.registered.append((method, await request.json()))
        status, answer = home.answer(path, is_known=is_known)
        cookie = Cookie(key=COOKIE, value="sealed", httponly=True, samesite="strict")
        cookies = [cookie] if method == "POST" and is_known else []
        return Response(answer, status_code=status, cookies=cookies)

    @websocket("/ws/{channel:str}")
    async def listen(socket: WebSocket[Any, Any, Any]) -> None:
        channel = socket.url.path.removeprefix("/ws/")
        await socket.accept()
        for message in home.greeting(channel, resumes="since" in socket.query_params):
            await socket.send_json(message)
        here = home.sockets.setdefault(channel, [])
        here.append(socket)
        with suppress(WebSocketDisconnect):
            while True:
                await socket.receive_text()
                await socket.send_json({"type": "pong", **home.state()})
        here.remove(socket)

    @get(["/", "/{path:path}"])
    async def file(request: Request[Any, Any, Any]) -> Response[bytes]:
        address = home.files.url + request.url.path
        async with httpx.AsyncClient() as http:
            answer = await http.get(address, headers={"Accept-Encoding": "identity"})
        headers = dict(answer.headers)
        kind = headers.pop("content-type", "text/plain")
        headers.pop("content-length", None)
        return Response(
            answer.content, status_code=answer.status_code, headers=headers, media_type=kind
        )

    return Litestar([api, listen, file], openapi_config=None)


async def forwarded(request: Request[Any, Any, Any], url: str) -> Response[Any]:
    """Return what a real service answers, as an ingress does."""
    headers = {name: request.headers[name] for name in ("origin",) if name in request.headers}
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.request(
            request.method, request.url.path, headers=headers, content=await request.body()
        )
    return Response(answer.content, status_code=answer.status_code, media_type="application/json")


# --- what the tests share ---


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    build = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.dashboard", "build", cwd=ROOT
    )
    assert await build.wait() == 0
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def files(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the built page, of which a test may make a newer one."""
    assert browser.is_connected()
    return shutil.copytree(BUILT, tmp_path_factory.mktemp("files") / "dist")


@pytest.fixture(scope="module")
def caddy(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardServer]:
    log = tmp_path_factory.mktemp("caddy") / "caddy.log"
    server = DashboardServer(port=free_port(), log=log, files=files)
    server.start()
    yield server
    server.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def home(caddy: DashboardServer) -> AsyncIterator[Home]:
    home = Home(caddy)
    async with home.serving():
        yield home


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser, home: Home) -> AsyncIterator[BrowserContext]:
    context = await new_context(browser)
    await context.add_init_script(f"{{ {WATCH} }}")
    await context.grant_permissions(["notifications"], origin=home.url)
    yield context
    await context.close()


async def open_page(context: BrowserContext, home: Home, path: str = "/") -> Page:
    """Open the page, and wait until it is live and its worker is there."""
    page = await context.new_page()
    await page.goto(home.url + path)
    await expect(connection(page)).to_have_text("Live")
    await page.evaluate("navigator.serviceWorker.ready.then(() => null)")
    return page


def connection(page: Page) -> Locator:
    return page.get_by_role("region", name="Connection").locator("strong")


async def open_choices(page: Page) -> Locator:
    """Open what a person chooses to be told of."""
    await page.get_by_role("button", name="Be told").click()
    return page.get_by_role("dialog", name="Be told")


async def worker_of(context: BrowserContext) -> Worker:
    """Return the page's worker, which notes from now on what it has told."""
    workers = context.service_workers
    worker = workers[0] if workers else await context.wait_for_event("serviceworker")
    await worker.evaluate(f"() => {{ {TOLD} }}")
    return worker


async def have_told(tellers: Iterable[Page | Worker], count: int) -> list[dict[str, Any]]:
    """Wait until pages or workers have told so many notifications; return them."""
    told: list[dict[str, Any]] = []

    async def is_so() -> bool:
        told[:] = [one for teller in tellers for one in await teller.evaluate("told")]
        return len(told) >= count

    await until(is_so, within=PATIENCE)
    return told


async def notifications(worker: Worker) -> list[dict[str, Any]]:
    """Return what the browser shows."""
    shown: list[dict[str, Any]] = await worker.evaluate(
        """async () => (await registration.getNotifications())
            .map(({ title, body, tag, data }) => ({ title, body, tag, ...data }))"""
    )
    return shown


# --- the page is open ---


async def test_the_title_and_the_icon_count_what_nobody_has_seen_also_in_a_hidden_tab(
    context: BrowserContext, home: Home
) -> None:
    page = await open_page(context, home)
    icon = page.locator('link[rel="icon"]')
    await expect(page).to_have_title("Home Security")
    await page.evaluate("hide(true)")
    await home.publish(1, "low")
    await home.publish(2, "high")
    await expect(page).to_have_title("(1) Look now · Home Security")
    await home.publish(3, "critical")
    await expect(page).to_have_title("(2) Act now · Home Security")
    await expect(icon).to_have_attribute("href", re.compile("^data:image/png;base64,"))
    await home.see(3, "critical")
    await expect(page).to_have_title("(1) Look now · Home Security")
    await home.publish(2, "critical")
    await expect(page).to_have_title("(1) Act now · Home Security")
    await home.see(2, "critical")
    await expect(page).to_have_title("Home Security")
    await expect(icon).to_have_attribute("href", f"{home.url}/icon.svg")


async def test_of_two_hidden_tabs_one_tells_an_event_and_again_when_it_gets_worse(
    context: BrowserContext, home: Home
) -> None:
    await home.publish(1, "critical", ago=60)
    tabs = [await open_page(context, home), await open_page(context, home)]
    choices = await open_choices(tabs[0])
    await choices.get_by_role("checkbox", name="Notifications").check()
    await expect(choices.get_by_role("button", name="Show one")).to_be_visible()
    for tab in tabs:
        await tab.evaluate("hide(true)")

    await home.publish(2, "high")
    await have_told(tabs, 1)
    await home.publish(2, "critical")
    await have_told(tabs, 2)
    await home.publish(3, "low")
    await home.publish(2, "critical")
    await home.publish(4, "high")
    told = await have_told(tabs, 3)
    assert sorted([one["title"], one["tag"], one["renotify"]] for one in told) == [
        ["Act now: Front door", "2 front_door", True],
        ["Look now: Front door", "2 front_door", False],
        ["Look now: Front door", "4 front_door", False],
    ]
    worker = await worker_of(context)
    assert {one["tag"] for one in await notifications(worker)} == {"2 front_door", "4 front_door"}
    await home.see(4, "high")

    async def one_is_left() -> bool:
        return [one["tag"] for one in await notifications(worker)] == ["2 front_door"]

    await until(one_is_left)


async def test_a_click_goes_to_the_event_in_the_tab_that_is_open(
    context: BrowserContext, home: Home
) -> None:
    page = await open_page(context, home)
    choices = await open_choices(page)
    await choices.get_by_role("checkbox", name="Notifications").check()
    await choices.get_by_role("button", name="Close").click()
    await page.evaluate("globalThis.mark = true")
    cursor = await home.publish(1, "high")
    worker = await worker_of(context)
    await have_told([page], 1)
    await page.evaluate(NOTE_PATHS)
    assert await click(worker) == []
    await page.wait_for_function("paths.length > 0")
    assert (await page.evaluate("paths"))[0] == f"/events/{cursor}"
    assert await page.evaluate("globalThis.mark"), "the tab was loaded again"
    assert await notifications(worker) == []


# Each path that the page goes to.
NOTE_PATHS = """
globalThis.paths = [];
addEventListener("pushState", () => paths.push(location.pathname));
"""
# No script may open or focus a window without a person's click, which only the system can make: so
# what the worker asks for is noted, and the rest is as with a click.
CLICK = """async () => {
  const opened = [];
  clients.openWindow = async (url) => { opened.push(url); return null; };
  WindowClient.prototype.focus = async function () { return this; };
  const [notification] = await registration.getNotifications();
  const event = new NotificationEvent("notificationclick", { notification });
  const waits = [];
  event.waitUntil = (work) => waits.push(work);
  dispatchEvent(event);
  await Promise.all(waits);
  return opened;
}"""


async def click(worker: Worker) -> list[str]:
    """Click on the first notification; return the addresses that a new tab is opened for."""
    opened: list[str] = await worker.evaluate(CLICK)
    return opened


# --- no page is open ---


async def test_a_push_is_shown_with_the_page_closed_and_its_click_opens_the_event(
    context: BrowserContext, home: Home
) -> None:
    page = await open_page(context, home)
    worker = await worker_of(context)
    await page.close()
    deliver = await pushes(context, home)
    payload = {
        "title": "Act now: front door",
        "body": "Person at the door",
        "tag": "7 front_door",
        "url": "/events/1795000000000-0",
        "level": "critical",
    }
    await deliver(json.dumps(payload))
    await have_told([worker], 1)
    assert await notifications(worker) == [
        {
            "title": "Act now: front door",
            "body": "Person at the door",
            "tag": "7 front_door",
            "url": f"{home.url}/events/1795000000000-0",
        }
    ]
    await deliver(json.dumps(payload | {"body": "Person at the door, still"}))
    await have_told([worker], 2)
    assert [one["body"] for one in await notifications(worker)] == ["Person at the door, still"]
    assert await click(worker) == [f"{home.url}/events/1795000000000-0"]


@pytest.mark.parametrize("payload", ["", "{", "[]", '{"title":1,"url":"https://evil.example/"}'])
async def test_an_odd_push_is_shown_too_and_leads_to_the_page(
    context: BrowserContext, home: Home, payload: str
) -> None:
    page = await open_page(context, home)
    worker = await worker_of(context)
    await page.close()
    deliver = await pushes(context, home)
    await deliver(payload)
    await have_told([worker], 1)
    (shown,) = await notifications(worker)
    assert (shown["title"], shown["url"]) == ("Home Security", f"{home.url}/")
    assert await click(worker) == [f"{home.url}/"]


async def test_a_device_registers_for_pushes_and_its_worker_again_when_the_browser_ended_it(
    context: BrowserContext, home: Home
) -> None:
    home.push_key = "BPs_-w"
    await context.add_init_script(SUBSCRIBES)
    page = await open_page(context, home)
    choices = await open_choices(page)
    await choices.get_by_role("combobox").select_option("critical")
    await choices.get_by_role("button", name="Turn on").click()
    await expect(choices).to_contain_text("On: this device gets pushes.")
    (method, body), *more = home.registered
    assert (method, more) == ("POST", [])
    assert body["subscription"]["endpoint"] == "https://push.example/BPs_-w"
    assert body["rules"]["min_level"] == "critical"
    assert body["device"].startswith("Chrome on ")

    worker = await worker_of(context)
    home.push_key = "BAnother"
    await worker.evaluate(f"() => {{ {SUBSCRIBES} }}")
    await worker.evaluate(ENDS_SUBSCRIPTION)
    method, again = home.registered[1]
    assert method == "POST"
    assert again["subscription"]["endpoint"] == "https://push.example/BAnother"
    assert (again["rules"], again["device"]) == (body["rules"], body["device"])

    await choices.get_by_role("button", name="Turn off").click()
    await expect(choices.get_by_role("button", name="Turn on")).to_be_visible()

    async def is_told() -> bool:
        return len(home.registered) == 3

    await until(is_told)
    assert home.registered[2] == ("DELETE", {"endpoint": "https://push.example/BPs_-w"})


async def test_what_the_notify_service_sends_to_a_device_that_turned_pushes_on_is_shown_there(
    context: BrowserContext, home: Home, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = push_service.Browser()
    # As a push service's browser; what comes there is handed on by the browser's own protocol.
    keys = json.dumps(browser.subscription())
    await context.add_init_script(
        SUBSCRIBES.replace("`https://push.example/${key}`", json.dumps(browser.endpoint)).replace(
            '{ endpoint, keys: { p256dh: "p", auth: "a" } }', keys
        )
    )
    settings = NotifySettings(
        redis_url=as_user("notify", own_redis.url),
        vapid_private_key=vapid_key(),
        vapid_subject="mailto:me@example.com",
    )
    monkeypatch.setattr("services.notify.notifier.ASK_AGAIN", 0.05)
    with push_service.Server().serving() as service:
        connector = push_service.LeadsTo(service.port)
        monkeypatch.setattr("services.notify.push.PublicOnly", lambda: connector)
        monkeypatch.setattr("services.notify.posting.trust_by_default", lambda: service.trust)
        async with (
            serving(create_notify_app(settings)) as (host, port),
            Redis.from_url(own_redis.url) as redis,
            Publisher(as_user("producer", own_redis.url)) as publisher,
        ):
            home.notify = f"http://{host}:{port}"
            page = await open_page(context, home)
            choices = await open_choices(page)
            await choices.get_by_role("button", name="Turn on").click()
            await expect(choices).to_contain_text("On: this device gets pushes.")

            async def is_followed() -> bool:
                return bool(await redis.keys("consumer:notify:push-*:security_events"))

            await until(is_followed)
            deliver, worker = await pushes(context, home), await worker_of(context)
            published = await publisher.publish("security_events", golden("event"))

            async def has_come() -> bool:
                return bool(service.received)

            await until(has_come)
            await deliver(json.dumps(browser.read(service.received[0].body)))
            await have_told([worker], 1)
            (shown,) = await notifications(worker)
            assert shown["body"] == json.loads(golden("event"))["data"]["summary"]
            assert shown["tag"] == "123 front_door"
            assert shown["url"] == f"{home.url}/events/{published.cursor}"

            await choices.get_by_role("button", name="Turn off").click()
            await expect(choices.get_by_role("button", name="Turn on")).to_be_visible()

            async def is_forgotten() -> bool:
                return not await redis.exists("notify:subscriptions")

            await until(is_forgotten)


# A browser with a push service, of which this machine has none.
SUBSCRIBES = """
let subscription = null;
PushManager.prototype.getSubscription = async () => subscription;
PushManager.prototype.subscribe = async ({ applicationServerKey: key }) => {
  const endpoint = `https://push.example/${key}`;
  const text = atob(key.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = Uint8Array.from(text, (one) => one.charCodeAt(0));
  return (subscription = {
    endpoint,
    options: { applicationServerKey: bytes.buffer },
    toJSON: () => ({ endpoint, keys: { p256dh: "p", auth: "a" } }),
    unsubscribe: async () => { subscription = null; return true; },
  });
};
"""
ENDS_SUBSCRIPTION = """async () => {
  const event = new Event("pushsubscriptionchange");
  const waits = [];
  event.waitUntil = (work) => waits.push(work);
  dispatchEvent(event);
  await Promise.all(waits);
}"""


async def pushes(context: BrowserContext, home: Home) -> Callable[[str], Awaitable[None]]:
    """Return what delivers a push to the home's page, as a push service would."""
    session = await context.new_cdp_session(await context.new_page())
    registrations: asyncio.Queue[str] = asyncio.Queue()

    def note(event: dict[str, Any]) -> None:
        for one in event["registrations"]:
            if one["scopeURL"] == f"{home.url}/" and not one["isDeleted"]:
                registrations.put_nowait(one["registrationId"])

    session.on("ServiceWorker.workerRegistrationUpdated", note)
    await session.send("ServiceWorker.enable")
    async with asyncio.timeout(10):
        registration = await registrations.get()

    async def deliver(data: str) -> None:
        await session.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": home.url, "registrationId": registration, "data": data},
        )

    return deliver


# --- the network fails, the page changes, somebody comes by an invite ---


async def test_without_a_network_the_page_is_there_and_says_when_it_last_heard_anything(
    browser: Browser, caddy: DashboardServer
) -> None:
    home = Home(caddy)
    context = await new_context(browser)
    async with home.serving():
        page = await open_page(context, home)
        await page.wait_for_function("caches.match('/').then((page) => page !== undefined)")
    await page.goto(f"{home.url}/performance")
    await expect(page.get_by_role("heading", name="Performance").first).to_be_attached()
    about = page.get_by_role("complementary", name="About this page")
    await expect(about).to_contain_text("This home was last heard of at")
    tab = Tab(page, home.url)
    assert await tab.inaccessible() == []
    async with home.serving():
        await expect(connection(page)).to_have_text("Live")
        await expect(about).not_to_contain_text("last heard")
        assert await page.evaluate(KEPT) == {"pages": True, "answers": False}
    await context.close()


# Whether the worker has kept the page, and any answer of the services.
KEPT = """async () => {
  const all = [];
  for (const name of await caches.keys()) {
    for (const { url } of await (await caches.open(name)).keys()) all.push(new URL(url).pathname);
  }
  return {
    pages: all.includes("/") && all.some((path) => path.startsWith("/assets/index-")),
    answers: all.some((path) => /^[/](api|ws)[/]/.test(path)),
  };
}"""


async def test_the_services_are_asked_past_the_worker_and_the_pages_parts_come_from_it(
    context: BrowserContext, home: Home
) -> None:
    page = await open_page(context, home)
    await page.wait_for_function("caches.match('/').then((page) => page !== undefined)")
    by_worker: dict[str, bool] = {}
    page.on(
        "response",
        lambda response: by_worker.update(
            {urlsplit(response.url).path: response.from_service_worker}
        ),
    )
    await page.reload()
    await expect(connection(page)).to_have_text("Live")
    answers = {path: is_by for path, is_by in by_worker.items() if path.startswith("/api/")}
    parts = {path: is_by for path, is_by in by_worker.items() if path.endswith(".js")}
    assert len(answers) > 2
    assert not any(answers.values())
    assert parts
    assert all(is_by for path, is_by in parts.items() if path != "/worker.js")


async def test_a_newer_page_waits_until_the_person_wants_it(
    context: BrowserContext, home: Home, files: Path
) -> None:
    page = await open_page(context, home)
    choices = await open_choices(page)
    await choices.get_by_role("combobox").select_option("critical")
    before = {path: path.read_text() for path in (files / "index.html", files / "worker.js")}
    (entry,) = re.findall(r"assets/index-[\w-]+\.js", before[files / "index.html"])
    shutil.copy(files / entry, files / "assets/index-newer.js")
    try:
        for path, text in before.items():
            path.write_text(text.replace(entry, "assets/index-newer.js"))
        await page.evaluate("navigator.serviceWorker.ready.then((one) => one.update())")
        about = page.get_by_role("complementary", name="About this page")
        await expect(about).to_contain_text("A newer version of this page is ready.")
        await expect(choices.get_by_role("combobox")).to_have_value("critical")
        await choices.get_by_role("button", name="Close").click()
        await about.get_by_role("button", name="Load it").click()
        script = page.locator("script[type=module][src]")
        await expect(script).to_have_attribute("src", re.compile("index-newer"))
        await expect(connection(page)).to_have_text("Live")
        await expect(about).not_to_contain_text("newer")
    finally:
        for path, text in before.items():
            path.write_text(text)


async def test_an_invite_lets_a_phone_in_with_the_worker_in_place_and_it_stays_signed_in(
    context: BrowserContext, home: Home
) -> None:
    page = await open_page(context, home)
    home.asks = True
    await page.reload()
    await expect(page.get_by_role("dialog", name="Sign in")).to_be_visible()
    phone = await context.new_page()
    await phone.set_viewport_size({"width": 360, "height": HEIGHTS[360]})
    await phone.goto(f"{home.url}/#invite=code-1")
    await expect(phone.get_by_role("button", name="Account: owner")).to_be_visible()
    assert phone.url == f"{home.url}/"
    assert await Tab(phone, home.url).overflow() == 0
    assert await phone.evaluate("navigator.serviceWorker.controller !== null")
    home.asked.clear()
    await phone.reload()
    await expect(phone.get_by_role("button", name="Account: owner")).to_be_visible()
    await expect(connection(phone)).to_have_text("Live")
    assert all(is_known for _, _, is_known in home.asked)
    assert "code-1" not in await phone.evaluate("JSON.stringify([...performance.getEntries()])")


# --- what a person chooses, and what the browser lets them ---


async def test_the_browser_is_asked_after_a_click_alone_and_what_it_refuses_is_said(
    browser: Browser, home: Home
) -> None:
    context = await new_context(browser)
    await context.add_init_script(REFUSES)
    page = await open_page(context, home)
    choices = await open_choices(page)
    assert await page.evaluate("asked") == 0
    await choices.get_by_role("checkbox", name="Notifications").click()
    await expect(choices).to_contain_text("This browser refuses notifications of this page.")
    assert await page.evaluate("asked") == 1
    await expect(choices.get_by_role("checkbox", name="Notifications")).to_be_disabled()
    await expect(choices).to_contain_text("that is not set up on its server")
    await context.close()


REFUSES = """
globalThis.asked = 0;
let permission = "default";
Object.defineProperty(Notification, "permission", { get: () => permission });
Notification.requestPermission = async () => { asked += 1; return (permission = "denied"); };
"""


async def test_a_page_that_may_not_sound_yet_says_so_until_somebody_clicks(
    browser: Browser, home: Home
) -> None:
    context = await new_context(browser)
    # What was chosen in a session before; nobody has clicked in this page yet.
    await context.add_init_script(
        'localStorage.setItem("hsi.told", JSON.stringify({ sounds: true }))'
    )
    await context.add_init_script(SILENT)
    page = await open_page(context, home)
    await page.evaluate("document.querySelector('[aria-label=\"Be told\"]').click()")
    choices = page.get_by_role("dialog", name="Be told")
    await expect(choices).to_contain_text("plays no sound of this page until somebody has clicked")
    await page.evaluate("globalThis.clicked = true")
    await choices.get_by_role("button", name="Play it").click()
    await expect(choices).not_to_contain_text("plays no sound")
    assert await page.evaluate("tones") > 0
    await context.close()


# Like a browser that wants a click first, as Chromium with a window does.
SILENT = """
globalThis.tones = 0;
const { start } = OscillatorNode.prototype;
OscillatorNode.prototype.start = function (...when) { tones += 1; return start.apply(this, when); };
const { resume } = AudioContext.prototype;
AudioContext.prototype.resume = function () {
  return globalThis.clicked ? resume.call(this) : new Promise(() => {});
};
Object.defineProperty(AudioContext.prototype, "state", {
  get: () => (globalThis.clicked ? "running" : "suspended"),
});
"""


async def test_the_choices_fit_every_width_and_are_accessible_and_remembered(
    context: BrowserContext, home: Home
) -> None:
    tab = Tab(await open_page(context, home), home.url)
    choices = await open_choices(tab.page)
    await choices.get_by_role("radio", name="Only these").check()
    await choices.get_by_role("checkbox", name="Garden").uncheck()
    await choices.get_by_role("checkbox", name="Quiet hours").check()
    await choices.get_by_label("From", exact=True).fill("21:30")
    await choices.get_by_role("checkbox", name="Sound").check()
    await expect(choices.get_by_role("button", name="Play it")).to_be_visible()
    for width, height in WINDOWS.items():
        await tab.page.set_viewport_size({"width": width, "height": height})
        assert await tab.overflow() == 0
        assert await tab.inaccessible() == []
        await tab.shot("be-told")
    kept = await tab.page.evaluate("JSON.parse(localStorage.getItem('hsi.told'))")
    assert (kept["cameras"], kept["quiet"]["from"]) == (["front_door"], "21:30")
    await choices.press("Escape")
    await expect(tab.page.get_by_role("button", name="Be told")).to_be_focused()
    await tab.page.reload()
    choices = await open_choices(tab.page)
    await expect(choices.get_by_role("checkbox", name="Garden")).not_to_be_checked()
    await expect(choices.get_by_role("checkbox", name="Sound")).to_be_checked()


async def test_the_page_can_be_installed_is_small_and_keeps_to_its_policy(
    context: BrowserContext, home: Home
) -> None:
    tab = Tab(await context.new_page(), home.url)
    loaded: list[tuple[str, int]] = []

    async def weigh(response: PageResponse) -> None:
        if response.request.resource_type == "script":
            loaded.append((response.url, len(gzip.compress(await response.body()))))

    tab.page.on("response", weigh)
    await tab.open()
    await tab.says("Live")
    await tab.page.wait_for_load_state("networkidle")
    assert 0 < sum(size for _, size in loaded) < FIRST_LOAD, loaded
    assert not any("TellDialog" in url for url, _ in loaded)
    session = await context.new_cdp_session(tab.page)
    errors = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    # Such contexts are like private windows, which install nothing.
    assert {one["errorId"] for one in errors} <= {"in-incognito"}
    found = await session.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert (manifest["start_url"], manifest["scope"]) == ("./", "./")
    # By default it is where the page begins: so that homes below two paths of a host are two.
    assert "id" not in manifest
    for icon in manifest["icons"]:
        answer = await context.request.get(f"{home.url}/{icon['src']}")
        assert (answer.status, answer.headers["content-type"]) == (200, icon["type"])
    assert tab.wrongs(in_trouble=True) == []
