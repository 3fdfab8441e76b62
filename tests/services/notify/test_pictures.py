"""The picture of an event is fetched from known places, and never much."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hsi_service.origins import Origin
from services.notify import pictures
from services.notify.pictures import Pictures, origin_of

JPEG = b"\xff\xd8\xff\xe0 and so on"


class Place(ThreadingHTTPServer):
    """Where pictures are."""

    daemon_threads = True

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Place

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/picture.jpg")
            self.end_headers()
            return
        self.send_response(404 if self.path == "/gone" else 200)
        self.end_headers()
        with contextlib.suppress(OSError):
            if self.path == "/page":
                self.wfile.write(b"<html>")
            elif self.path == "/endless":
                while True:
                    self.wfile.write(JPEG * 1000)
            else:
                self.wfile.write(JPEG)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving_pictures() -> Iterator[Place]:
    """Serve pictures."""
    place = Place()
    thread = threading.Thread(target=place.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield place
    finally:
        place.shutdown()
        place.server_close()
        thread.join()


async def test_only_a_picture_is_fetched_and_only_from_a_known_place_without_detours() -> None:
    with serving_pictures() as place, serving_pictures() as unknown:
        base = f"http://127.0.0.1:{place.server_port}"
        known = Pictures([Origin("http", "127.0.0.1", place.server_port)], dashboard="")
        found = await known.fetch(f"{base}/picture.jpg")
        assert found is not None
        assert (found.content, found.kind, found.name) == (JPEG, "image/jpeg", "event.jpg")
        for path in ("/page", "/gone", "/elsewhere", "/endless"):
            assert await known.fetch(base + path) is None
        assert place.asked.count("/picture.jpg") == 1
        assert await known.fetch(f"http://127.0.0.1:{unknown.server_port}/picture.jpg") is None
        assert unknown.asked == []


async def test_a_place_that_does_not_answer_costs_the_picture_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    known = Pictures([Origin("http", "127.0.0.1", 1)], dashboard="")
    assert await known.fetch("http://127.0.0.1:1/secret.jpg") is None
    assert "a picture cannot be fetched" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("image_url", "address"),
    [
        ("/media/7.jpg", "https://home.example/media/7.jpg"),
        ("https://home.example/x.jpg", "https://home.example/x.jpg"),
        ("http://frigate.lan:5000/api/7.jpg", "http://frigate.lan:5000/api/7.jpg"),
        ("//evil.example/x.jpg", None),
        ("/\\evil.example/x.jpg", None),
        ("http://home.example/x.jpg", None),
        ("https://home.example:8443/x.jpg", None),
        ("https://user@home.example/x.jpg", None),
        ("https://home.example@evil.example/x.jpg", None),
        ("https://evil.example#@home.example/", None),
        ("http://169.254.169.254/latest/meta-data", None),
        ("file:///etc/passwd", None),
        ("https://[::1", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_of_a_stranger_leads_nowhere_else(
    image_url: str | None, address: str | None
) -> None:
    frigate = origin_of("http://frigate.lan:5000/")
    assert frigate
    known = Pictures([frigate], dashboard="https://home.example/hsi/")
    assert known.where(image_url) == address


def test_a_path_leads_nowhere_where_the_dashboard_is_not_known() -> None:
    assert Pictures([], dashboard="").where("/media/7.jpg") is None


async def test_a_picture_that_is_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 3)
    with serving_pictures() as place:
        known = Pictures([Origin("http", "127.0.0.1", place.server_port)], dashboard="")
        assert await known.fetch(f"http://127.0.0.1:{place.server_port}/picture.jpg") is None
