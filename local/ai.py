"""The demo's stand-ins for yolo26 and nemotron, over real HTTP: figures that move and mean nothing.

`python -m local.ai yolo26 PORT` or `python -m local.ai nemotron PORT`, until it is ended.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local.processes import Process, is_up

Answers = dict[str, Callable[[float], Any]]
"""What each path answers, by the time in seconds."""


def wave(now: float, *, least: float, most: float, period: float) -> float:
    """Return a value that swings between two others, once in `period` seconds."""
    swing = (1 + math.sin(2 * math.pi * now / period)) / 2
    return round(least + (most - least) * swing, 2)


def yolo26_health(now: float) -> dict[str, Any]:
    """Answer as yolo26 does."""
    return {
        "status": "healthy",
        "model_loaded": True,
        "device": "cuda:0",
        "model_name": "[demo] yolo26",
        "vram_used_gb": wave(now, least=5.8, most=6.4, period=90),
        "gpu_utilization": wave(now, least=5, most=70, period=40),
        "temperature": wave(now, least=48, most=66, period=120),
        "power_watts": wave(now, least=30, most=140, period=40),
    }


def nemotron_slots(now: float) -> list[dict[str, Any]]:
    """Answer as llama.cpp does, with two slots that are busy now and then."""
    return [
        {"id": slot, "n_ctx": 4096, "is_processing": math.sin(now / (5 + 3 * slot)) > 0}
        for slot in range(2)
    ]


ANSWERS: dict[str, Answers] = {
    "yolo26": {"/health": yolo26_health},
    "nemotron": {"/health": lambda _: {"status": "ok"}, "/slots": nemotron_slots},
}


class StandIn(Process):
    """One of them, as a process of its own."""

    def __init__(self, service: str, *, port: int, log: Path) -> None:
        """Set the program up; `start` runs it.

        Args:
            service: yolo26 or nemotron.
            port: Port on 127.0.0.1.
            log: File for its log.

        """
        super().__init__(
            f"demo {service}",
            [sys.executable, "-m", "local.ai", service, str(port)],
            url=f"http://127.0.0.1:{port}",
            log=log,
        )

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        return is_up(f"{self.url}/health")


def serve(answers: Answers, port: int) -> None:
    """Answer on a port of 127.0.0.1, for ever."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer = answers.get(self.path)
            body = json.dumps(answer(time.time()) if answer else {}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing of each request."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    serve(ANSWERS[sys.argv[1]], int(sys.argv[2]))
