"""What stands in front already, NGINX, Caddy or HAProxy, by the configurations that are shipped."""

import asyncio
import contextlib
import functools
import json
import os
import shutil
import ssl
import sysconfig
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from local.dashboard import DashboardServer
from local.processes import Process, free_port, is_free, plain_environment
from local.routes import ROUTES
from tests.clients import golden, has_connections, hear, publish, until
from tests.replicas import Replica
from tests.servers import ROOT, as_user

pytestmark = [pytest.mark.package, pytest.mark.timeout(120)]

PER_ADDRESS = 3
"""Clients that a replica takes from one address."""
FOLDER = ROOT / "deploy/proxy"
PATHS = f"{os.environ.get('PATH', '')}:/usr/sbin:{sysconfig.get_path('scripts')}"


class Flavour(NamedTuple):
    """A program that stands in front, and its file."""

    file: str
    listening: str
    """What the file says of where it listens, and by which certificate."""
    here: Callable[[int, Path], str]
    """The same for a test: a port, and a folder that has the certificate and the key."""
    command: Callable[[Path], list[str]]
    below: str
    """The comment that takes a path away."""
    program: str


def _nginx(file: Path) -> list[str]:
    main = file.with_name("main.conf")
    main.write_text(
        f"daemon off; pid {file.parent}/pid; error_log stderr warn; events {{}}\n"
        f"http {{ access_log off; include {file}; }}\n"
    )
    return ["-p", str(file.parent), "-c", str(main)]


FLAVOURS = {
    "nginx": Flavour(
        "nginx.conf",
        "listen 443 ssl;\n    server_name home.example;\n"
        "    ssl_certificate     /etc/ssl/home.pem;\n    ssl_certificate_key /etc/ssl/home.key;",
        lambda port, folder: (
            f"listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/home.pem;"
            f" ssl_certificate_key {folder}/home.key;"
        ),
        _nginx,
        "# rewrite ^/hsi",
        "nginx",
    ),
    "caddy": Flavour(
        "Caddyfile",
        "home.example {",
        lambda port, folder: (
            "{\n\tadmin off\n\tauto_https off\n\tpersist_config off\n}\n"
            f"https://127.0.0.1:{port} {{\n\ttls {folder}/home.pem {folder}/home.key"
        ),
        lambda file: ["run", "--adapter=caddyfile", f"--config={file}"],
        "# uri strip_prefix",
        "caddy",
    ),
    "haproxy": Flavour(
        "haproxy.cfg",
        "bind :443 ssl crt /etc/haproxy/home.pem",
        lambda port, folder: f"bind 127.0.0.1:{port} ssl crt {folder}/both.pem",
        lambda file: ["-db", "-f", str(file)],
        "# http-request replace-path",
        "haproxy",
    ),
}

PROXIES = {name: shutil.which(flavour.program, path=PATHS) for name, flavour in FLAVOURS.items()}


class Proxy(Process):
    """One of them, with the addresses of a test in its file."""

    def __init__(
        self, name: str, folder: Path, addresses: dict[str, str], *, below: bool = False
    ) -> None:
        flavour = FLAVOURS[name]
        self.port = free_port()
        folder.mkdir()
        authority = trustme.CA()
        shown = authority.issue_cert("127.0.0.1")
        shown.cert_chain_pems[0].write_to_path(folder / "home.pem")
        shown.private_key_pem.write_to_path(folder / "home.key")
        shown.private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
        self.tls = ssl.create_default_context()
        authority.configure_trust(self.tls)
        text = (FOLDER / flavour.file).read_text()
        for there, here in {
            flavour.listening: flavour.here(self.port, folder),
            **addresses,
            **({flavour.below: flavour.below[2:]} if below else {}),
        }.items():
            assert there in text
            text = text.replace(there, here)
        file = folder / flavour.file
        file.write_text(text)
        super().__init__(
            name,
            [PROXIES[name] or "", *flavour.command(file)],
            url=f"https://127.0.0.1:{self.port}",
            log=folder / "log",
            environment=plain_environment(),
        )

    def is_ready(self) -> bool:
        return not is_free(self.port)

    def client(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, verify=self.tls, trust_env=False, **options)

    def dashboard(self, path: str = "/ws/events", *, cookie: str = "", **options: Any) -> connect:
        headers = {"Cookie": cookie} if cookie else {}
        url = self.url.replace("https", "wss") + path
        options = {"additional_headers": headers} | options
        return connect(url, ssl=self.tls, proxy=None, **options)


class Home:
    """Two replicas of events and of system, one of the others, and the pages."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.redis_url = redis_url
        self.channel = "security_events:behind-proxies"
        self.events = [self._replica("events", folder, number) for number in range(2)]
        self.system = [self._replica("system", folder, number) for number in range(2)]
        self.others = [self._replica(name, folder, 0) for name in ("joblogs", "collector")]
        files = folder / "files"
        files.mkdir()
        (files / "index.html").write_text("<h1>Home Security</h1>")
        self.pages = DashboardServer(port=free_port(), log=folder / "pages.log", files=files)
        self.programs: list[Process] = [*self.events, *self.system, *self.others, self.pages]

    def _replica(self, service: str, folder: Path, number: int) -> Replica:
        return Replica(
            service,
            name=f"{service}-{number}",
            port=free_port(),
            log=folder / f"{service}-{number}.log",
            REDIS_URL=as_user(service, self.redis_url),
            REDIS_EVENT_CHANNEL=self.channel,
            TRUSTED_PROXIES="127.0.0.1",
            MAX_CONNECTIONS_PER_IP=str(PER_ADDRESS),
            DRAIN_DELAY="0",
            DRAIN_WINDOW="0",
        )

    def addresses(self) -> dict[str, str]:
        """Return where things are, by where the files say that they are."""
        joblogs, collector = self.others
        here = {
            **{f"80{number}1": replica for number, replica in enumerate(self.events)},
            **{f"80{number}2": replica for number, replica in enumerate(self.system)},
            "8003": joblogs,
            "8004": collector,
            "8006": self.pages,
        }
        return {f"127.0.0.1:{port}": one.url.removeprefix("http://") for port, one in here.items()}


@pytest.fixture(scope="module")
def home(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("home"), redis_url)
    with contextlib.ExitStack() as started:
        for program in home.programs:
            started.callback(program.stop)
            program.spawn()
        for program in home.programs:
            program.wait_ready()
        yield home


@pytest.fixture(params=FLAVOURS)
def name(request: pytest.FixtureRequest) -> str:
    if PROXIES[request.param] is None:
        pytest.skip(f"no {request.param} here; Debian has it: apt install {request.param}")
    return str(request.param)


@pytest.fixture
def proxy(name: str, home: Home, tmp_path: Path, cleanup: Callable[[Process], None]) -> Proxy:
    proxy = Proxy(name, tmp_path / name, home.addresses())
    cleanup(proxy)
    proxy.start()
    return proxy


def cookies_of(client: ClientConnection) -> str:
    """Return what a browser would send the next time."""
    assert client.response is not None
    cookies = SimpleCookie()
    for header in client.response.headers.get_all("Set-Cookie"):
        cookies.load(header)
        assert "secure" in header.lower()
        assert "httponly" in header.lower()
    return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())


async def replica_of(home: Home) -> Replica:
    """Return the replica that has the one client there is."""
    found: list[Replica] = []

    async def one_has_it() -> bool:
        found[:] = [replica for replica in home.events if await has_connections(replica, 1)]
        return len(found) == 1

    await until(one_has_it)
    return found[0]


async def nobody_is_there(home: Home) -> None:
    for replica in home.events:
        await until(functools.partial(has_connections, replica, 0))


async def test_each_route_leads_to_its_service_and_all_else_to_the_pages(proxy: Proxy) -> None:
    async with proxy.client() as http:
        for prefix in (prefix for prefix in ROUTES if prefix.startswith("/api")):
            path = prefix + ("/reset" if prefix == "/api/breaker" else "")
            answer = await http.options(path)
            assert answer.status_code == 204, (path, answer.status_code)
            assert answer.headers["Allow"]
        assert "Home Security" in (await http.get("/events/1-1")).text
        # What is for the inside: here it is a page, or nothing.
        for hidden in ("/metrics", "/status", "/health/live", "/schema", "/api/eventsx"):
            answer = await http.get(hidden)
            assert answer.status_code == 404 or "Home Security" in answer.text, hidden
    for path in ("/ws/events", "/ws/system", "/ws/jobs/j1/logs"):
        async with proxy.dashboard(path):
            pass


async def test_a_client_comes_back_to_its_replica_and_to_the_other_where_that_is_gone(
    proxy: Proxy, home: Home
) -> None:
    await nobody_is_there(home)
    async with proxy.dashboard() as client:
        cookie = cookies_of(client)
        own = await replica_of(home)
    assert cookie
    for _ in range(5):
        await nobody_is_there(home)
        async with proxy.dashboard(cookie=cookie):
            assert await replica_of(home) is own
    own.kill()
    (other,) = (replica for replica in home.events if replica is not own)
    try:

        async def lets_it_in() -> bool:
            try:
                async with proxy.dashboard(cookie=cookie):
                    return await has_connections(other, 1)
            except InvalidStatus:
                return False

        await until(lets_it_in)
    finally:
        own.start()


async def test_both_replicas_clients_hear_an_event_and_a_stream_is_not_held_back(
    proxy: Proxy, home: Home
) -> None:
    async with (
        proxy.dashboard() as client,
        proxy.client(timeout=30) as http,
        http.stream("GET", "/api/events/stream") as stream,
    ):
        assert stream.status_code == 200
        await publish(home.redis_url, home.channel, golden("event"))
        assert json.loads(await hear(client))["type"] == "event"
        async with asyncio.timeout(10):
            async for line in stream.aiter_lines():
                if "batch_id" in line:
                    break


async def test_clients_count_by_their_address_and_not_by_what_they_say_of_it(
    proxy: Proxy, home: Home
) -> None:
    await nobody_is_there(home)
    async with contextlib.AsyncExitStack() as stack:
        cookie = cookies_of(await stack.enter_async_context(proxy.dashboard()))
        for number in range(1, PER_ADDRESS + 1):
            made_up = {"Cookie": cookie, "X-Forwarded-For": f"203.0.113.{number}"}
            another = proxy.dashboard(additional_headers=made_up)
            if number < PER_ADDRESS:
                await stack.enter_async_context(another)
                continue
            with pytest.raises(InvalidStatus, match="429"):
                await another
        await stack.enter_async_context(proxy.dashboard(cookie=cookie, local_addr=("127.0.0.2", 0)))


async def test_all_of_it_is_below_a_path(
    name: str, home: Home, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    proxy = Proxy(name, tmp_path / name, home.addresses(), below=True)
    cleanup(proxy)
    proxy.start()
    async with proxy.client() as http:
        assert "Home Security" in (await http.get("/hsi/")).text
        assert "the cameras cannot be listed" in (await http.get("/hsi/api/cameras")).text
        assert (await http.get("/hsi/api/events?limit=1")).json()["events"] is not None
    async with proxy.dashboard("/hsi/ws/events"):
        pass
