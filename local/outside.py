"""What `make run` brings for the services that talk to the world outside (MQTT=1, NOTIFY=1).

A broker and a day of Frigate's for the mqtt service, and a file that notifications are written into
for the notify service. What is named in the environment is used instead, and gets nothing made up.
"""

import json
import os
from pathlib import Path

from local.frigate import FrigateDay
from local.mosquitto import USER, MissingError, Mosquitto
from local.processes import NotReadyError, free_port, is_free

_MQTT_PORT = 1883
NOTIFICATIONS = "notifications.log"


def broker(folder: Path) -> Mosquitto:
    """Return a mosquitto, at the usual port if that is free.

    Raises:
        NotReadyError: There is no mosquitto on this machine.

    """
    port = _MQTT_PORT if is_free(_MQTT_PORT) else free_port()
    try:
        return Mosquitto(folder / "mosquitto", port=port)
    except MissingError as error:
        raise NotReadyError(str(error)) from None


def mqtt_settings(mosquitto: Mosquitto | None, *, dashboard_url: str) -> dict[str, str]:
    """Return what the mqtt service is told; None: of the broker, the environment tells."""
    settings = {"DASHBOARD_URL": os.environ.get("DASHBOARD_URL") or dashboard_url}
    if mosquitto is not None:
        settings |= {
            "MQTT_URL": mosquitto.url,
            "MQTT_USERNAME": USER,
            "MQTT_PASSWORD": mosquitto.password,
        }
    return settings


def frigate_day(mosquitto: Mosquitto, *, log: Path) -> FrigateDay:
    """Return the replay of Frigate's day into a broker."""
    return FrigateDay(
        host="127.0.0.1",
        port=mosquitto.port,
        log=log,
        username=USER,
        password=mosquitto.password,
    )


def is_told_by_environment() -> bool:
    """Return whether the environment says whom the notify service is to tell."""
    names = ("NOTIFY_RULES", "VAPID_PRIVATE_KEY", "VAPID_PRIVATE_KEY_FILE")
    return any(os.environ.get(name) for name in names)


def notify_settings(file: Path | None, *, dashboard_url: str) -> dict[str, str]:
    """Return what the notify service is told: to write into a file; None: the environment tells."""
    settings = {"DASHBOARD_URL": os.environ.get("DASHBOARD_URL") or dashboard_url}
    if file is not None:
        settings["NOTIFY_RULES"] = json.dumps(
            {"targets": {"file": {"url": f"file://{file}", "from": "medium"}}}
        )
    return settings


def advice(folder: Path, mosquitto: Mosquitto | None, file: Path | None) -> list[str]:
    """Return what a person can type to look at it."""
    lines = []
    if mosquitto is not None:
        password = os.path.relpath(mosquitto.password_file, folder.parent)
        lines.append(
            f"See MQTT:         mosquitto_sub -p {mosquitto.port} -u {USER} "
            f'-P "$(cat {password})" -t "#" -v'
        )
    if file is not None:
        lines.append(f"Notifications:    tail -f {os.path.relpath(file, folder.parent)}")
    return lines
