"""Where commands find the services' API, and to whom they give a key."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hsi.cli.api import page_of
from hsi.cli.options import UnusableSettingError
from tests.hsi.cli.test_commands import hsi

KEY = "a-key"


@pytest.mark.parametrize(
    ("server", "page"),
    [
        ("ws://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ("wss://hsi.example", "https://hsi.example/"),
        ("wss://hsi.example/home/", "https://hsi.example/home/"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/"),
    ],
)
def test_the_link_is_of_the_page_beside_the_streams(server: str, page: str) -> None:
    assert page_of(server) == page


@pytest.mark.parametrize(
    "server",
    ["", "hunter2", "file:///hunter2", "ws://", "ws://a:b:c", "ws://u:hunter2@h", "ws://h/?x=1"],
)
def test_what_is_no_server_is_refused_without_being_quoted(server: str) -> None:
    with pytest.raises(UnusableSettingError, match="expected ws://host:port") as caught:
        page_of(server)
    assert "hunter2" not in str(caught.value)


class Redirects(BaseHTTPRequestHandler):
    """Sends everybody elsewhere."""

    def do_POST(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")  # type: ignore[attr-defined]  # an HTTPServer
        self.end_headers()

    def do_GET(self) -> None:
        raise AssertionError("the key was taken elsewhere")

    def log_message(self, *_: object) -> None:
        pass


def test_the_key_goes_to_no_other_server() -> None:
    with HTTPServer(("127.0.0.1", 0), Redirects) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        done = hsi("invite", "--server", f"ws://127.0.0.1:{server.server_port}", HSI_API_KEY=KEY)
        thread.join()
    assert (done.returncode, done.stderr) == (1, "Error: HTTP 302: Found\n")
