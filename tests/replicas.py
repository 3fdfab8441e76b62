"""Replicas that are ready soon: forked from one process that has imported what all of them need.

`python -m services.<name>` takes half a second of CPU, most of it for imports, and the tests start
hundreds. What runs is the same `__main__`, in a process of its own with an environment, a log and
an exit status of its own. Run as a program, this file is the process that they are forked from.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from local.processes import Running, ends_with
from local.service import ServiceProcess

_IMPORTED = (
    "asyncpg",
    "hsi_service.skeleton.server",
    "services.collector.collection",
    "services.events.sessions",
    "services.joblogs.streamer",
    "services.system.broadcaster",
)


class Replica(ServiceProcess):
    """A service's replica that is forked, unless a test has given it a command of its own."""

    def begin(self) -> "Running":
        """Have it forked."""
        if self.command[1:] != ["-m", f"services.{self.service}"]:
            return super().begin()
        return Forked(Nursery.own(), self.service, dict(self.environment or {}), self.log)


class Forked:
    """A replica that runs or has ended."""

    def __init__(
        self, nursery: "Nursery", service: str, environment: dict[str, str], log: Path
    ) -> None:
        self._nursery = nursery
        self.pid = nursery.bear(service, environment, log)

    def poll(self) -> int | None:
        """Return its exit status; None while it runs."""
        return self._nursery.status(self.pid, 0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; return its exit status."""
        status = self._nursery.status(self.pid, timeout)
        if status is None:
            raise subprocess.TimeoutExpired("a replica", timeout or 0)
        return status

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The process that replicas are forked from, and what it tells of them."""

    _own: "Nursery | None" = None

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.replicas", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                preexec_fn=ends_with(os.getpid(), signal.SIGKILL),  # noqa: PLW1509 (one prctl)
            )
        self._told = b""
        self._newborn: int | None = None
        self._ended: dict[int, int] = {}

    @classmethod
    def own(cls) -> "Nursery":
        """Return this process's, which the first replica makes."""
        if cls._own is None:
            cls._own = cls()
        return cls._own

    def bear(self, service: str, environment: dict[str, str], log: Path) -> int:
        """Fork a replica; return its process id."""
        order = {"service": service, "environment": environment, "log": str(log)}
        self._control.sendall(json.dumps(order).encode() + b"\n")
        while self._newborn is None:
            self._hear(None)
        pid, self._newborn = self._newborn, None
        self._ended.pop(pid, None)  # Of an older one with the same number.
        return pid

    def status(self, pid: int, timeout: float | None) -> int | None:
        """Return the exit status of a replica; None if it still runs after so many seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while pid not in self._ended:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self._hear(left):
                break
        return self._ended.get(pid)

    def _hear(self, timeout: float | None) -> bool:
        if not select.select([self._control], [], [], timeout)[0]:
            return False
        heard = self._control.recv(65536)
        if not heard:
            raise RuntimeError("the process that replicas are forked from has ended")
        *lines, self._told = (self._told + heard).split(b"\n")
        for told in map(json.loads, lines):
            if told["status"] is None:
                self._newborn = told["pid"]
            else:
                self._ended[told["pid"]] = told["status"]
        return True


def main() -> NoReturn:
    """Fork replicas, and tell of their end, until nobody orders any more."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for module in _IMPORTED:
        importlib.import_module(module)
    gc.freeze()
    wake, woken = os.pipe()
    sources: list[Any] = [control, wake]
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)

    def tell(pid: int, status: int | None) -> None:
        control.sendall(json.dumps({"pid": pid, "status": status}).encode() + b"\n")

    ordered = b""
    while True:
        ready, _, _ = select.select(sources, [], [])
        if wake in ready:
            os.read(wake, 4096)
            while (ended := _ended_child()) is not None:
                tell(*ended)
        if control in ready:
            heard = control.recv(65536)
            if not heard:
                sys.exit()
            *orders, ordered = (ordered + heard).split(b"\n")
            for order in map(json.loads, orders):
                parent = os.getpid()
                pid = os.fork()
                if not pid:
                    control.close()
                    _live(parent, **order)
                tell(pid, None)


def _ended_child() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _live(parent: int, service: str, environment: dict[str, str], log: str) -> NoReturn:
    """Be a replica, from the first line of its `__main__` to its end."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)
    ends_with(parent, signal.SIGKILL)()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(":") if path]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    main()
