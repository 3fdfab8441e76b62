"""Servers at a test's mercy: Redis (embedded, or in a container), PostgreSQL, AI services, all."""

import asyncio
import contextlib
import json
import math
import os
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import psutil
import pytest
import uvicorn
from litestar import Litestar
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry
from testcontainers.core.container import DockerContainer

from hsi.cli.redis_users import RedisUsers
from hsi_service.skeleton.server import connection_factory
from local.postgres import EmbeddedPostgres
from local.processes import Process, free_port
from local.redis import EmbeddedRedis, answers

CONTAINER_IMAGE = "redis:7"
ROOT = Path(__file__).parent.parent
ALL = "on nopass ~* &* +@all"
"""What a user may do who may do all."""
USERS = RedisUsers({})
_CHANNELS_OF_TESTS = {
    "events": (
        " &security_events:* %R~{security_events:*}:history %R~{security_events:*}:number"
        " %R~{security_events:*}:since (resetchannels ~{security_events:*}:since +set)"
        " (resetchannels ~{security_events:*}:seen +watch +hget +hmget +hlen +hgetall +hset +hdel"
        " +del) (resetchannels &security_events:* +publish)"
        " (resetchannels ~{security_events:*}:history ~{security_events:*}:number"
        " ~{security_events:*}:sender:* +evalsha) (resetchannels ~{security_events:*}:history +xadd"
        " +xdel +xlen +xrange +xrevrange +xsetid +xtrim +memory|usage +expire) (resetchannels"
        " ~{security_events:*}:number ~{security_events:*}:sender:* +get +set +expire)"
    ),
    "mqtt": (
        " &security_events:* %R~{security_events:*}:*"
        " (resetchannels &security_events:* +publish)"
        " (resetchannels ~{security_events:*}:* +fcall)"
        " (resetchannels ~{security_events:*}:history +xadd +xdel +xlen +xrange +xrevrange"
        " +xsetid +xtrim +memory|usage +expire)"
        " (resetchannels ~{security_events:*}:number ~{security_events:*}:sender:*"
        " ~{security_events:*}:once:* +get +set +incr +expire)"
        " (resetchannels ~{security_events:*}:since +set +expire)"
    ),
    "notify": " &security_events:* %R~{security_events:*}:*",
    "producer": " &security_events:* ~{security_events:*}:*",
}
"""Each test has a channel of its own (conftest.channel), and all of them share a Redis."""


def acl_of_tests() -> list[str]:
    """Return what is shipped, for channels of tests too; tests themselves may do all."""
    lines = USERS.acl(default=ALL).splitlines()
    return [line + _CHANNELS_OF_TESTS.get(line.split()[1], "") for line in lines]


def as_user(user: str, redis_url: str) -> str:
    """Return the URL with which a service has no more rights than it is shipped with.

    An outside Redis knows no such users, and one whose URL has credentials has its own.
    """
    if redis_url == os.environ.get("REDIS_URL") or "@" in redis_url:
        return redis_url
    return USERS.url(user, redis_url)


def denied(redis_url: str) -> list[Any]:
    """Return what was denied to users of ours, as Redis tells it; nothing if it is away."""
    once = Retry(NoBackoff(), 0)
    try:
        with Redis.from_url(
            redis_url, decode_responses=True, socket_timeout=1, retry=once
        ) as redis:
            return [entry for entry in redis.acl_log() if entry["username"] in USERS.names]
    except (RedisError, OSError):
        return []


def close_connections(redis_url: str) -> None:
    """Have Redis close all connections; a client in this thread has not noticed when it returns."""
    with Redis.from_url(redis_url) as redis:
        redis.client_kill_filter(_type="normal", skipme=True)


@contextlib.contextmanager
def busy(redis_url: str) -> Iterator[None]:
    """Keep a Redis busy with a script, so that it refuses all commands."""
    with Redis.from_url(redis_url, retry=Retry(NoBackoff(), 0)) as redis:
        redis.config_set("lua-time-limit", 10)
        script = threading.Thread(target=_run_without_end, args=(redis_url,))
        script.start()
        deadline = time.monotonic() + 30
        with contextlib.suppress(ResponseError):
            while redis.ping():
                assert time.monotonic() < deadline, "Redis is not busy"
        try:
            yield
        finally:
            redis.script_kill()
            script.join()


def _run_without_end(redis_url: str) -> None:
    with Redis.from_url(redis_url, socket_timeout=None) as redis, pytest.raises(ResponseError):
        redis.eval("while true do end", 0)


_CLOCK_AHEAD = """
import runpy, sys, time
from datetime import UTC, datetime
machines, ahead, period = time.time, float(sys.argv[1]), float(sys.argv[2])
time.time = lambda: machines() + (-ahead if machines() // period % 2 else ahead)
import hsi.schemas.base
hsi.schemas.base.now = lambda: datetime.fromtimestamp(time.time(), UTC)
runpy.run_module(sys.argv[3], run_name="__main__")
"""
"""A program that runs another as if this machine's clock were so many seconds ahead, or stepped."""


def with_clock_ahead(seconds: float, module: str, *, steps_every: float = math.inf) -> list[str]:
    """Return the command that runs a module as if this machine's clock were ahead.

    Args:
        seconds: By which it is.
        module: To be run.
        steps_every: Seconds after which it is set to be as much behind, and after as many ahead.

    """
    return [sys.executable, "-c", _CLOCK_AHEAD, str(seconds), str(steps_every), module]


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
    """An embedded one; or another program's."""

    def __init__(
        self, folder: Path, *, users: str | None = None, program: str | None = None
    ) -> None:
        users = users or "".join(f"{line}\n" for line in acl_of_tests())
        super().__init__(folder, port=free_port(), users=users)
        self.command[0] = program or self.command[0]

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)


class ContainerRedis:
    """One in a Docker container, by testcontainers."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        settings = {"protected-mode": "no", "appendonly": "yes", "appendfsync": "always"}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        users = [word for line in acl_of_tests() for word in f"--{line}".split()]
        self._container = DockerContainer(CONTAINER_IMAGE).with_command(
            ["redis-server", *words, "--save", "", *users]
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


class Stack(Process):
    """`python -m local`, which is `make run`, in a folder of its own."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = free_port()
        own = {"PORT": str(self.port), "PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}"}
        environment = os.environ | own | settings
        self._folder = folder
        super().__init__(
            "stack",
            ["env", "-C", folder, sys.executable, "-m", "local"],
            url=f"ws://127.0.0.1:{self.port}",
            log=folder / "stack.log",
            environment=environment,
        )

    def is_ready(self) -> bool:
        return "Stop: Ctrl-C" in self.log_tail()

    def wait_ready(self, timeout: float = 60) -> None:
        super().wait_ready(timeout)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children(recursive=True)

    def replicas(self, module: str) -> list[psutil.Process]:
        """Return the replicas of a service that run."""
        found = []
        for child in self.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                if module in child.cmdline():
                    found.append(child)
        return found

    def settings_of(self, module: str) -> dict[str, str]:
        """Return the environment of the first replica of a service."""
        return self.replicas(module)[0].environ()

    @property
    def redis_url(self) -> str:
        """The Redis of its services, for whoever is on this machine."""
        url = urlsplit(self.settings_of("services.events")["REDIS_URL"])
        return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()


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

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # whoever asked has left
            super().handle_error(request, client_address)

    def end(self) -> None:
        self.ending.set()
        self.shutdown()
        self.server_close()
        for connection in tuple(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class AiServer:
    """An AI service over real HTTP, that does to each path what it is told to."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.behaviours: dict[str, Behaviour] = {}
        self._tls = tls
        self.asked: list[str] = []
        self._http: _Http | None = None

    def start(self) -> None:
        """Listen, at first or again."""
        self._http = _Http(self.port)
        self._http.behaviours, self._http.asked = self.behaviours, self.asked
        if self._tls:
            self._http.socket = self._tls.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._http:
            self._http.end()
            self._http = None


def says(body: Any, *, status: int = 200) -> Behaviour:
    """FinalResponse with JSON, or with bytes as they are."""

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
    """FinalResponse a byte at a time, so that something always arrives."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.ending.wait(0.05):
        handler.wfile.write(b" ")


def floods(handler: AiHandler) -> None:
    """FinalResponse without end, as fast as it can."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(2**60))
    handler.end_headers()
    while not handler.server.ending.is_set():
        handler.wfile.write(b" " * 65536)


def hangs_up(handler: AiHandler) -> None:
    """Close the connection instead of an answer."""
    handler.close_connection = True


def lies(handler: AiHandler) -> None:
    """FinalResponse with something that is not HTTP."""
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    handler.close_connection = True


@contextlib.asynccontextmanager
async def serving(app: Litestar) -> AsyncIterator[tuple[str, int]]:
    """Serve a service's application as it is served, in this process; give its address."""
    async with under_uvicorn(app, http=connection_factory(app), ws="none") as address:
        yield address


@contextlib.asynccontextmanager
async def under_uvicorn(app: Any, **options: Any) -> AsyncIterator[tuple[str, int]]:
    """Serve an application by uvicorn in this process; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app,
            ws_per_message_deflate=False,
            proxy_headers=False,
            log_config=None,
            timeout_graceful_shutdown=1,
            **options,
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign]
        task = asyncio.create_task(server.serve([listening]))
        try:
            while not server.started and not task.done():
                await asyncio.sleep(0.01)
            yield listening.getsockname()
        finally:
            server.should_exit = True
            await task
