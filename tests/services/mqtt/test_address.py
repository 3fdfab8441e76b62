from pathlib import Path

import pytest

from hsi.settings import SettingsError
from services.mqtt.address import parse_address


def test_a_url_names_host_port_tls_and_user() -> None:
    plain = parse_address("mqtt://home:quiet%40@broker")
    assert (plain.host, plain.port, plain.tls) == ("broker", 1883, False)
    assert (plain.username, plain.password) == ("home", "quiet@")
    encrypted = parse_address("mqtts://[::1]/", username="home")
    assert (encrypted.host, encrypted.port, encrypted.tls) == ("::1", 8883, True)
    assert str(encrypted) == "mqtts://[::1]:8883"


def test_its_text_has_no_secret() -> None:
    address = parse_address("mqtt://home:quiet@broker:1")
    assert "quiet" not in f"{address} {address!r} {[address]}"


@pytest.mark.parametrize(
    ("url", "more", "expected"),
    [
        ("http://quiet@host", {}, "mqtt://host"),
        ("mqtt://", {}, "mqtt://host"),
        ("mqtt://host:quiet", {}, "no URL"),
        ("mqtt://home:qui/et@host", {}, "MQTT_URL"),
        ("mqtt://host:1/quiet", {}, "%2F"),
        ("mqtt://host", {"ca": "ca.pem"}, "mqtts://"),
        ("mqtts://host", {"key": "a.key"}, "MQTT_CERT"),
        ("mqtt://host", {"password": "quiet"}, "MQTT_USERNAME"),
    ],
)
def test_what_cannot_be_used_is_said_without_quoting_it(
    url: str, more: dict[str, str], expected: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_address(url, **more)
    assert expected in str(refused.value)
    assert "quiet" not in str(refused.value)


def test_a_file_that_is_missing_or_no_certificate_is_named(tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nothing")
    missing = str(tmp_path / "missing.pem")
    for name, value in (("ca", missing), ("ca", str(nonsense))):
        with pytest.raises(SettingsError, match="MQTT_CA"):
            parse_address("mqtts://host", **{name: value}).tls_context()
    for value in (missing, str(nonsense)):
        with pytest.raises(SettingsError, match="MQTT_CERT"):
            parse_address("mqtts://host", certificate=value).tls_context()
