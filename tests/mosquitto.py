"""A real broker at a test's mercy: Debian's mosquitto, on a port of its own."""

import contextlib
import getpass
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import trustme

from local.processes import free_port
from services.mqtt.address import BrokerAddress, parse_address

MOSQUITTO = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
HOW_TO_GET_IT = "no mosquitto; Debian has it: apt install mosquitto"


class Mosquitto:
    """A broker that keeps nothing over a kill, unless it is told to."""

    def __init__(
        self,
        folder: Path,
        *,
        password: str = "",
        tls: bool = False,
        persistence: bool = False,
        more: str = "",
    ) -> None:
        self.port = free_port()
        self.password = password
        self.folder = folder
        self.ca: Path | None = None
        self.client_certificate: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {'false' if password else 'true'}",
            "log_dest stderr",
            "log_type all",
            f"user {getpass.getuser()}",
            f"persistence {'true' if persistence else 'false'}",
            f"persistence_location {folder}/",
            *(["autosave_on_changes true", "autosave_interval 1"] if persistence else []),
            *([f"password_file {self._passwords(password)}"] if password else []),
            *(self._tls() if tls else []),
            more,
        ]
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text("\n".join(lines) + "\n")

    def _passwords(self, password: str) -> Path:
        file = self.folder / "passwords"
        program = shutil.which("mosquitto_passwd")
        assert program
        file.touch(mode=0o600)
        subprocess.run([program, "-b", str(file), "home", password], check=True)
        return file

    def _tls(self) -> list[str]:
        authority = trustme.CA()
        self.ca = self.folder / "ca.pem"
        authority.cert_pem.write_to_path(self.ca)
        server = authority.issue_cert("127.0.0.1", "localhost")
        server.cert_chain_pems[0].write_to_path(self.folder / "server.pem")
        server.private_key_pem.write_to_path(self.folder / "server.key")
        self.client_certificate = self.folder / "client.pem"
        client = authority.issue_cert("hsi@example.org", common_name="hsi")
        client.private_key_and_cert_chain_pem.write_to_path(self.client_certificate)
        return [
            f"cafile {self.ca}",
            f"certfile {self.folder / 'server.pem'}",
            f"keyfile {self.folder / 'server.key'}",
            "require_certificate true",
        ]

    @property
    def url(self) -> str:
        scheme = "mqtts" if self.ca else "mqtt"
        return f"{scheme}://{'home@' if self.password else ''}127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def settings(self) -> dict[str, str]:
        """What a service needs to be told to find it."""
        found = {"MQTT_URL": self.url, "MQTT_PASSWORD": self.password}
        if self.ca and self.client_certificate:
            found |= {"MQTT_CA": str(self.ca), "MQTT_CERT": str(self.client_certificate)}
        return {name: value for name, value in found.items() if value}

    def address(self, client_id: str = "hsi-realtime") -> BrokerAddress:
        return parse_address(
            self.url,
            password=self.password,
            ca=str(self.ca or ""),
            certificate=str(self.client_certificate or ""),
            client_id=client_id,
        )

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        assert MOSQUITTO
        with (self.folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                [MOSQUITTO, "-c", str(self._settings)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def log(self) -> str:
        """Return what it has said since it was started."""
        return (self.folder / "log").read_text(errors="replace")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it; what it has in memory alone is gone."""
        if self._process:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGCONT)
                self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def client(self, client_id: str | None = None) -> AsyncIterator["aiomqtt.Client"]:
        """Connect as somebody else does: Frigate, or Home Assistant."""
        context = self.address().tls_context()
        async with aiomqtt.Client(
            "127.0.0.1",
            self.port,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            username="home" if self.password else None,
            password=self.password or None,
            tls_context=context,
            clean_start=True,
        ) as client:
            yield client


async def publish_json(client: aiomqtt.Client, topic: str, value: Any, *, qos: int = 1) -> None:
    await client.publish(topic, json.dumps(value), qos=qos)


@contextlib.contextmanager
def running(folder: Path, **how: Any) -> Iterator[Mosquitto]:
    """Run a broker; without mosquitto, skip the test."""
    if MOSQUITTO is None:
        pytest.skip(HOW_TO_GET_IT)
    broker = Mosquitto(folder, **how)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker of the test's own, to do bad things to."""
    with running(tmp_path / "mosquitto") as broker:
        yield broker


StartMosquitto = Callable[..., Mosquitto]


@pytest.fixture
def start_mosquitto(tmp_path: Path) -> Iterator[StartMosquitto]:
    """Start a broker with what is said: a password, TLS, persistence."""
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:

        def start(**how: Any) -> Mosquitto:
            folder = tmp_path / f"mosquitto-{next(numbers)}"
            return stack.enter_context(running(folder, **how))

        yield start
