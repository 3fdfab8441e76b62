"""`hsi tail job` of a job that is not there; of one that is, the joblogs service's tests tell."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from click.testing import CliRunner

from hsi.cli.commands import main
from tests.hsi.cli.test_commands import hsi

WHY = "no job nightly is known here: it has not begun, or it is over for long"


@contextmanager
def answering(detail: str) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Serve 404 with this detail; yield where, and what was asked for with which key."""
    asked: list[tuple[str, str | None]] = []

    class Missing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append((self.path, self.headers["X-API-Key"]))
            body = json.dumps({"detail": detail}).encode()
            self.send_response(404)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Missing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_job_that_does_not_exist_is_said_not_to_and_not_waited_for() -> None:
    with answering(WHY) as (server, asked):
        done = hsi("tail", "job", "nightly", "--server", server, HSI_API_KEY="a-key")
    assert (done.returncode, done.stdout) == (os.EX_NOINPUT, "")
    assert done.stderr == f"Error: no such job: {WHY} (--wait waits for it)\n"
    assert asked == [("/api/jobs/nightly", "a-key")]


def test_a_key_in_a_file_is_for_both_the_question_and_the_stream() -> None:
    with answering("Not Found") as (server, asked):
        told = CliRunner().invoke(
            main,
            ["tail", "job", "nightly", "--server", server, "--api-key-file", "-"],
            input="a-key\n",
        )
    # It goes on: a server without /api/jobs may have streams all the same.
    assert "HTTP 404" in told.stderr
    assert "no such job" not in told.stderr
    assert asked[0] == ("/api/jobs/nightly", "a-key")
    assert asked[1][0].startswith("/ws/jobs/nightly/logs")
