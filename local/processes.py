"""Programs that this one starts, and that end with it, however it ends."""

import asyncio
import ctypes
import functools
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import httpx

START_TIMEOUT = 40.0
"""Seconds that a program may take to be ready."""
STOP_TIMEOUT = 10.0
"""Seconds that a program may take to end when asked; then it is killed."""
ANSWER_TIMEOUT = 2.0
"""Seconds that an answer on this machine may take."""
_PLAIN = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "TMPDIR",
    "TZ",
    "USER",
)
_PR_SET_PDEATHSIG = 1
_TAIL = 20


class NotReadyError(RuntimeError):
    """A program did not come up; the text names its log, and holds the end of it."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Tell whether nobody listens on a TCP port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Running(Protocol):
    """A program that was started: what `subprocess.Popen` is, and no more of it."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends; raises `subprocess.TimeoutExpired`."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal, if it still runs."""

    def kill(self) -> None:
        """End it at once."""


def plain_environment(**settings: str) -> dict[str, str]:
    """Return the environment of a tool: what every program needs, and these settings.

    What a person has set for tools of their own (PGOPTIONS, TRAEFIK_…, a proxy) is left out.
    """
    return {name: os.environ[name] for name in _PLAIN if name in os.environ} | settings


def forget_postgres() -> None:
    """Forget what this process's environment says of PostgreSQL, which is about another one."""
    for name in tuple(os.environ):
        if name.startswith("PG"):
            del os.environ[name]


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Return what httpx would read again for each question, for 25 ms."""
    return httpx.create_ssl_context()


def ask(url: str) -> httpx.Response:
    """GET a URL of this machine, past any proxy; raises what httpx raises."""
    return httpx.get(url, timeout=ANSWER_TIMEOUT, trust_env=False, verify=_certificates())


def is_up(url: str) -> bool:
    """Return whether a URL of this machine answers a GET with success."""
    try:
        return ask(url).is_success
    except httpx.TransportError:
        return False


class Process:
    """One program, in a process group of its own, with its output in a file."""

    death_signal = signal.SIGKILL
    """What it gets when we die without having ended it (on Linux)."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        url: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Set the program up; `start` runs it.

        Args:
            name: For people.
            command: Program and arguments.
            url: Where it will listen.
            log: File that its output is appended to.
            environment: All of its environment; by default this process's own.

        """
        self.name = name
        self.url = url
        self.command = [str(part) for part in command]
        self.log = log
        self.environment = environment
        self._process: Running | None = None

    def start(self) -> None:
        """Start it, and wait until it is ready.

        Raises:
            NotReadyError: It did not come up.

        """
        self.spawn()
        self.wait_ready()

    def spawn(self) -> None:
        """Start it, from the main thread, and do not wait."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._process = self.begin()

    def begin(self) -> Running:
        """Start it.

        In a group of its own, so that a terminal's Ctrl-C reaches us alone, and we end things in
        their order.
        """
        with self.log.open("ab") as output:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if self.environment is None else dict(self.environment),
                process_group=0,
                preexec_fn=ends_with(os.getpid(), self.death_signal),  # noqa: PLW1509 (one prctl; no locks, no memory)
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    def exit_status(self) -> int | None:
        """Return its exit status (negative: the signal that ended it), or None while it runs."""
        return None if self._process is None else self._process.poll()

    def signal(self, sig: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self._process is not None:
            self._process.send_signal(sig)

    def stop(self, timeout: float = STOP_TIMEOUT) -> int | None:
        """Ask it to end, insist after `timeout` seconds, and return its exit status."""
        if self._process is None:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int | None:
        """End it at once, as if the power had failed."""
        if self._process is None:
            return None
        self._process.kill()
        return self._process.wait()

    async def wait(self) -> int:
        """Wait until it ends; return its exit status."""
        while (status := self.exit_status()) is None:  # noqa: ASYNC110 (a program sets no Event)
            await asyncio.sleep(0.1)
        return status

    def log_tail(self) -> str:
        """Return the last lines of its log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_TAIL:])

    def is_ready(self) -> bool:
        """Tell whether it does what it is for."""
        return True

    def wait_ready(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until it is ready.

        Raises:
            NotReadyError: It ended, or was not ready within `timeout` seconds.

        """
        deadline = time.monotonic() + timeout
        # One that has ended is not ready, even where another program answers at its port.
        while (code := self.exit_status()) is not None or not self.is_ready():
            if code is not None or time.monotonic() > deadline:
                why = f"was not ready in {timeout:.0f} s" if code is None else f"ended with {code}"
                raise NotReadyError(f"{self.name} {why}; its log is {self.log}\n{self.log_tail()}")
            time.sleep(0.01)


def ends_with(parent: int, sig: signal.Signals) -> Callable[[], None]:
    """Return what a child does first: it will die with us, even if we are killed (on Linux)."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def in_child() -> None:
        # A shell's background jobs ignore SIGINT, and so would all of their children.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if prctl:
            prctl(_PR_SET_PDEATHSIG, sig)
            if os.getppid() != parent:  # It died in between.
                os._exit(1)

    return in_child
