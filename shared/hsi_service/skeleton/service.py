"""The skeleton of every service: bus, hub, health, metrics, status, OpenAPI, drain (R59).

A service adds its routes: `Service(name, settings)`, then `create_app(service, routes)`.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from litestar import Litestar, Response, get, route
from litestar.config.cors import CORSConfig
from litestar.di import NamedDependency, Provide
from litestar.enums import HttpMethod
from litestar.middleware import DefineMiddleware
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ControllerRouterHandler
from msgspec import UNSET, Struct, UnsetType
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hsi import __version__
from hsi.keys import Scope
from hsi.schemas.close_codes import CloseCode
from hsi_service.bus.history import History
from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import BusState, Subscriber
from hsi_service.door.door import LOOK_INTERVAL, Door
from hsi_service.door.http import Doorstep, guard_of
from hsi_service.door.proxies import ProxyHeaders
from hsi_service.fanout.hub import Hub
from hsi_service.fanout.memory import MIB, Budget
from hsi_service.lifecycle import Lifecycle, Phase
from hsi_service.logs import keep_queries_out
from hsi_service.metrics import Metrics
from hsi_service.settings import Settings
from hsi_service.skeleton.application import Application
from hsi_service.skeleton.response_headers import protect
from hsi_service.supervision import Run, Supervisor

logger = logging.getLogger(__name__)

_PROBED = [HttpMethod.GET, HttpMethod.HEAD]
"""How load balancers and monitors ask; the server leaves the body of an answer to HEAD out."""


class Service:
    """What every service has. One per application."""

    def __init__(self, name: str, settings: Settings) -> None:
        """Set up everything; nothing runs yet.

        Args:
            name: events, system, joblogs, collector, mqtt or notify.
            settings: Read with `hsi_service.settings.load`.

        """
        self.name = name
        self.settings = settings
        self.lifecycle = Lifecycle()
        self.metrics = Metrics()
        self.door = Door(settings, self.lifecycle, self.metrics)
        self.subscriber = Subscriber(
            settings.redis_url, name=name, on_outage=self.metrics.redis_outages.inc
        )
        self.probe = Probe(
            settings.redis_url, self.subscriber, name=name, on_deaf=self.metrics.deaf.inc
        )
        self.history = History(settings.redis_url, name=name)
        self.supervisor = Supervisor(self.metrics)
        budget = Budget(
            process=settings.max_unsent_mib * MIB,
            address=settings.max_unsent_mib_per_ip * MIB,
            replay=settings.replay_rate_limit * MIB,
        )
        self.hub = Hub(
            self.subscriber, self.history, self.metrics, self.supervisor, budget, probe=self.probe
        )
        self.metrics.watch(
            self.metrics.redis_connected, lambda: self.subscriber.state is not BusState.CONNECTING
        )
        self.metrics.watch(self.metrics.redis_lag, lambda: self.subscriber.lag or 0.0)
        self.metrics.watch(
            self.metrics.writes_refused, lambda: self.probe.writes_refused is not None
        )
        self.background: dict[str, Run] = {
            "subscriber": self.subscriber.run,
            "heartbeats": partial(self.hub.beat, settings.heartbeat_interval),
            "histories": self.hub.compare_with_histories,
            "probe": self.probe.run,
            "sweep of clients": self.hub.sweep,
            "keys": self._follow_keys,
        }
        """Tasks that run from startup to shutdown, by name."""
        self._starting: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._closing: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._draining: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.reports: dict[str, Callable[[], Struct]] = {}
        """What the service adds of its own to `GET /status`, by name."""

    def on_startup(self, start: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something before this replica turns ready."""
        self._starting.append(start)

    def on_drain(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something as soon as this replica is to end; it may be asked for twice."""
        self._draining.append(job)

    def run_background(self, name: str, run: Run) -> None:
        """Run a task of the service's own from startup to shutdown; should it fail, run it again.

        Args:
            name: Of the task, for people.
            run: Runs until it is cancelled.

        """
        self.background[name] = run

    def on_shutdown(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Close something at shutdown, when all background tasks have ended."""
        self._closing.append(close)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Litestar) -> AsyncIterator[None]:
        """Run the background tasks from startup to shutdown."""
        for name, run in self.background.items():
            self.supervisor.start(name, run)
        for start in tuple(self._starting):
            await start()
        self.lifecycle.started()
        try:
            yield
        finally:
            self.lifecycle.drain()
            await self.supervisor.stop()
            await self.probe.aclose()
            await self.history.aclose()
            for close in tuple(self._closing):
                await close()

    async def _follow_keys(self) -> None:
        """Let nobody stay whose key was taken away, or whose session has ended; without end."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL)
            if await self.door.look():
                self.dismiss()

    def dismiss(self) -> None:
        """Close the clients whose key was taken away, or whose session has ended, with 4401."""
        gone = 0
        for peer in tuple(self.hub.clients):
            if not peer.closing and (why := self.door.access.why_out(peer.who)):
                peer.close(CloseCode.UNAUTHORIZED, why)
                gone += 1
        self.door.remember_ends(peer.who for peer in self.hub.clients if not peer.closing)
        if gone:
            logger.info("clients had to go: their key or session ended", extra={"clients": gone})

    async def drain(self, *, delay: float, window: float) -> None:
        """Let all clients go, without a gap and without a rush.

        Args:
            delay: Seconds to serve on while unready, until load balancers have noticed.
            window: Seconds over which clients are closed.

        """
        self.lifecycle.drain()
        logger.info("draining", extra={"connections": len(self.hub), "window": window})
        for job in tuple(self._draining):
            await job()
        await asyncio.sleep(delay)
        await self.hub.drain(window)


class Liveness(Struct):
    """The process answers."""

    status: str


class Readiness(Struct):
    """Whether to send clients here, and if not, why."""

    status: Phase
    reason: str
    redis: BusState
    redis_refuses_writes: str | UnsetType = UNSET
    """Why, in Redis' words; absent while it takes them, or where it is not known."""


class ChannelStatus(Struct):
    """A channel that is listened to."""

    name: str
    listeners: int
    subscribed: bool
    live: bool
    cursor: str | None = None
    filter: str | UnsetType = UNSET
    """What of it these clients get; absent: all."""


class RedisStatus(Struct):
    """The subscriber's connection."""

    state: BusState
    heard: bool | None
    """Whether what is published is heard, by the replica's own probe; null while nobody listens."""
    outages: int
    deaf: int
    """Times that the subscription was found to hear nothing, though nothing else was wrong."""
    lag_ms: float | None
    refuses_writes: str | None
    """Why, in Redis' words; null while it takes them, or where it is not known."""
    trouble: str | None
    """Why nothing is heard, or a history cannot be read; null while all is well."""


class KeyStatus(Struct):
    """A key that lets clients in, and how many of this replica came with it."""

    name: str
    scope: Scope
    connections: int


class Status(Struct):
    """What a replica is at, for people and programs that look closer."""

    service: str
    version: str
    phase: Phase
    uptime_s: float
    connections: int
    channels: list[ChannelStatus]
    redis: RedisStatus
    keys: list[KeyStatus]
    """Those that let clients in; none where no credential is asked for."""
    task_failures: dict[str, int]
    """How often each background task has failed, by name."""
    own: dict[str, Any]
    """What this service alone tells, by name."""


@route("/health/live", http_method=_PROBED, tags=["health"], sync_to_thread=False)
def live(service: NamedDependency[Service]) -> Response[Liveness]:
    """Tell that the process answers and does its work; 500 asks for a restart.

    Never depends on Redis: a blip must not restart pods. A background task that fails starts again;
    only when that cannot be, the replica has to.
    """
    ended = service.supervisor.ended()
    status = f"ended: {', '.join(ended)}" if ended else "alive"
    return Response(Liveness(status=status), status_code=500 if ended else 200)


@route("/health/ready", http_method=_PROBED, tags=["health"], sync_to_thread=False)
def ready(service: NamedDependency[Service]) -> Response[Readiness]:
    """Tell whether to send clients here: 503 while starting or draining.

    Redis has no say: clients are accepted without it, and hear when it is back.
    """
    reason = service.lifecycle.why_not_ready()
    return Response(
        Readiness(
            status=service.lifecycle.phase,
            reason=reason,
            redis=service.subscriber.state,
            redis_refuses_writes=service.probe.writes_refused or UNSET,
        ),
        status_code=503 if reason else 200,
    )


@route(
    "/metrics",
    http_method=_PROBED,
    tags=["health"],
    media_type=CONTENT_TYPE_LATEST,
    sync_to_thread=False,
)
def metrics(service: NamedDependency[Service]) -> bytes:
    """Return all figures in Prometheus' text format."""
    return service.metrics.exposition()


@get("/status", tags=["health"], sync_to_thread=False)
def status(service: NamedDependency[Service]) -> Status:
    """Tell what this replica is at."""
    subscriber = service.subscriber
    lag = subscriber.lag
    return Status(
        service=service.name,
        version=__version__,
        phase=service.lifecycle.phase,
        uptime_s=round(service.lifecycle.uptime, 3),
        connections=len(service.hub),
        channels=[
            ChannelStatus(
                name=topic.channel,
                listeners=len(topic.clients),
                subscribed=topic.is_subscribed(),
                live=topic.is_live(),
                cursor=topic.cursor(),
                filter=str(topic.only) if topic.only else UNSET,
            )
            for topic in service.hub.topics.values()
        ],
        redis=RedisStatus(
            state=subscriber.state,
            heard=None if subscriber.state is BusState.IDLE else service.probe.is_heard(),
            outages=subscriber.outages,
            deaf=service.probe.found,
            refuses_writes=service.probe.writes_refused,
            trouble=subscriber.trouble or service.history.trouble or service.probe.trouble,
            lag_ms=None if lag is None else round(lag * 1000, 3),
        ),
        keys=_keys(service),
        task_failures=service.supervisor.failures(),
        own={name: report() for name, report in service.reports.items()},
    )


def _keys(service: Service) -> list[KeyStatus]:
    connections = Counter(peer.who.key for peer in service.hub.clients if peer.who)
    return [
        KeyStatus(name=who.name, scope=who.scope, connections=connections[who.key])
        for who in service.door.access.ring.identities.values()
    ]


def _provide(part: object) -> Provide:
    return Provide(lambda: part, sync_to_thread=False)


def create_app(
    service: Service, *, routes: Sequence[ControllerRouterHandler], **parts: object
) -> Litestar:
    """Build a service's application.

    Args:
        service: The skeleton; handlers get it as their parameter `service`.
        routes: What this service alone does.
        **parts: What else handlers get, by their parameters' names.

    """
    parts["service"] = service
    app = Application(
        route_handlers=[live, ready, metrics, status, *routes],
        dependencies={name: _provide(part) for name, part in parts.items()},
        guards=[guard_of(service.door)],
        # Here and not in the server, so that it holds under any of them.
        middleware=[
            DefineMiddleware(
                ProxyHeaders,  # type: ignore[arg-type]  # its ASGI types are uvicorn's
                trusted_hosts=list(service.settings.trusted_proxies),
            ),
        ],
        cors_config=CORSConfig(
            allow_origins=list(service.settings.allowed_origins),
            allow_headers=[
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "Last-Event-ID",
                "X-API-Key",
            ],
            # The cookie: only of origins that are named, and of the same site (SameSite=Strict).
            allow_credentials=True,
        ),
        before_send=[protect],
        lifespan=[service.lifespan],
        openapi_config=OpenAPIConfig(
            title=f"hsi-realtime: {service.name}",
            version=__version__,
            path="/schema",
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"])],
            use_handler_docstrings=True,
        ),
        logging_config=None,
    )
    app.state.update(parts)
    if service.door.access.is_private:
        app.asgi_handler = Doorstep(app.asgi_handler, service.door)
    keep_queries_out()
    return app
