"""hsi-client as others install it: its wheel, in a virtual environment of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path
from shutil import copytree, ignore_patterns

from packaging.requirements import Requirement


def build_wheel(source: Path, folder: Path) -> Path:
    """Build the wheel of a project, as `pip wheel` does, with the setuptools that is here.

    Args:
        source: The project; nothing is written there.
        folder: Where the wheel and a copy of the project go; it is made.

    """
    copy = copytree(source, folder / "source", ignore=ignore_patterns("__pycache__", "*.egg-info"))
    _run(
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"),
        *("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, copy),
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


class Installed:
    """A virtual environment with a wheel and the packages that the wheel's metadata asks for.

    Those are linked from where the tests run: nothing is downloaded, and no other package is there.
    """

    def __init__(self, folder: Path, wheel: Path, *extras: str) -> None:
        self._folder = folder
        _run(sys.executable, "-m", "venv", "--without-pip", folder)
        self.python = folder / "bin" / "python"
        (packages,) = folder.glob("lib/python*/site-packages")
        _run(*self._pip(), "install", "--quiet", "--no-index", "--no-deps", wheel)
        (metadata,) = packages.glob("hsi_client-*.dist-info")
        self.needs = needs(Distribution.at(metadata), *extras)
        """What the wheel asks for itself."""
        self.requires = sorted(_closure([*self.needs]))
        """Names of the packages that are installed with it."""
        for name in self.requires:
            for top in _top_level(distribution(name)):
                (packages / top.name).symlink_to(top)
        _run(*self._pip(), "check")

    def run(
        self, *command: str | Path, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of this environment; nothing else of this checkout can be imported."""
        name, *arguments = command
        return subprocess.run(
            [self._folder / "bin" / name, *arguments],
            cwd=cwd or self._folder,
            env=self.environment(**environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @staticmethod
    def environment(**settings: str) -> dict[str, str]:
        """Return the environment variables that its programs get."""
        outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return outside | {"PYTHONUNBUFFERED": "1"} | settings

    def _pip(self) -> tuple[str | Path, ...]:
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
        return *pip, "--python", self.python


def needs(package: Distribution, *extras: str) -> list[Requirement]:
    """Return what a package asks for itself, on this Python, with these extras."""
    asked = map(Requirement, package.requires or ())
    return [
        requirement
        for requirement in asked
        if requirement.marker is None
        or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def _closure(asked: list[Requirement]) -> set[str]:
    """Return the names of all packages that are needed, directly or not."""
    names: set[str] = set()
    while asked:
        requirement = asked.pop()
        names.add(requirement.name)
        asked += needs(distribution(requirement.name), *requirement.extras)
    return names


def _top_level(package: Distribution) -> Iterator[Path]:
    """Yield the folders and modules of a package."""
    tops = {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}
    for name in sorted(tops):
        yield Path(str(package.locate_file(name)))


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
