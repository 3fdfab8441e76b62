"""The dashboard's files: built once with the wheel's Node, served by Caddy with a strict policy."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx
import pytest

from hsi.settings import SettingsError, load
from local.dashboard import DashboardServer
from local.processes import Process, free_port
from local.stack import StackSettings

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "connect-src": "'self'",
    "frame-ancestors": "'none'",
    # Where no other is named (MEDIA_ORIGINS), events' pictures and clips come from here alone.
    "img-src": "'self' data: ",
    "media-src": "'self' ",
    "base-uri": "'none'",
    "form-action": "'none'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "hsi-worker",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DashboardServer]:
    """A few files, as a build leaves them."""
    folder = tmp_path_factory.mktemp("a dashboard")
    files = folder / "dist"
    (files / "assets").mkdir(parents=True)
    (files / "index.html").write_text("<!doctype html>the page")
    (files / "icon.svg").write_text("<svg/>")
    (files / "worker.js").write_text("work();")
    (files / "manifest.webmanifest").write_text("{}")
    (files / ".sources").write_text("a stamp")
    (files / "assets" / "letters-3c4d.woff2").write_bytes(bytes(8))
    (files / "assets" / "app-1a2b.js").write_text("work();" * 1000)
    home = folder / "home"
    home.mkdir()
    with pytest.MonkeyPatch.context() as environment:
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            environment.setenv(name, str(home))
        server = DashboardServer(port=free_port(), log=folder / "caddy.log", files=files)
    server.start()
    yield server
    server.stop()
    assert [*home.iterdir()] == [], "Caddy keeps something"


def ask(server: Process, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    return httpx.request(method, server.url + path, headers=headers, timeout=10)


def until_up(server: Process) -> None:
    """Wait until something answers, whatever it is."""
    for _ in range(500):
        try:
            ask(server, "/")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    pytest.fail(server.log_tail())


def is_page(response: httpx.Response) -> bool:
    return response.status_code == 200 and response.text == "<!doctype html>the page"


@pytest.mark.parametrize("path", ["/", "/jobs", "/jobs/", "/jobs/backup-v1.2", "/a/b/c?d=e.f"])
def test_every_path_of_the_dashboard_is_its_page(served: DashboardServer, path: str) -> None:
    response = ask(served, path)
    assert is_page(response)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    # The one page that names all other files has to be the latest, and whole.
    assert response.headers["Cache-Control"] == "no-cache"
    assert not {"ETag", "Last-Modified"} & set(response.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/app-0000.js",
        "/assets/",
        "/assets/none",
        "/favicon.ico",
        "/.sources",
        "/api/none",
        "/ws/none",
        "/health/none",
        "/assets/..%2f.sources",
    ],
)
def test_what_is_missing_is_not_the_page_and_is_not_kept(
    served: DashboardServer, path: str
) -> None:
    response = ask(served, path)
    assert response.status_code == 404
    assert response.headers["Cache-Control"] == "no-cache"


def test_what_never_changes_is_kept_for_a_year_and_travels_compressed(
    served: DashboardServer,
) -> None:
    for encoding in ("gzip", "zstd"):
        with httpx.stream(
            "GET", f"{served.url}/assets/app-1a2b.js", headers={"Accept-Encoding": encoding}
        ) as response:
            assert response.status_code == 200
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
            assert response.headers["Content-Encoding"] == encoding
            assert sum(map(len, response.iter_raw())) < 1000
    font = ask(served, "/assets/letters-3c4d.woff2")
    assert (font.status_code, font.headers["Content-Type"]) == (200, "font/woff2")
    icon = ask(served, "/icon.svg")
    assert (icon.status_code, icon.headers["Cache-Control"]) == (200, "no-cache")
    assert ask(served, "/icon.svg", **{"If-None-Match": icon.headers["ETag"]}).status_code == 304


def test_the_worker_is_whole_each_time_and_the_manifest_has_its_type(
    served: DashboardServer,
) -> None:
    worker = ask(served, "/worker.js")
    assert (worker.status_code, worker.headers["Cache-Control"]) == (200, "no-cache")
    assert worker.headers["Content-Type"] == "text/javascript; charset=utf-8"
    # A browser that got 304 for another build would keep the old worker.
    assert not {"ETag", "Last-Modified"} & set(worker.headers)
    manifest = ask(served, "/manifest.webmanifest")
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    assert manifest.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 200),
        ("/jobs", "HEAD", 200),
        ("/assets/app-1a2b.js", "GET", 200),
        ("/assets/none.js", "GET", 404),
        ("/health/ready", "GET", 200),
        ("/", "POST", 405),
    ],
)
def test_every_answer_has_the_policy(
    served: DashboardServer, path: str, method: str, status: int
) -> None:
    response = ask(served, path, method)
    assert response.status_code == status
    parts = response.headers["Content-Security-Policy"].split("; ")
    policy = dict(part.split(" ", 1) for part in parts)
    assert POLICY.items() <= policy.items()
    assert not any("unsafe" in part or "*" in part for part in parts)
    assert {name: response.headers.get(name) for name in HEADERS} == HEADERS
    assert "Server" not in response.headers


@pytest.fixture(scope="module")
def with_media(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], AbstractContextManager[DashboardServer]]:
    """Serve with a setting of where pictures and clips are."""

    @contextmanager
    def serve(origins: str) -> Iterator[DashboardServer]:
        folder = tmp_path_factory.mktemp("media")
        server = DashboardServer(
            port=free_port(), log=folder / "caddy.log", files=folder, media_origins=[origins]
        )
        (folder / "index.html").write_text("the page")
        server.spawn()
        try:
            yield server
        finally:
            server.stop()

    return serve


def test_pictures_and_clips_may_come_from_the_origins_that_the_setting_names(
    with_media: Callable[[str], AbstractContextManager[DashboardServer]],
) -> None:
    with with_media("https://nvr.example:8971,http://10.0.0.7") as server:
        server.wait_ready()
        policy = ask(server, "/").headers["Content-Security-Policy"]
    assert "img-src 'self' data: https://nvr.example:8971 http://10.0.0.7; " in policy
    assert "media-src 'self' https://nvr.example:8971 http://10.0.0.7; " in policy
    assert "script-src 'self'; " in policy


def test_what_is_no_list_of_origins_is_no_part_of_a_policy(
    with_media: Callable[[str], AbstractContextManager[DashboardServer]],
) -> None:
    with with_media("https://nvr.example; script-src *") as server:
        until_up(server)
        for path in ("/", "/health/ready"):
            response = ask(server, path)
            assert (response.status_code, response.text.split(":")[0]) == (503, "MEDIA_ORIGINS")


@pytest.mark.parametrize(
    ("origin", "is_one"),
    [
        ("https://nvr.example:8971", True),
        ("http://10.0.0.7", True),
        ("https://nvr.example/clips", False),
        ("https://*.example", False),
        ("nvr.example", False),
        ("https://nvr.example;", False),
        ("https://nvr.example script-src", False),
        ("'unsafe-inline'", False),
        ("javascript:alert(1)", False),
        ("http://[::1]", False),
    ],
)
def test_what_no_policy_can_name_ends_the_start_with_a_line(origin: str, *, is_one: bool) -> None:
    environment = {"MEDIA_ORIGINS": origin}
    if is_one:
        assert load(StackSettings, environment).media_origins == (origin,)
    else:
        with pytest.raises(SettingsError, match=r"^MEDIA_ORIGINS=[^\n]+expected http"):
            load(StackSettings, environment)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/icon.svg", "/assets/none.js", "/health/ready"])
def test_there_is_nothing_but_reading(served: DashboardServer, path: str, method: str) -> None:
    response = ask(served, path, method)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
