"""The machine's own MQTT broker: a mosquitto for this run alone, on loopback, with a password."""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

from local.processes import Process, plain_environment

USER = "hsi"
"""Who may do all there."""
_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
"""Where Debian has it is not in everybody's PATH."""
MOSQUITTO = shutil.which("mosquitto", path=_PATH)
_PASSWD = shutil.which("mosquitto_passwd", path=_PATH)
HOW_TO_GET_IT = (
    "MQTT=1 needs mosquitto, and there is none: apt install mosquitto, or brew install mosquitto; "
    "or name your own broker by MQTT_URL"
)


class MissingError(RuntimeError):
    """There is no mosquitto; its text says what to install."""


class Mosquitto(Process):
    """A broker that lets in nobody but `USER`, and keeps what it has while it is ended."""

    def __init__(self, folder: Path, *, port: int) -> None:
        """Set the program up, with a new password; `start` runs it.

        Args:
            folder: For its settings, its data and its log; made if need be.
            port: Port on 127.0.0.1.

        Raises:
            MissingError: There is no mosquitto on this machine.

        """
        if MOSQUITTO is None or _PASSWD is None:
            raise MissingError(HOW_TO_GET_IT)
        folder.mkdir(parents=True, exist_ok=True)
        self.password = secrets.token_urlsafe(24)
        self.password_file = folder / "password"
        """For people, who want to look at what goes over it."""
        _write(self.password_file, self.password)
        hashed = folder / "passwords"
        _write(hashed, f"{USER}:{self.password}\n")
        subprocess.run([_PASSWD, "-U", str(hashed)], check=True, capture_output=True)
        settings = folder / "mosquitto.conf"
        settings.write_text(
            f"listener {port} 127.0.0.1\n"
            "allow_anonymous false\n"
            f"password_file {hashed}\n"
            "persistence true\n"
            f"persistence_location {folder}/\n"
            "log_dest stdout\n"
            # Started by root, it would become a user that may not read this folder.
            f"user {getpass.getuser()}\n"
        )
        self.port = port
        super().__init__(
            "mosquitto",
            [MOSQUITTO, "-c", settings],
            url=f"mqtt://127.0.0.1:{port}",
            log=folder / "mosquitto.log",
            environment=plain_environment(),
        )

    def is_ready(self) -> bool:
        """Return whether it takes connections."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False


def _write(file: Path, text: str) -> None:
    """Write a secret into a file that only its owner reads."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
