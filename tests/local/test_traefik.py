"""The ingress of `make run`."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.processes import ask, free_port
from local.routes import PAGES
from local.traefik import Traefik, configuration

pytestmark = pytest.mark.server


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def pages() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_who_leaves_out_the_base_path_or_its_slash_is_led_to_the_pages(
    tmp_path: Path, pages: str
) -> None:
    ingress = Traefik(tmp_path, port=free_port(), routes={PAGES: [pages]}, base="/hsi/v2/")
    try:
        ingress.start()
        for path, location in (
            ("", "/hsi/v2/"),
            ("/", "/hsi/v2/"),
            ("/hsi/v2", "/hsi/v2/"),
            ("/hsi/v2?theme=dark&x=%2F", "/hsi/v2/?theme=dark&x=%2F"),
        ):
            answer = ask(ingress.url + path)
            assert (answer.status_code, answer.headers.get("location")) == (302, location), path
        assert ask(f"{ingress.url}/hsi/v2/events?x=1").text == "/events?x=1"
        assert ask(f"{ingress.url}/hsi").status_code == 404
    finally:
        ingress.stop()


def test_without_a_base_path_nothing_is_led_elsewhere() -> None:
    routes = {PAGES: ["http://127.0.0.1:1"]}
    assert len(configuration(routes)["http"]["routers"]) == 1
    assert "middlewares" not in configuration(routes)["http"]
