"""The walls hold: whoever breaks a rule of the layers on purpose is told by the lint."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hsi import __version__
from tests.servers import ROOT

PACKAGES = ("shared/hsi", "shared/hsi_service", "services", "local")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": f"{tree}:{tree / 'shared'}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tree / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def test_the_tree_as_it_is_keeps_all_rules(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        (
            "shared/hsi/publisher.py",
            "import hsi_service.metrics",
            "Services stand on hsi_service, and that on hsi BROKEN",
        ),
        (
            "services/events/routes.py",
            "import services.system.health",
            "No service knows another: they talk through Redis BROKEN",
        ),
        (
            "shared/hsi_service/door/limits.py",
            "import hsi_service.fanout.peer",
            "Inside hsi_service, each floor knows only those below it BROKEN",
        ),
        (
            "shared/hsi/schemas/base.py",
            "import hsi.publisher",
            "Inside hsi, each floor knows only those below it BROKEN",
        ),
        (
            "shared/hsi_service/bus/continuity.py",
            "import asyncio",
            "What is pure reaches no I/O BROKEN",
        ),
        (
            "services/collector/alerts.py",
            "import services.collector.store",  # which imports redis
            "What is pure reaches no I/O BROKEN",
        ),
    ],
    ids=lambda value: value.split("/")[-1] if value.endswith(".py") else "",
)
def test_a_broken_rule_fails_the_lint(copy: Path, file: str, line: str, rule: str) -> None:
    before = (copy / file).read_text()
    (copy / file).write_text(f"{before}\n{line}\n")
    try:
        done = lint(copy)
    finally:
        (copy / file).write_text(before)
    assert done.returncode == 1
    assert rule in done.stdout


def local_lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.lint"], cwd=tree, capture_output=True, text=True, check=False
    )


def test_the_whole_checkout_uses_no_private_name_elsewhere_and_has_no_long_file() -> None:
    done = local_lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_a_private_name_used_elsewhere_and_a_long_file_fail_the_lint(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607
    shutil.copytree(ROOT / "local/lint", tmp_path / "local/lint")
    for name, text in {
        "shared/hsi/base.py": "class Base:\n    def _ask(self): ...\n",
        "services/user.py": (
            "from hsi.base import Base, _helper\nclass User(Base):\n    def go(self): self._ask()\n"
        ),
        "services/long.py": "\n" * 401,
        "dashboard/src/long.tsx": "\n" * 401,
        "dashboard/src/made.ts": "// Made by a program; do not edit." + "\n" * 500,
        "tests/test_long.py": "\n" * 500,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = local_lint(tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "services.user, line 1: hsi.base._helper is private to another package",
        "services.user, line 3: hsi.base.Base._ask is private to another package",
        "services/long.py: 401 lines, more than 400",
        "dashboard/src/long.tsx: 401 lines, more than 400",
    ]


def test_all_that_is_released_together_has_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    package = json.loads((ROOT / "dashboard/realtime/package.json").read_text())
    assert project["version"] == package["version"] == __version__
