"""hsi is typed: two type checkers accept a program that uses it well, and refuse one that does not.

They see the installed package, as its users' do, and not this checkout.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Protocol

import pytest

from tests.conftest import Install
from tests.servers import ROOT

pytestmark = [pytest.mark.server, pytest.mark.package]  # It starts the type checkers.

CONSUMER = Path(__file__).with_name("consumer_types.py")
EXAMPLES = [ROOT / f"examples/{name}.py" for name in ("producer", "sync_script", "job", "consumer")]
USED_BADLY = """
from hsi import Publisher
from hsi.schemas import EventData


async def publish() -> None:
    async with Publisher("redis://127.0.0.1:6379/0") as publisher:
        published = await publisher.publish("security_events", "a text")
        published.number
    EventData(id="124")
"""
MISTAKES = {8, 9, 10}
"""The lines that are wrong."""


def mypy(python: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return check("mypy", "--strict", f"--python-executable={python}", ".", cwd=folder)


def pyright(python: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    settings = {"typeCheckingMode": "strict"}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    return check("basedpyright", f"--pythonpath={python}", cwd=folder)


def check(name: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [Path(sys.executable).with_name(name), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


class Checker(Protocol):
    """Checks all files in a folder against what is installed for a Python."""

    def __call__(self, python: Path, folder: Path) -> subprocess.CompletedProcess[str]: ...


each_checker = pytest.mark.parametrize("checker", [mypy, pyright])


@each_checker
def test_a_program_that_uses_all_of_it_has_no_type_error(
    checker: Checker, install: Install, tmp_path: Path
) -> None:
    for path in (CONSUMER, *EXAMPLES):
        (tmp_path / path.name).write_text(path.read_text())
    done = checker(install("client").python, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@each_checker
def test_a_program_that_uses_it_wrongly_is_told_each_line(
    checker: Checker, install: Install, tmp_path: Path
) -> None:
    (tmp_path / "badly.py").write_text(USED_BADLY)
    done = checker(install("client").python, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    lines = re.findall(r"badly\.py:(\d+)(?::\d+)?(?: -|:) error", done.stdout)
    assert {int(line) for line in lines} == MISTAKES, done.stdout
