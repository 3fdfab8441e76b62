"""What this machine's programs get of the environment, and how they are asked whether they run."""

import os
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from local.processes import NotReadyError, Process, ask, forget_postgres, plain_environment


class Greeting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Greeting) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        thread.join()


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9", "nonsense://"])
def test_what_we_started_is_asked_past_every_proxy(
    server: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(variable, proxy)
        monkeypatch.setenv(variable.upper(), proxy)
    assert ask(server).is_success


def test_a_tool_gets_what_every_program_needs_and_nothing_that_changes_what_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("PGOPTIONS", "TRAEFIK_LOG_LEVEL", "CADDY_ADMIN", "all_proxy", "SESSION_SECRET"):
        monkeypatch.setenv(name, "x")
    environment = plain_environment(PORT="8080")
    assert environment["PATH"] == os.environ["PATH"]
    assert environment["PORT"] == "8080"
    assert "x" not in environment.values()


def test_what_is_set_for_another_postgresql_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("PGSERVICE", "home")
    monkeypatch.setenv("PG_COLOR", "always")  # not libpq's
    forget_postgres()
    assert not {"PGSSLMODE", "PGSERVICE"} & set(os.environ)


class Unready(Process):
    def is_ready(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("print('no port', flush=True); input()", "ended with 1"),
        ("import time; time.sleep(60)", ""),
    ],
)
def test_what_does_not_come_up_says_where_its_log_is(
    program: str, why: str, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "events-1.log"
    process = Unready("events-1", [sys.executable, "-c", program], url="", log=log)
    process.spawn()
    try:
        with pytest.raises(NotReadyError) as error:
            process.wait_ready(10 if why else 0.1)
    finally:
        process.kill()
    first, *rest = str(error.value).splitlines()
    assert first == f"events-1 {why or 'was not ready in 0 s'}; its log is {log}"
    assert ("no port" in rest) is bool(why)
