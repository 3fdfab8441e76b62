"""The walls hold: whoever breaks a rule of the layers on purpose is told by the lint."""

import ast
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
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


def private_imports(file: Path) -> Iterator[str]:
    """Yield the private names that a module takes from another package."""
    package = ".".join(file.relative_to(ROOT).with_suffix("").parts[:-1]).removeprefix("shared.")
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            theirs = node.module.rpartition(".")[0]
            for name in node.names:
                private = name.name.startswith("_") and not name.name.startswith("__")
                if private and package not in {theirs, node.module}:
                    yield f"{file}: {node.module}.{name.name}"


def test_nothing_takes_a_private_name_of_another_package() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    found = [name for file in files for name in private_imports(file)]
    ours = ("hsi", "services", "local")  # uvicorn's types are private, and no business of this test
    assert [name for name in found if name.split(": ")[1].startswith(ours)] == []


def test_no_file_is_longer_than_one_would_like_to_open() -> None:
    folders = (*PACKAGES, "bench", "dashboard/src", "dashboard/realtime/src", "examples")
    generated = {"messages.ts", "definitions.ts"}
    files = [
        file
        for folder in folders
        for kind in ("*.py", "*.ts", "*.tsx")
        for file in (ROOT / folder).rglob(kind)
        if file.name not in generated and "node_modules" not in file.parts
    ]
    long = {str(file.relative_to(ROOT)) for file in files if file.read_text().count("\n") > 400}
    assert long == set()


def test_all_that_is_released_together_has_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    package = json.loads((ROOT / "dashboard/realtime/package.json").read_text())
    assert project["version"] == package["version"] == __version__
