"""What runs on one machine, and in which order it starts and ends."""

import asyncio
import contextlib
import itertools
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from hsi.cli.redis_users import RedisUsers
from local import outside
from local.ai import StandIn
from local.dashboard import DashboardBuild, DashboardServer, check_media_origins, is_built
from local.demo import (
    CAMERAS,
    NO_CAMERAS,
    begin_history,
    forget_history,
    publish_demo_events,
    run_demo_jobs,
)
from local.mosquitto import Mosquitto
from local.postgres import ROLE, TABLES, EmbeddedPostgres
from local.processes import NotReadyError, Process, free_port, is_free
from local.redis import EmbeddedRedis
from local.routes import PAGES, SERVICES, routes_of
from local.service import ServiceProcess
from local.traefik import Traefik

MAX_RESTART_DELAY = 10.0
"""Seconds, at most, before a program that ended by itself is started again."""
_DEFAULT_REDIS_PORT = 6379
_DEFAULT_POSTGRES_PORT = 5432
_REDIS_MEMORY = "384mb"
"""What the embedded Redis' data may take: as at home (deploy/k8s/overlays/home/redis.conf)."""


class StackSettings(Struct, frozen=True, kw_only=True, rename="upper"):
    """What `make run` reads from the environment."""

    port: Annotated[int, Meta(ge=1, le=65535)] = 8080
    """Port of the ingress."""
    base_path: Annotated[str, Meta(pattern=r"^/([\w.~-]+/)*$")] = "/"
    """The path below which all of it is, as `/hsi/`."""
    replicas: Annotated[int, Meta(ge=1, le=20)] = 1
    """Replicas of each service."""
    demo: bool = True
    """Whether to publish demo events, and to stand in for AI services that are not given."""
    redis_url: str = ""
    """An outside Redis; empty starts an embedded one."""
    redis_event_channel: str = "security_events"
    database_url: str = ""
    """An outside PostgreSQL; empty starts an embedded one."""
    yolo26_url: str = ""
    """A real yolo26; empty: the demo's stand-in, or none."""
    nemotron_url: str = ""
    """A real nemotron; empty: the demo's stand-in, or none."""
    mqtt: bool = False
    """Whether to run the mqtt service and a broker for it, and to notify of what comes in."""
    mqtt_url: str = ""
    """A broker of your own, for the mqtt service; empty: with MQTT=1, an embedded one."""
    notify: bool = False
    """Whether to run the notify service; without targets of your own, it writes into a file."""
    media_origins: tuple[str, ...] = ()
    """From where the dashboard may show pictures and clips, beside its own origin."""

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        check_media_origins(self.media_origins)


Say = Callable[[str], None]


class Stack:
    """Redis, PostgreSQL, the services, the dashboard, the ingress; ended in the opposite order."""

    def __init__(self, settings: StackSettings, folder: Path, say: Say) -> None:
        """Set it up; nothing runs yet.

        Args:
            settings: What to run.
            folder: For data and logs.
            say: Tells the user something.

        Raises:
            SettingsError: A name that the embedded Redis' rules cannot hold.

        """
        self._settings = settings
        self._folder = folder
        self._say = say
        self._processes: list[Process] = []
        self._session_secret = os.environ.get("SESSION_SECRET") or _kept_secret(folder)
        self._build = DashboardBuild(log=folder / "logs" / "dashboard.log")
        self.redis_url = settings.redis_url
        # Whoever is on this machine may do all in the embedded one, as the user `default`. Services
        # and the demo are held to what they may do elsewhere, so that what is shipped is what runs.
        self._redis_users = None if settings.redis_url else RedisUsers(os.environ)
        self.database_url = settings.database_url
        self.yolo26_url = settings.yolo26_url
        self.nemotron_url = settings.nemotron_url
        self._demo_database_url = ""
        self.url = f"ws://127.0.0.1:{settings.port}{settings.base_path.rstrip('/')}"
        self.dashboard_url = ""
        """Where the dashboard is; empty while there is none."""
        self.advice: list[str] = []
        """What else a person can look at, and how."""

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run all of it.

        Raises:
            NotReadyError: Something did not come up; whatever did is ended again.

        """
        try:
            self._start_all()
            yield
        finally:
            for process in reversed(self._processes):
                if isinstance(process, ServiceProcess):
                    # All at once, and without a drain: there is no other replica to go to.
                    process.signal(signal.SIGINT)
            for process in reversed(self._processes):
                process.stop()
            self._build.stop()

    def _start_all(self) -> None:
        if not is_free(self._settings.port):
            raise NotReadyError(
                f"port {self._settings.port} is taken; choose another: make run PORT=8081",
            )
        mosquitto = None
        if self._settings.mqtt and not self._settings.mqtt_url:
            mosquitto = outside.broker(self._folder)  # Before anything is started for nothing.
        build = None if is_built() else self._build
        if build:
            self._say("  dashboard     is being built; the first time, that takes a minute")
            build.spawn()
        if not self.redis_url:
            self._start_redis()
        if not self.database_url:
            self._start_postgres()
        if self._settings.demo:
            self._start_stand_ins()
        optional = self._start_outside(mosquitto)
        names = (*SERVICES, *optional)
        ports = {name: [free_port() for _ in range(self._settings.replicas)] for name in names}
        dashboard_port, ping_port = free_port(), free_port()
        urls = {
            f"{name}-{number}": f"http://127.0.0.1:{port}/health/ready"
            for name in names
            for number, port in enumerate(ports[name], start=1)
        }
        urls["dashboard"] = f"http://127.0.0.1:{dashboard_port}/health/ready"
        urls["ingress"] = f"http://127.0.0.1:{ping_port}/ping"
        containers = [f"{name}={url}" for name, url in urls.items()]
        containers += ["redis", "postgresql"]
        containers += ["yolo26"] * bool(self.yolo26_url) + ["nemotron"] * bool(self.nemotron_url)
        services = {
            name: [
                self._replica(
                    name,
                    number,
                    port=port,
                    CONTAINERS=",".join(containers),
                    **optional.get(name, {}),
                )
                for number, port in enumerate(ports[name], start=1)
            ]
            for name in names
        }
        self._start(*itertools.chain.from_iterable(services.values()))
        base = self._settings.base_path
        routes = {
            prefix: [replica.url for replica in services[name]]
            for prefix, name in routes_of(*names).items()
        }
        try:
            if build:
                build.finish()
        except NotReadyError as error:
            self._say(f"  {error}")
        else:
            routes[PAGES] = [self._start_dashboard(dashboard_port)]
            self.dashboard_url = f"http://127.0.0.1:{self._settings.port}{base}"
        ingress = self._folder / "ingress"
        port = self._settings.port
        self._start(Traefik(ingress, port=port, routes=routes, ping_port=ping_port, base=base))

    def _start_redis(self) -> None:
        users = self._redis_users
        redis = EmbeddedRedis(
            self._folder / "redis",
            port=_port(_DEFAULT_REDIS_PORT),
            users=users.acl(default="on nopass ~* &* +@all") if users else None,
            memory=_REDIS_MEMORY,
        )
        self._start(redis)
        self.redis_url = redis.url
        known = begin_history if self._settings.demo else forget_history
        known(redis.url, self._settings.redis_event_channel)

    def _redis_url_of(self, user: str) -> str:
        """Return the Redis of a service, or of the demo, with its own user; an outside one's."""
        users = self._redis_users
        return users.url(user, self.redis_url) if users else self.redis_url

    def _start_postgres(self) -> None:
        postgres = EmbeddedPostgres(self._folder / "postgres", port=_DEFAULT_POSTGRES_PORT)
        self._start(postgres)
        postgres.execute(TABLES + (CAMERAS if self._settings.demo else NO_CAMERAS))
        postgres.execute(ROLE)
        self.database_url = postgres.url_as("hsi_reader")
        if self._settings.demo:
            self._demo_database_url = postgres.url

    def _start_stand_ins(self) -> None:
        """Stand in for the AI services that nobody gave us."""
        logs = self._folder / "logs"
        if not self.yolo26_url:
            yolo26 = StandIn("yolo26", port=free_port(), log=logs / "demo-yolo26.log")
            self._start(yolo26)
            self.yolo26_url = yolo26.url
        if not self.nemotron_url:
            nemotron = StandIn("nemotron", port=free_port(), log=logs / "demo-nemotron.log")
            self._start(nemotron)
            self.nemotron_url = nemotron.url

    def _start_outside(self, mosquitto: Mosquitto | None) -> dict[str, dict[str, str]]:
        """Start what the optional services need; return their settings, by service."""
        wanted, logs = self._settings, self._folder / "logs"
        page = f"http://127.0.0.1:{wanted.port}{wanted.base_path}"
        settings, file = {}, None
        if mosquitto is not None:
            self._start(mosquitto)
            if wanted.demo:
                self._start(outside.frigate_day(mosquitto, log=logs / "demo-frigate.log"))
        if wanted.mqtt or wanted.mqtt_url:
            settings["mqtt"] = outside.mqtt_settings(mosquitto, dashboard_url=page)
        if wanted.notify or settings or outside.is_told_by_environment():
            if not outside.is_told_by_environment():
                file = self._folder / outside.NOTIFICATIONS
            settings["notify"] = outside.notify_settings(file, dashboard_url=page)
        self.advice = outside.advice(self._folder, mosquitto, file)
        return settings

    def _start_dashboard(self, port: int) -> str:
        """Serve the dashboard's files; return where."""
        server = DashboardServer(
            port=port, log=self._build.log, media_origins=self._settings.media_origins
        )
        self._start(server)
        return server.url

    def _replica(self, service: str, number: int, *, port: int, **settings: str) -> ServiceProcess:
        return ServiceProcess(
            service,
            name=f"{service}-{number}",
            port=port,
            log=self._folder / "logs" / f"{service}-{number}.log",
            REDIS_URL=self._redis_url_of(service),
            SESSION_SECRET=self._session_secret,
            DATABASE_URL=self.database_url,
            YOLO26_URL=self.yolo26_url,
            NEMOTRON_URL=self.nemotron_url,
            # The ingress, which is on this machine.
            TRUSTED_PROXIES="127.0.0.1,::1",
            # The ingress looks every second, and nobody wants to wait longer on one machine.
            DRAIN_DELAY="2",
            DRAIN_WINDOW="2",
            **settings,
        )

    def _start(self, *processes: Process) -> None:
        """Start some programs side by side, and say of each when it is ready."""
        began = time.monotonic()
        for process in processes:
            self._processes.append(process)
            process.spawn()
        for process in processes:
            process.wait_ready()
            self._say(f"  {process.name:13} {process.url}  ({time.monotonic() - began:.1f} s)")

    @contextlib.asynccontextmanager
    async def attended(self) -> AsyncIterator[None]:
        """Start again whatever ends by itself, and publish demo events."""
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._attend(process)) for process in self._processes]
            if self._settings.demo:
                redis_url = self._redis_url_of("producer")
                events = publish_demo_events(
                    redis_url, self._settings.redis_event_channel, self._demo_database_url
                )
                running.append(tasks.create_task(events))
                running.append(tasks.create_task(run_demo_jobs(redis_url)))
            yield
            for task in running:
                task.cancel()

    async def _attend(self, process: Process) -> None:
        delay = 1.0
        while True:
            status = await process.wait()
            self._say(f"{process.name} ended with {status}; starting it again in {delay:.0f} s")
            await asyncio.sleep(delay)
            delay = min(delay * 2, MAX_RESTART_DELAY)
            try:
                process.start()
            except NotReadyError as error:
                self._say(str(error))


def _kept_secret(folder: Path) -> str:
    """Return a secret that outlives a restart, so that those who signed in stay so."""
    file = folder / "session-secret"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(48))
    return file.read_text()


def _port(wanted: int) -> int:
    return wanted if is_free(wanted) else free_port()
