"""Servers at a test's mercy: Redis (embedded, or in a container), PostgreSQL, AI services."""

import asyncio
import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import psutil
import uvicorn
from litestar import Litestar
from litestar.types import ControllerRouterHandler
from testcontainers.core.container import DockerContainer

from local.postgres import EmbeddedPostgres
from local.processes import free_port
from local.redis import EmbeddedRedis, answers
from shared.wire import UpgradeProtocol

CONTAINER_IMAGE = "redis:7"


class RedisServer(Protocol):
    """A Redis at the test's mercy. It keeps what it acknowledged."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> object: ...

    def kill(self) -> object: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


class OwnRedis(EmbeddedRedis):
    """An embedded one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, port=free_port())

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)


class ContainerRedis:
    """One in a Docker container, by testcontainers."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        self._container = DockerContainer(CONTAINER_IMAGE).with_command(
            "redis-server --protected-mode no --appendonly yes --appendfsync always --save ''"
        )
        # On loopback alone: with_bind_ports() would open it to the network.
        self._container.ports["6379/tcp"] = "127.0.0.1", port  # type: ignore[assignment]  # docker takes it
        self._exists = False

    @property
    def _docker(self) -> Any:
        return self._container.get_wrapped_container()

    def start(self) -> None:
        if self._exists:
            self._docker.start()
        else:
            self._container.start()
            self._exists = True
        # Docker's proxy takes connections before Redis does.
        deadline = time.monotonic() + 30
        while not answers(self.url):
            assert time.monotonic() < deadline, "the container's Redis does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        self._container.stop()

    def kill(self) -> None:
        self._docker.kill()

    def freeze(self) -> None:
        self._docker.pause()

    def thaw(self) -> None:
        self._docker.unpause()


class OwnPostgres(EmbeddedPostgres):
    """A PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, port=free_port(), durable=False)

    def kill(self) -> int | None:
        """End all of it at once: what it made would answer on until it notices."""
        self.freeze()
        children = psutil.Process(self.pid).children(recursive=True)
        status = super().kill()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
                while child.status() != psutil.STATUS_ZOMBIE:
                    time.sleep(0.01)
        return status

    def freeze(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, sig: signal.Signals) -> None:
        # The first one too, and first: it makes the others.
        first = psutil.Process(self.pid)
        first.send_signal(sig)
        for process in first.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(sig)


class AiHandler(BaseHTTPRequestHandler):
    """One connection to an `AiServer`."""

    protocol_version = "HTTP/1.1"
    server: "_Http"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        behave = self.server.behaviours.get(self.path, says({}, status=404))
        with contextlib.suppress(OSError):  # whoever asked has left
            behave(self)

    def log_message(self, *_: Any) -> None:
        pass


Behaviour = Callable[[AiHandler], None]


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.asked: list[str] = []
        self.ending = threading.Event()
        self.connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), AiHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.connections.discard(request)
        super().shutdown_request(request)

    def end(self) -> None:
        self.ending.set()
        self.shutdown()
        self.server_close()
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class AiServer:
    """An AI service over real HTTP, that does to each path what it is told to."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.behaviours: dict[str, Behaviour] = {}
        self.asked: list[str] = []
        self._http: _Http | None = None

    def start(self) -> None:
        """Listen, at first or again."""
        self._http = _Http(self.port)
        self._http.behaviours, self._http.asked = self.behaviours, self.asked
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._http:
            self._http.end()
            self._http = None


def says(body: Any, *, status: int = 200) -> Behaviour:
    """Answer with JSON, or with bytes as they are."""

    def behave(handler: AiHandler) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def hangs(handler: AiHandler) -> None:
    """Take the question, and never answer."""
    handler.server.ending.wait(60)
    handler.close_connection = True


def drips(handler: AiHandler) -> None:
    """Answer a byte at a time, so that something always arrives."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.ending.wait(0.05):
        handler.wfile.write(b" ")


def floods(handler: AiHandler) -> None:
    """Answer without end, as fast as it can."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(2**60))
    handler.end_headers()
    while not handler.server.ending.is_set():
        handler.wfile.write(b" " * 65536)


def hangs_up(handler: AiHandler) -> None:
    """Close the connection instead of an answer."""
    handler.close_connection = True


def lies(handler: AiHandler) -> None:
    """Answer with something that is not HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    handler.close_connection = True


@contextlib.asynccontextmanager
async def in_process(
    handler: ControllerRouterHandler, *, ws: Any, **options: Any
) -> AsyncIterator[tuple[str, int]]:
    """Run uvicorn in this process, with this WebSocket protocol; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            Litestar([handler], logging_config=None),
            http=UpgradeProtocol,
            ws=ws,
            ws_per_message_deflate=False,
            log_config=None,
            timeout_graceful_shutdown=1,
            lifespan="off",
            **options,
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            await serving
