"""The walls hold: whoever breaks a rule of the layers on purpose is told by the lint."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from hsi import __version__
from tests.servers import ROOT

PACKAGES = ("shared/hsi", "shared/hsi_service", "services", "local")


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": f"{tree}:{tree / 'shared'}"},
        capture_output=True,
        text=True,
        check=False,
    )


BREAKS = [
    (
        "hsi.publisher",
        "import hsi_service.metrics",
        "Services stand on hsi_service, and that on hsi",
        "hsi.publisher -> hsi_service.metrics",
    ),
    (
        "services.events.routes",
        "import services.system.health",
        "No service knows another: they talk through Redis",
        "services.events.routes -> services.system.health",
    ),
    (
        "hsi_service.door.limits",
        "import hsi_service.fanout.peer",
        "Inside hsi_service, each floor knows only those below it",
        "hsi_service.door.limits -> hsi_service.fanout.peer",
    ),
    (
        "hsi_service.attic",  # a floor without a place
        '"""Nobody said where this stands."""',
        "Inside hsi_service, each floor knows only those below it",
        "hsi_service.attic",
    ),
    (
        "hsi.schemas.base",
        "import hsi.publisher",
        "Inside hsi, each floor knows only those below it",
        "hsi.schemas.base -> hsi.publisher",
    ),
    (
        "hsi.consumer",
        "import click",
        "hsi needs msgspec and redis alone, and its extras",
        "hsi.consumer -> click",
    ),
    (
        "hsi.keys",
        "import signal",
        "What is pure reaches no I/O",
        "hsi.keys -> signal",
    ),
    (
        "hsi_service.bus.continuity",
        "import asyncio",
        "What is pure reaches no I/O",
        "hsi_service.bus.continuity -> asyncio",
    ),
    (
        "services.collector.alerts",
        "import services.collector.store",  # which imports redis
        "What is pure reaches no I/O",
        "services.collector.alerts -> services.collector.store",
    ),
    (
        "services.joblogs.brand_new",  # held without being listed anywhere
        '"""New. Pure."""\nimport websockets.asyncio.client',
        "What is pure reaches no I/O",
        "services.joblogs.brand_new says that it is pure, and reaches websockets:",
    ),
]
"""What is added to which module, the rule that this breaks, and what the lint says of it."""


def copied(tree: Path) -> Path:
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tree / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def file_of(tree: Path, module: str) -> Path:
    folder = tree if module.startswith("services") else tree / "shared"
    return folder.joinpath(*module.split(".")).with_suffix(".py")


def test_the_tree_as_it_is_keeps_all_rules(tmp_path: Path) -> None:
    done = lint(copied(tmp_path))
    assert done.returncode == 0, done.stdout


def test_each_broken_rule_fails_the_lint_by_its_name_and_place(tmp_path: Path) -> None:
    tree = copied(tmp_path)
    for module, line, _, _ in BREAKS:
        with file_of(tree, module).open("a") as source:
            source.write(f"\n{line}\n")
    done = lint(tree)
    assert done.returncode == 1
    verdicts, _, reasons = done.stdout.partition("Broken contracts")
    for _, _, rule, place in BREAKS:
        assert f"{rule} BROKEN" in verdicts
        assert place in reasons.partition(f"\n{rule}\n---")[2], place


LIVE_LOOP = "self.all may change while this loop awaits; go through tuple(self.all)"


def local_lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.lint"], cwd=tree, capture_output=True, text=True, check=False
    )


def test_what_the_lint_of_our_own_looks_for_fails_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607
    shutil.copytree(ROOT / "local/lint", tmp_path / "local/lint")
    services, page = tmp_path / "services", tmp_path / "dashboard/src"
    for file, text in {
        tmp_path / "shared/hsi" / "base.py": "class Base:\n    def _ask(self): ...\n",
        services / "user.py": (
            "from hsi.base import Base, _helper\nclass User(Base):\n    def go(self): self._ask()\n"
        ),
        services / "loop.py": "async def run(self):\n    for one in self.all:\n        await one\n",
        services / "long.py": "\n" * 401,
        page / "long.tsx": "\n" * 401,
        page / "made.ts": "// Made by a program; do not edit." + "\n" * 500,
        tmp_path / "tests" / "test_long.py": "\n" * 500,
    }.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    done = local_lint(tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "services.user, line 1: hsi.base._helper is private to another package",
        "services.user, line 3: hsi.base.Base._ask is private to another package",
        f"services.loop, line 2: {LIVE_LOOP}",
        f"{Path('services', 'long.py')}: 401 lines, more than 400",
        f"{Path('dashboard/src', 'long.tsx')}: 401 lines, more than 400",
    ]


def test_all_that_is_released_together_has_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    packages = [
        json.loads((ROOT / folder / "package.json").read_text())
        for folder in ("dashboard", "dashboard/realtime")
    ]
    assert {project["version"], *(package["version"] for package in packages)} == {__version__}
