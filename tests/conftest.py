"""Real parts for the tests: Redis, PostgreSQL, AI services over HTTP, service replicas."""

import ast
import functools
import itertools
import math
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, settings

from local.postgres import TABLES
from local.processes import Process, free_port
from local.service import ServiceProcess
from tests.browser import CHROMIUM, HOW_TO_GET_IT, NO_CHROMIUM
from tests.installed import Installed, build_wheel
from tests.replicas import Replica
from tests.servers import (
    ROOT,
    AiServer,
    ContainerRedis,
    OwnPostgres,
    OwnRedis,
    RedisServer,
    Stack,
    as_user,
    denied,
    with_clock_ahead,
)

settings.register_profile("all", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("all")
"""How long an example takes says how busy the machine is, and nothing about the code."""
settings.register_profile(
    "unit", settings.get_profile("all"), max_examples=10, stateful_step_count=20
)
"""For `make unit`: the same tests with fewer examples. `make test` has them all."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--containers",
        action="store_true",
        help="run Redis in Docker containers (testcontainers) instead of embedded",
    )


STARTS_SERVERS = frozenset(
    {
        "ai_server",
        "cleanup",
        "database_url",
        "mosquitto",
        "own_postgres",
        "own_redis",
        "redis_url",
        "shared_postgres",
        "start_mosquitto",
    }
)
"""Fixtures that start programs; those that start more of them stand on these."""


PROGRAMS = frozenset(
    {
        "local.postgres",
        "local.processes",
        "local.redis",
        "tests.hsi.cli.test_commands",
        "tests.redis_data",
        "tests.sentinels",
        "tests.servers",
    }
)
"""Modules that start programs; a module of tests that takes something of these does."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out modules of which no test would run: to import them takes as long as the others."""
    leaves_out = config.option.markexpr == "not server" and collection_path.suffix == ".py"
    return True if leaves_out and takes_programs(collection_path) else None


@functools.cache
def takes_programs(module: Path) -> bool:
    """Return whether a module of tests imports what starts programs."""
    return any(map(is_of_programs, ast.parse(module.read_bytes()).body))


def is_of_programs(statement: ast.stmt) -> bool:
    """Return whether a statement imports what starts programs; constants beside it do not."""
    match statement:
        case ast.Import(names=names):
            return any(name.name == "subprocess" for name in names)
        case ast.ImportFrom(module=module, names=names):
            return module in PROGRAMS and not all(name.name.isupper() for name in names)
    return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that need a server or an outside Redis, and skip those without a browser."""
    for item in items:
        if isinstance(item, pytest.Function) and needs_server(item):
            item.add_marker(pytest.mark.server)
        if isinstance(item, pytest.Function) and "redis_url" in item.fixturenames:
            item.add_marker(pytest.mark.redis)
        if CHROMIUM is None and item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def needs_server(item: pytest.Function) -> bool:
    """Return whether a test starts a program, as its fixtures, its module or its place say."""
    return (
        "system" in item.path.parts
        or bool(STARTS_SERVERS & set(item.fixturenames))
        or takes_programs(item.path)
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was skipped for want of a browser; few would look for it."""
    skipped = [
        report
        for report in terminalreporter.getreports("skipped")
        if NO_CHROMIUM in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(
            f"{NO_CHROMIUM}: {len(skipped)} browser tests skipped. {HOW_TO_GET_IT}", yellow=True
        )


@pytest.fixture(scope="session")
def redis_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A Redis that tests share, and neither end nor empty: REDIS_URL's, where it is set."""
    if outside := os.environ.get("REDIS_URL"):
        yield outside
        return
    server = _own_redis(request, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    refused = denied(server.url)
    server.stop()
    assert not refused


@pytest.fixture
def own_redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, to do bad things to. Never an outside one."""
    server = _own_redis(request, tmp_path / "redis")
    server.start()
    yield server
    refused = denied(server.url)
    server.stop()
    assert not refused


@pytest.fixture(params=["valkey", "redis-server"])
def both_redis(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RedisServer]:
    """The embedded one, and the machine's own: Debian's is 7.0, the oldest that we support."""
    program = None
    if request.param != "valkey":
        program = shutil.which(request.param) or pytest.skip("no redis-server on this machine")
    server = OwnRedis(tmp_path / request.param, program=program)
    server.start()
    yield server
    server.stop()


def _own_redis(request: pytest.FixtureRequest, folder: Path) -> RedisServer:
    if request.config.getoption("--containers"):
        return ContainerRedis()
    return OwnRedis(folder)


@pytest.fixture(scope="session")
def shared_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    """A PostgreSQL that tests share; each has a database of its own in it."""
    server = OwnPostgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def database_url(shared_postgres: OwnPostgres) -> Iterator[str]:
    """A database of the test's own, with the tables that services read, and no rows."""
    name = f"test_{uuid.uuid4().hex}"
    shared_postgres.execute(f"CREATE DATABASE {name}")
    url = shared_postgres.url.removesuffix("postgres") + name
    shared_postgres.execute(f"\\connect {name}\n{TABLES}")
    yield url
    shared_postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[OwnPostgres]:
    """A PostgreSQL of the test's own, to do bad things to; with the tables, and no rows."""
    server = OwnPostgres(tmp_path / "postgres")
    server.start()
    server.execute(TABLES)
    yield server
    server.stop()


@pytest.fixture
def ai_server() -> Iterator[AiServer]:
    """An AI service of the test's own, to misbehave."""
    server = AiServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def channel() -> str:
    """A channel that no other test uses."""
    return f"security_events:{uuid.uuid4().hex}"


@pytest.fixture
def job_id() -> str:
    """A job that no other test uses."""
    return uuid.uuid4().hex


class StartReplica(Protocol):
    """Starts a replica of a service; it ends with the test."""

    def __call__(self, redis_url: str, channel: str, **settings: str) -> ServiceProcess: ...


@pytest.fixture
def start_replica(tmp_path: Path, cleanup: Callable[[Process], None]) -> StartReplica:
    """Start replicas of the events service."""

    def start(redis_url: str, channel: str, **settings: str) -> ServiceProcess:
        port = free_port()
        replica = Replica(
            "events",
            name=f"events-{port}",
            port=port,
            log=tmp_path / f"events-{port}.log",
            REDIS_URL=as_user("events", redis_url),
            REDIS_EVENT_CHANNEL=channel,
            **{"DRAIN_DELAY": "0", "DRAIN_WINDOW": "0.5"} | settings,
        )
        cleanup(replica)
        replica.start()
        return replica

    return start


class StartProgram(Protocol):
    """Starts a program with these environment variables alone; it ends with the test."""

    def __call__(self, *command: str | Path, **environment: str) -> Process: ...


@pytest.fixture
def start_program(tmp_path: Path, cleanup: Callable[[Process], None]) -> StartProgram:
    """Start programs, each with a log of its own."""
    numbers = itertools.count()

    def start(*command: str | Path, **environment: str) -> Process:
        name = f"{Path(command[0]).name}-{next(numbers)}"
        program = Process(
            name, command, url="", log=tmp_path / f"{name}.log", environment=environment
        )
        cleanup(program)
        program.spawn()
        return program

    return start


class StartSystems(Protocol):
    """Starts replicas of the system service, with their clocks ahead by seconds if told so.

    They end with the test.
    """

    def __call__(
        self,
        redis_url: str,
        count: int = 1,
        *,
        ahead: float = 0.0,
        steps_every: float = math.inf,
        **settings: str,
    ) -> list[ServiceProcess]: ...


@pytest.fixture
def start_systems(tmp_path: Path, cleanup: Callable[[Process], None]) -> Iterator[StartSystems]:
    """Start replicas of the system service, whose intervals are a tenth of a real one's."""
    replicas: list[ServiceProcess] = []

    def start(
        redis_url: str,
        count: int = 1,
        *,
        ahead: float = 0.0,
        steps_every: float = math.inf,
        **settings: str,
    ) -> list[ServiceProcess]:
        started: list[ServiceProcess] = []
        for port in (free_port() for _ in range(count)):
            replica = Replica(
                "system",
                name=f"system-{port}",
                port=port,
                log=tmp_path / f"system-{port}.log",
                REDIS_URL=as_user("system", redis_url),
                **{"BROADCAST_INTERVAL": "0.5", "DRAIN_DELAY": "0", "DRAIN_WINDOW": "0"} | settings,
            )
            if ahead:
                replica.command = with_clock_ahead(
                    ahead, "services.system", steps_every=steps_every
                )
            cleanup(replica)
            replica.spawn()
            started.append(replica)
        replicas.extend(started)
        for one in started:
            one.wait_ready()
        return started

    yield start
    for replica in replicas:
        replica.signal(signal.SIGINT)  # side by side; one after the other takes its time


class StartStack(Protocol):
    """Starts `make run` with these settings; it ends with the test."""

    def __call__(self, **settings: str) -> Stack: ...


@pytest.fixture
def start_stack(tmp_path: Path, cleanup: Callable[[Process], None]) -> StartStack:
    def start(**settings: str) -> Stack:
        stack = Stack(tmp_path / "stack", **settings)
        stack.log.parent.mkdir()
        cleanup(stack)
        stack.start()
        return stack

    return start


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of ./shared."""
    return build_wheel(ROOT / "shared", tmp_path_factory.mktemp("wheel"))


class Install(Protocol):
    """Installs hsi-client with these extras; once for all tests."""

    def __call__(self, *extras: str) -> Installed: ...


@pytest.fixture(scope="session")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Install hsi-client as others do."""

    @functools.cache
    def installed(*extras: str) -> Installed:
        return Installed(tmp_path_factory.mktemp("installed"), wheel, *extras)

    return installed


@pytest.fixture
def cleanup(request: pytest.FixtureRequest) -> Iterator[Callable[[Process], None]]:
    """End programs with the test, and show their logs if it failed."""
    processes: list[Process] = []
    yield processes.append
    for process in reversed(processes):
        process.stop()
    if request.session.testsfailed:
        for process in processes:
            sys.stderr.write(f"--- log of {process.name} ---\n{process.log_tail()}\n")
