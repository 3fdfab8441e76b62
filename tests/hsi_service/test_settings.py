"""Settings come from the environment, or say in one line why not."""

import hashlib

import pytest

from hsi.settings import SettingsError, load
from hsi_service.settings import Settings

DIGEST = hashlib.sha256(b"a key").hexdigest()


def test_without_an_environment_a_service_listens_on_loopback() -> None:
    settings = load(Settings, {})
    assert (settings.host, settings.redis_event_channel) == ("127.0.0.1", "security_events")


def test_variables_are_read_by_their_names_and_empty_ones_are_not_set() -> None:
    settings = load(
        Settings,
        {"PORT": "9000", "HEARTBEAT_INTERVAL": "0.5", "DRAIN_DELAY": "", "OTHER": "x"},
    )
    assert (settings.port, settings.heartbeat_interval, settings.drain_delay) == (9000, 0.5, 5)


@pytest.mark.parametrize("credential", [{"API_KEYS": DIGEST}, {"WEBSOCKET_TOKEN": "s" * 32}])
def test_with_a_credential_a_service_may_listen_anywhere(credential: dict[str, str]) -> None:
    assert load(Settings, {"HOST": "0.0.0.0"} | credential).has_credentials


@pytest.mark.parametrize("credential", [{"API_KEYS": DIGEST}, {"WEBSOCKET_TOKEN": "s" * 32}])
def test_a_service_with_a_credential_is_not_open_to_everybody(credential: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="AUTH_DISABLED=true would serve everybody"):
        load(Settings, {"AUTH_DISABLED": "true"} | credential)


def test_lists_are_separated_by_commas_and_may_hold_spaces_and_line_ends() -> None:
    settings = load(
        Settings,
        {
            "API_KEYS": f" {DIGEST},\n{DIGEST[::-1].upper()} ,",
            "WEBSOCKET_TOKEN": f"{'a token' * 5}\n",
            "ALLOWED_ORIGINS": "https://a.example,http://b.example:8080",
            "TRUSTED_PROXIES": "10.0.0.0/8, fd00::/8, 192.0.2.1",
        },
    )
    assert settings.api_keys == (DIGEST, DIGEST[::-1].upper())
    assert settings.websocket_token == "a token" * 5
    assert settings.allowed_origins == ("https://a.example", "http://b.example:8080")
    assert settings.trusted_proxies == ("10.0.0.0/8", "fd00::/8", "192.0.2.1")


@pytest.mark.parametrize("environment", [{}, {"TRUSTED_PROXIES": ""}, {"TRUSTED_PROXIES": " , "}])
def test_no_proxy_is_trusted_that_nobody_names(environment: dict[str, str]) -> None:
    assert load(Settings, environment).trusted_proxies == ()


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
        ("REDIS_URL", "redis://u:hunter2/x@h", "REDIS_URL: expected a port number; in a password"),
        ("API_KEYS", "hunter2", "API_KEYS: number 1 of 1 is not a SHA-256 digest (64 hex digits)"),
        ("API_KEYS", f"{DIGEST},{DIGEST}hunter2", "API_KEYS: number 2 of 2 is not a SHA-256"),
        ("API_KEYS", f"{DIGEST} {DIGEST}", "API_KEYS: number 1 of 1 is not a SHA-256 digest"),
        ("API_KEYS", f"x:none:{DIGEST}", "API_KEYS: number 1 of 1 has a scope that does not exist"),
        ("API_KEYS", f":read:{DIGEST}", "API_KEYS: number 1 of 1 has a name that cannot be one"),
        ("API_KEYS", f"hunter2:{DIGEST}", "API_KEYS: number 1 of 1 is neither a digest nor name:"),
        ("WEBSOCKET_TOKEN", "hunter2", "WEBSOCKET_TOKEN: 7 characters can be guessed"),
        ("SESSION_SECRET", "hunter2" * 4, "SESSION_SECRET: 28 characters can be guessed"),
        ("ALLOWED_ORIGINS", "*", "ALLOWED_ORIGINS=*: expected scheme://host or scheme://host:port"),
        ("ALLOWED_ORIGINS", "https://a.example, b.example", "ALLOWED_ORIGINS=b.example: expected"),
        ("ALLOWED_ORIGINS", "https://a.example/", "ALLOWED_ORIGINS=https://a.example/: expected"),
        ("ALLOWED_ORIGINS", "https://*.example", "ALLOWED_ORIGINS=https://*.example: expected"),
        ("TRUSTED_PROXIES", "*", "TRUSTED_PROXIES=*: '*' does not appear to be an IPv4 or IPv6"),
        ("TRUSTED_PROXIES", "::1,10.0.0.1/8", "TRUSTED_PROXIES=10.0.0.1/8: 10.0.0.1/8 has host"),
        ("MAX_CONNECTIONS", "-1", "MAX_CONNECTIONS=-1: expected `int` >= 0"),
        ("MAX_CONNECTION_AGE", "soon", "MAX_CONNECTION_AGE=soon: expected `float`"),
    ],
)
def test_a_bad_value_is_one_clear_line(name: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Settings, {name: value})
    assert str(caught.value).startswith(complaint)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)
