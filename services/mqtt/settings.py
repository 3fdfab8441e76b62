"""What this service reads from the environment, beside what all do."""

import re
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta

from hsi.settings import SettingsError
from hsi_service.settings import LeaseSeconds, Settings
from services.mqtt.address import BrokerAddress, parse_address
from services.mqtt.messages import check_topic
from services.mqtt.risk import DEFAULT, RiskTableError, Row, parse_table

_FRIGATE = re.compile(r"(https?://[^\s/?#\\@]+|(?=/(?![/\\])))(/[^\s?#\\]*)?")
_DASHBOARD = re.compile(r"https?://[^\s/?#\\@]+(/[^\s?#\\]*)?")
_MAX_FILE = 1024 * 1024


class MqttSettings(Settings, frozen=True, kw_only=True, rename="upper"):
    """Settings of the mqtt service."""

    mqtt_url: str = ""
    """The broker, as mqtt:// or mqtts:// (TLS), `user@`, host and port; the service needs it."""
    mqtt_username: str = ""
    """Instead of the one in the URL."""
    mqtt_password: str = ""
    """Instead of the one in the URL."""
    mqtt_password_file: str = ""
    """A file that holds it."""
    mqtt_ca: str = ""
    """A file with the authorities that are believed; empty: the system's."""
    mqtt_cert: str = ""
    """A file with the client's certificate, and its key where MQTT_KEY is empty."""
    mqtt_key: str = ""
    """A file with the key of the client's certificate."""
    mqtt_client_id: Annotated[str, Meta(min_length=1, max_length=128)] = "hsi-realtime"
    """By which the broker keeps what comes while nobody is connected; the same for all replicas."""
    mqtt_topic: Annotated[str, Meta(min_length=1)] = "hsi"
    """Below which this service publishes."""
    frigate_topic: str = "frigate"
    """Frigate's `topic_prefix`; `none` follows no Frigate."""
    frigate_follow: Literal["events", "reviews"] = "events"
    """An event for each tracked object, or for each review."""
    frigate_url: str = ""
    """Where browsers reach Frigate, for pictures and clips; empty: events have none."""
    frigate_risks: str = ""
    """The table of risks: a JSON list, or a file with one; empty: the usual one."""
    timezone: str = "UTC"
    """The time zone of the home, as Europe/Berlin: the table's hours are in it."""
    ha_discovery_prefix: str = "homeassistant"
    """Home Assistant's discovery prefix; `none` tells it nothing."""
    dashboard_url: str = ""
    """Where people reach the dashboard, for links; empty: there are none."""
    lease_seconds: LeaseSeconds = 10
    """Seconds until another replica takes over from one that died."""

    def address(self) -> BrokerAddress:
        """Return the broker.

        Raises:
            SettingsError: It cannot be used.

        """
        password = self.mqtt_password
        if self.mqtt_password_file:
            if password:
                raise SettingsError("MQTT_PASSWORD and MQTT_PASSWORD_FILE are both set")
            password = _read("MQTT_PASSWORD_FILE", self.mqtt_password_file).strip("\r\n")
        return parse_address(
            self.mqtt_url,
            username=self.mqtt_username,
            password=password,
            ca=self.mqtt_ca,
            certificate=self.mqtt_cert,
            key=self.mqtt_key,
            client_id=self.mqtt_client_id,
        )

    def risks(self) -> tuple[Row, ...]:
        """Return the table of risks.

        Raises:
            SettingsError: It cannot be used.

        """
        if not self.frigate_risks:
            return DEFAULT
        text, where = self.frigate_risks, "FRIGATE_RISKS"
        if not text.startswith("["):
            text, where = _read(where, text), f"{where}={text}"
        try:
            return parse_table(text)
        except RiskTableError as error:
            raise SettingsError(f"{where}: {error}") from None

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the home."""
        return ZoneInfo(self.timezone)

    @property
    def follows_frigate(self) -> bool:
        """Whether there is a Frigate."""
        return self.frigate_topic.lower() != "none"

    @property
    def tells_home_assistant(self) -> bool:
        """Whether there is a Home Assistant."""
        return self.ha_discovery_prefix.lower() != "none"

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        super().__post_init__()
        if not self.mqtt_url:
            raise SettingsError(
                "MQTT_URL: not set, and without a broker there is nothing to do; "
                "expected mqtt://host:1883 or mqtts://host:8883"
            )
        self.address().tls_context()
        self.risks()
        for variable, topic in (
            ("FRIGATE_TOPIC", self.frigate_topic),
            ("MQTT_TOPIC", self.mqtt_topic),
            ("HA_DISCOVERY_PREFIX", self.ha_discovery_prefix),
        ):
            try:
                check_topic(topic)
            except ValueError as error:
                raise SettingsError(f"{variable}: {error}") from None
        if self.dashboard_url and not _DASHBOARD.fullmatch(self.dashboard_url):
            raise SettingsError(
                "DASHBOARD_URL: expected https://host, and a path if there is one; no credentials"
            )
        if self.frigate_url and not _FRIGATE.fullmatch(self.frigate_url):
            raise SettingsError(
                "FRIGATE_URL: expected http://host:5000 or https://…, without credentials, or a "
                "path of the dashboard's own origin"
            )
        try:
            _ = self.zone
        except (OSError, ValueError, KeyError):
            raise SettingsError(
                f"TIMEZONE={self.timezone}: there is none of this name; expected one as "
                "Europe/Berlin"
            ) from None


def _read(variable: str, file: str) -> str:
    """Read a small file.

    Raises:
        SettingsError: It cannot be read. The text does not quote it.

    """
    path = Path(file)
    try:
        if path.stat().st_size > _MAX_FILE:
            raise SettingsError(f"{variable}={file}: has more than {_MAX_FILE} bytes")
        return path.read_text("utf-8")
    except OSError as error:
        raise SettingsError(f"{variable}={file[:200]}: {error.strerror}") from None
    except ValueError:
        raise SettingsError(f"{variable}={file[:200]}: is no text") from None
