"""What `make run` brings for the world outside: a broker of this run alone, and who is told."""

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from local import mosquitto, outside
from local.mosquitto import USER, Mosquitto
from local.processes import NotReadyError, Process

needs_mosquitto = pytest.mark.skipif(mosquitto.MOSQUITTO is None, reason=mosquitto.HOW_TO_GET_IT)


def publish(broker: Mosquitto, *who: str) -> int:
    """Publish as somebody; return the client's exit status."""
    return subprocess.run(
        ["mosquitto_pub", "-p", str(broker.port), *who, "-t", "any", "-m", "1"],  # noqa: S607
        capture_output=True,
        check=False,
    ).returncode


@needs_mosquitto
def test_the_broker_lets_in_who_has_the_password_of_this_run_and_nobody_else(
    tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    broker = outside.broker(tmp_path)
    cleanup(broker)
    broker.start()
    assert publish(broker, "-u", USER, "-P", broker.password) == 0
    assert publish(broker, "-u", USER, "-P", "a guess") != 0
    assert publish(broker) != 0
    assert stat.S_IMODE(broker.password_file.stat().st_mode) == 0o600
    assert broker.password_file.read_text() == broker.password
    settings = outside.mqtt_settings(broker, dashboard_url="http://127.0.0.1:8080/")
    assert settings == {
        "MQTT_URL": broker.url,
        "MQTT_USERNAME": USER,
        "MQTT_PASSWORD": broker.password,
        "DASHBOARD_URL": "http://127.0.0.1:8080/",
    }
    assert broker.password not in " ".join(broker.command)
    assert outside.broker(tmp_path).password != broker.password


def test_without_mosquitto_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mosquitto, "MOSQUITTO", None)
    with pytest.raises(NotReadyError, match=r"^MQTT=1 needs mosquitto.*apt install mosquitto"):
        outside.broker(tmp_path)


def test_a_target_of_your_own_is_told_and_else_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "notifications.log"
    for name in ("NOTIFY_RULES", "VAPID_PRIVATE_KEY", "VAPID_PRIVATE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert not outside.is_told_by_environment()
    settings = outside.notify_settings(file, dashboard_url="http://127.0.0.1:8080/")
    (target,) = json.loads(settings["NOTIFY_RULES"])["targets"].values()
    assert target["url"] == f"file://{file}"
    monkeypatch.setenv("NOTIFY_RULES", "/etc/hsi/notify.yaml")
    assert outside.is_told_by_environment()
    assert "NOTIFY_RULES" not in outside.notify_settings(None, dashboard_url="")
