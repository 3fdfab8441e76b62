"""Running a service by itself: `python -m services.<name>`, on uvicorn and uvloop."""

import asyncio
import contextlib
import errno
import gc
import importlib
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from litestar import Litestar

from hsi.settings import SettingsError
from hsi_service import logs
from hsi_service.door.proxies import Proxies
from hsi_service.lifecycle import seconds_since_process_start
from hsi_service.skeleton.body_limits import BodyLimits
from hsi_service.skeleton.new_connection import ConnectionFactory
from hsi_service.skeleton.open_requests import OpenRequests
from hsi_service.skeleton.reserve import Reserve
from hsi_service.skeleton.service import Service
from hsi_service.skeleton.streams import Streams
from hsi_service.skeleton.upgrader import Upgrader

logger = logging.getLogger(__name__)

MAX_UNSENT_IN_KERNEL = 128 * 1024
"""Bytes that the kernel may keep unsent for a client.

What it keeps, nobody can take back: a client that is behind should find the latest snapshot, not
megabytes of old ones, and the reason why it was closed.
"""
MAX_UNREAD_IN_KERNEL = 64 * 1024
"""Bytes that the kernel may keep of what a client has sent and nobody has read.

By itself it takes megabytes from each, which are this pod's memory, and work of the kernel's for
what will never be looked at.
"""
EVERYWHERE = "::"
"""The `HOST` that stands for every address of both families."""
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}
LAST_SECONDS = 3.0
"""Seconds after the drain window for connections to end by themselves."""


class Server(uvicorn.Server):
    """uvicorn, except for how it ends (R60).

    uvicorn alone closes every client at once, before the application hears of it. Here SIGTERM
    first drains the service: unready, wait, close clients evenly, then shut down. SIGINT, which is
    a person at a terminal, and any second signal do without the waiting.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._hurry = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say where, and what it took since the process began."""
        await super().startup(sockets)
        if self.started:
            all_listening = [each for server in self.servers for each in server.sockets]
            for listening in all_listening:
                _keep_little(listening)
            logger.info(
                "ready",
                extra={
                    "url": url_of(all_listening[0].getsockname()),
                    "seconds_to_start": round(seconds_since_process_start(), 3),
                    "cpu_seconds_to_start": round(time.process_time(), 3),
                },
            )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then shut down."""
        settings = self._service.settings
        hurry = asyncio.create_task(self._hurry.wait())
        drain = asyncio.create_task(
            self._service.drain(delay=settings.drain_delay, window=settings.drain_window),
        )
        await asyncio.wait({drain, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if not drain.done():
            drain.cancel()
            await self._service.drain(delay=0, window=0)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End after this signal."""
        if self.should_exit or sig == signal.SIGINT:
            self._hurry.set()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as the wish to end, and end with status 0.

        uvicorn raises the signal once more at the end, which makes an orderly stop look like a
        killed process.
        """
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {sig: signal.signal(sig, self.handle_exit) for sig in signals}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)


def url_of(name: tuple[Any, ...]) -> str:
    """Return a URL by which a socket of this name can be reached from this machine."""
    host = _ANYWHERE.get(name[0], name[0])
    return f"http://[{host}]:{name[1]}" if ":" in host else f"http://{host}:{name[1]}"


def listen_on_both(port: int) -> list[socket.socket]:
    """Return sockets that listen on every address of IPv6 and of IPv4, on the same port.

    One socket for both would have IPv4 addresses written as IPv6, which no limit, no trusted proxy
    and no check of loopback would know; and asyncio makes it one of IPv6 alone.

    Args:
        port: 0 takes a free one.

    Raises:
        OSError: It is taken, or there is no IPv6.

    """
    six = _listen(socket.AF_INET6, "::", port)
    try:
        return [six, _listen(socket.AF_INET, "0.0.0.0", six.getsockname()[1])]
    except OSError as error:
        if error.errno in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:  # There is no IPv4.
            return [six]
        six.close()
        raise


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), family=family)


def _keep_little(listening: Any) -> None:
    """Have the kernel keep little of what nobody has taken, in both directions.

    Connections inherit it.
    """
    with contextlib.suppress(OSError):  # Courtesies; a Unix socket has no such thing.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MAX_UNREAD_IN_KERNEL)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_UNSENT_IN_KERNEL)


def _allow_many_connections() -> None:
    """Take as many descriptors as this process may have; a shell often gives it 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError):  # macOS calls it infinity, and grants less
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop of uvloop that says of faults what asyncio says, but for one."""
    loop = uvloop.new_event_loop()
    loop.set_exception_handler(_say)
    return loop


def _say(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # uvloop lets a name be looked up to the end though nobody waits any more, and whoever gave up
    # has said so: without DNS this would come, as an error, every few seconds.
    is_given_up = not isinstance(context.get("future"), asyncio.Task)
    if is_given_up and isinstance(context.get("exception"), socket.gaierror):
        return
    loop.default_exception_handler(context)


def connection_factory(app: Litestar) -> Any:
    """Return what uvicorn is to have for its class of connections (its `http`)."""
    service: Service = app.state["service"]
    proxies = Proxies(service.settings.trusted_proxies)
    reserve = Reserve()
    requests = OpenRequests(
        proxies, service.metrics, reserve, per_address=service.settings.max_connections_per_ip
    )
    upgrader = Upgrader(service, Streams.of(app), proxies, reserve)
    return ConnectionFactory(requests, upgrader.upgrade, BodyLimits.of(app))


def run(application: str) -> None:
    """Run a service until a signal ends it.

    Args:
        application: Module that has it as `app`, e.g. `services.events.app`.

    Exits with status 2 and one line on stderr when a setting cannot be used.

    """
    try:
        app = importlib.import_module(application).app
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 (there is no log yet)
        sys.exit(2)
    # Modules stay: from now on, a collection looks at what clients and messages leave behind.
    gc.freeze()
    gc.enable()
    service: Service = app.state["service"]
    settings = service.settings
    _allow_many_connections()
    logs.configure(level=settings.log_level, form=settings.log_format, service=service.name)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # the application's: `create_app`
        http=connection_factory(app),
        ws="none",  # They are the upgrader's.
        timeout_graceful_shutdown=LAST_SECONDS,  # type: ignore[arg-type]  # wait_for takes floats
        lifespan="on",
    )
    sockets = None
    if settings.host == EVERYWHERE:
        try:
            sockets = listen_on_both(settings.port)
        except OSError as error:
            logger.error(  # noqa: TRY400 (it is no fault of this code: one line)
                "cannot listen on every address, port %s: %s", settings.port, error
            )
            sys.exit(os.EX_UNAVAILABLE)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        server = Server(config, service)
        runner.run(server.serve(sockets))
    sys.exit(0 if server.started else os.EX_UNAVAILABLE)
