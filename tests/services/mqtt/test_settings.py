"""The mqtt service is off until it is told of a broker."""

from pathlib import Path

import pytest

from hsi.settings import SettingsError, load
from services.mqtt.settings import MqttSettings
from tests.hsi_service.skeleton.test_service import run_service


def test_without_a_broker_it_says_so_in_one_line_and_ends_with_status_2() -> None:
    result = run_service("mqtt", MQTT_URL="")
    assert result.returncode == 2
    assert result.stderr == (
        "error: MQTT_URL: not set, and without a broker there is nothing to do; "
        "expected mqtt://host:1883 or mqtts://host:8883\n"
    )


def test_with_a_broker_it_takes_over_after_ten_seconds_unless_told_otherwise() -> None:
    assert load(MqttSettings, {"MQTT_URL": "mqtt://broker"}).lease_seconds == 10


@pytest.mark.parametrize("url", ["http://u:hunter2@broker", "broker:1883"])
def test_a_url_of_another_kind_is_named_and_not_quoted(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^MQTT_URL: expected mqtt://") as raised:
        load(MqttSettings, {"MQTT_URL": url})
    assert "hunter2" not in str(raised.value)


def settings(**more: str) -> MqttSettings:
    return load(MqttSettings, {"MQTT_URL": "mqtt://home@broker"} | more)


def test_a_password_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2 \n")
    assert settings(MQTT_PASSWORD_FILE=str(file)).address().password == "hunter2 "
    with pytest.raises(SettingsError, match=r"^MQTT_PASSWORD and MQTT_PASSWORD_FILE"):
        settings(**dict.fromkeys(("MQTT_PASSWORD", "MQTT_PASSWORD_FILE"), str(file)))
    with pytest.raises(SettingsError, match=r"^MQTT_PASSWORD_FILE=.*: No such file"):
        settings(MQTT_PASSWORD_FILE=str(tmp_path / "missing"))


def test_a_table_of_risks_stands_in_the_variable_or_in_a_file(tmp_path: Path) -> None:
    table = '[{"label": "person", "risk": 99}]'
    file = tmp_path / "risks.json"
    file.write_text(table)
    assert settings(FRIGATE_RISKS=table).risks() == settings(FRIGATE_RISKS=str(file)).risks()
    assert len(settings().risks()) > 1
    file.write_text('[{"risk": 1}, {"risk": "high"}]')
    with pytest.raises(SettingsError, match=r"^FRIGATE_RISKS=.*risks.json: row 2 of 2: .*`int`"):
        settings(FRIGATE_RISKS=str(file))
    with pytest.raises(SettingsError, match=r"^FRIGATE_RISKS: row 1 of 1"):
        settings(FRIGATE_RISKS="[5]")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("FRIGATE_URL", "http://me:hunter2@frigate"),
        ("FRIGATE_URL", "//frigate"),
        ("FRIGATE_URL", "frigate:5000"),
        ("FRIGATE_URL", "http://frigate:5000/?token=hunter2"),
        ("TIMEZONE", "Mars/Olympus"),
        ("TIMEZONE", "/etc/passwd"),
        ("FRIGATE_TOPIC", "frigate/#"),
        ("MQTT_TOPIC", "+"),
        ("HA_DISCOVERY_PREFIX", "home#"),
        ("DASHBOARD_URL", "home.example"),
        ("DASHBOARD_URL", "https://me:hunter2@home.example"),
        ("MQTT_CA", "/nowhere.pem"),
        ("FRIGATE_FOLLOW", "everything"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        settings(**{variable: value})
    assert str(raised.value).startswith(variable)
    assert "hunter2" not in str(raised.value)


def test_frigates_address_may_be_a_path_of_the_dashboards_origin() -> None:
    assert settings(FRIGATE_URL="/frigate").frigate_url == "/frigate"
    assert settings(FRIGATE_URL="https://frigate.example:8971").frigate_url


def test_without_a_frigate_nothing_is_followed() -> None:
    assert settings().follows_frigate
    assert not settings(FRIGATE_TOPIC="none").follows_frigate
