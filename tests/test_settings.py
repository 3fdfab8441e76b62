"""Settings come from the environment, or say in one line why not."""

import pytest

from shared.settings import Settings, SettingsError, load


def test_without_an_environment_a_service_listens_on_loopback() -> None:
    settings = load(Settings, {})
    assert (settings.host, settings.redis_event_channel) == ("127.0.0.1", "security_events")


def test_variables_are_read_by_their_names_and_empty_ones_are_not_set() -> None:
    settings = load(
        Settings,
        {"PORT": "9000", "HEARTBEAT_INTERVAL": "0.5", "DRAIN_DELAY": "", "OTHER": "x"},
    )
    assert (settings.port, settings.heartbeat_interval, settings.drain_delay) == (9000, 0.5, 5)


@pytest.mark.parametrize("yes", ["true", "1", "yes", "on", "True", "YES"])
def test_many_ways_to_say_yes(yes: str) -> None:
    assert load(Settings, {"AUTH_DISABLED": yes, "HOST": "0.0.0.0"}).auth_disabled


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1"])
def test_loopback_needs_no_credential(host: str) -> None:
    assert load(Settings, {"HOST": host}).host == host


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PORT", "abc", "PORT=abc: expected `int`"),
        ("PORT", "70000", "PORT=70000: expected `int` <= 65535"),
        ("HEARTBEAT_INTERVAL", "0", "HEARTBEAT_INTERVAL=0: expected `float` > 0.0"),
        ("HEARTBEAT_INTERVAL", "inf", "HEARTBEAT_INTERVAL=inf: expected"),
        ("HEARTBEAT_INTERVAL", "nan", "HEARTBEAT_INTERVAL=nan: expected"),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL=LOUD: expected one of DEBUG, INFO, WARNING, ERROR"),
        ("AUTH_DISABLED", "perhaps", "AUTH_DISABLED=perhaps: expected `bool`"),
        ("HOST", "0.0.0.0", "HOST=0.0.0.0: would be open to everybody"),
        ("HOST", "192.0.2.1", "HOST=192.0.2.1: would be open to everybody"),
        ("REDIS_URL", "http://u:hunter2@h", "REDIS_URL: expected one of redis://"),
    ],
)
def test_a_bad_value_is_one_clear_line(name: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings, {name: value})
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
