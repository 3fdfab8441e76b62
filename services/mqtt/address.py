"""Where the broker is, and how a client proves itself there. Its text never holds a secret."""

import ssl
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from hsi.settings import SettingsError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerAddress(Struct, frozen=True, kw_only=True):
    """A broker, and the client that this service is to it."""

    host: str
    port: int
    tls: bool = False
    username: str = ""
    password: str = ""
    ca: str = ""
    """A file with the authorities that are believed; empty: those of the system."""
    certificate: str = ""
    """A file with the client's certificate, and its key where `key` is empty."""
    key: str = ""
    client_id: str = "hsi-realtime"

    def __str__(self) -> str:
        """Return it for people, without credentials."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"

    def __repr__(self) -> str:
        """Return no more than for people: a traceback may show it."""
        return f"BrokerAddress({self})"

    def tls_context(self) -> ssl.SSLContext | None:
        """Read the files; return how the broker is spoken to, or None without TLS.

        Raises:
            SettingsError: A file cannot be used.

        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
        except OSError as error:
            raise SettingsError(f"MQTT_CA={self.ca}: {_reason(error)}") from None
        if self.certificate:
            try:
                # A key with a passphrase would ask the terminal for it.
                context.load_cert_chain(self.certificate, self.key or None, password=_no_passphrase)
            except (OSError, ValueError) as error:
                raise SettingsError(
                    f"MQTT_CERT={self.certificate}, MQTT_KEY={self.key}: {_reason(error)}"
                ) from None
        return context


def parse_address(
    url: str,
    *,
    username: str = "",
    password: str = "",
    ca: str = "",
    certificate: str = "",
    key: str = "",
    client_id: str = "hsi-realtime",
) -> BrokerAddress:
    """Return the broker that a URL and the settings beside it name.

    Args:
        url: mqtt:// or mqtts:// (TLS), `user:password@`, host and port.
        username: Instead of the URL's.
        password: Instead of the URL's.
        ca: A file with the authorities that are believed.
        certificate: A file with the client's certificate.
        key: A file with its key.
        client_id: By which the broker knows this service's session.

    Raises:
        SettingsError: It cannot be used. The text quotes no URL, for it may hold a password.

    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError("MQTT_URL: is no URL; expected mqtt://host:1883") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise SettingsError("MQTT_URL: expected mqtt://host:1883 or mqtts://host:8883")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise SettingsError(
            "MQTT_URL: nothing is expected after the port; a / ? # or @ in a password is written "
            "%2F %3F %23 %40, or the password goes into MQTT_PASSWORD"
        )
    tls = parts.scheme == "mqtts"
    if (ca or certificate or key) and not tls:
        raise SettingsError("MQTT_CA, MQTT_CERT and MQTT_KEY are for TLS: expected mqtts://")
    if key and not certificate:
        raise SettingsError("MQTT_KEY: is the key of a certificate; MQTT_CERT is not set")
    username = username or unquote(parts.username or "")
    password = password or unquote(parts.password or "")
    if password and not username:
        raise SettingsError("MQTT_PASSWORD: is whose? Set MQTT_USERNAME, or mqtt://user@host")
    return BrokerAddress(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        tls=tls,
        username=username,
        password=password,
        ca=ca,
        certificate=certificate,
        key=key,
        client_id=client_id,
    )


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase, and nobody is there to type it")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return error.strerror or type(error).__name__
    return str(error)
