"""Settings, all from the environment: checked at start, and as they are from then on."""

import ipaddress
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hsi.keys import KeyEntry, parse_entries
from hsi.loopback import is_loopback
from hsi.redis_url import check_redis_url
from hsi.schemas import channels
from hsi.settings import DEFAULT_REDIS_URL, SettingsError
from hsi_service.origins import Origin

_DAY = 86400
PositiveSeconds = Annotated[float, Meta(gt=0, le=_DAY)]
Seconds = Annotated[float, Meta(ge=0, le=_DAY)]
LeaseSeconds = Annotated[float, Meta(ge=0.5, le=300)]
"""Seconds until another replica takes over from one that died."""
Limit = Annotated[int, Meta(ge=0, le=10_000_000)]
"""How many at most; 0 is no limit."""

MIN_SECRET = 32
"""Characters of a secret that people choose; fewer could be found by trying."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What every service reads from the environment; an empty variable counts as unset."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""
    redis_url: str = DEFAULT_REDIS_URL
    """Redis, as redis://, rediss:// (TLS) or unix://."""
    redis_event_channel: Annotated[str, Meta(min_length=1)] = channels.SECURITY_EVENTS
    """Channel of security events (R22)."""
    api_keys: tuple[str, ...] = ()
    """The API keys that let a client in: SHA-256 digests (hex), or name:scope:digest."""
    api_keys_file: str = ""
    """A file with more of them, one a line, which is read again when it changes; empty for none."""
    session_secret: str = ""
    """What cookies are sealed with, the same for all services; empty: nobody can sign in."""
    websocket_token: str = ""
    """A secret that lets a client in as `?token=`, with scope `read`; empty for none."""
    auth_disabled: bool = False
    """Serve everybody who can reach this address, instead of this machine alone."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of pages on other hosts that may connect."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks (CIDR) whose X-Forwarded-For is believed; empty: nobody's."""
    max_connections: Limit = 10_000
    """Clients of this replica."""
    max_connections_per_ip: Limit = 500
    """Clients of this replica from one address: behind NAT that is a whole home or office."""
    handshake_rate_limit: Limit = 600
    """Handshakes from one address in a minute; enough for all of its clients to come back."""
    message_rate_limit: Limit = 600
    """Messages that a client may send in a minute."""
    max_unsent_mib: Limit = 128
    """MiB that may wait for all clients of this replica; over it, the heaviest are closed."""
    max_unsent_mib_per_ip: Limit = 64
    """MiB that may wait for the clients of one address."""
    replay_rate_limit: Limit = 512
    """MiB of histories that an address is sent in a minute; what is more comes more slowly."""
    max_connection_age: Seconds = 0
    """Seconds after which a client is asked to come back; 0 is never."""
    compression: bool = False
    """Send clients that accept it deflated messages (permessage-deflate), and take theirs."""
    heartbeat_interval: PositiveSeconds = 30
    """Seconds between heartbeats to a client."""
    history_length: Annotated[int, Meta(ge=1, le=10_000_000)] = channels.HISTORY_LENGTH
    """Messages that a channel's history keeps."""
    wait_for_replicas: Annotated[int, Meta(ge=0, le=100)] = 0
    """Replicas of Redis that have an event, or a job's line, before its sender is told so."""
    drain_delay: Seconds = 5
    """Seconds between turning unready and closing clients, for load balancers to notice."""
    drain_window: Seconds = 20
    """Seconds over which clients are closed, so that they do not come back all at once."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "console"] = "auto"
    """JSON for machines, console for people; auto decides by whether stderr is a terminal."""

    @property
    def has_credentials(self) -> bool:
        """Return whether there is something that a client can prove itself with."""
        return bool(self.api_keys or self.api_keys_file or self.websocket_token)

    def key_entries(self) -> list[KeyEntry]:
        """Return the keys of `API_KEYS`.

        Raises:
            SettingsError: One of them is not a key.

        """
        try:
            return parse_entries(self.api_keys, what="API_KEYS")
        except ValueError as error:
            raise SettingsError(str(error)) from None

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        check_redis_url(self.redis_url)
        self.key_entries()
        _check_secret("WEBSOCKET_TOKEN", self.websocket_token)
        _check_secret("SESSION_SECRET", self.session_secret)
        for origin in self.allowed_origins:
            if Origin.parse(origin) is None:
                raise SettingsError(
                    f"ALLOWED_ORIGINS={origin}: expected scheme://host or scheme://host:port, "
                    "without a path, as browsers write it",
                )
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                # It says what is wrong: no address, or bits to the right of the prefix.
                raise SettingsError(f"TRUSTED_PROXIES={proxy}: {error}") from None
        if self.auth_disabled and self.has_credentials:
            raise SettingsError(
                "AUTH_DISABLED=true would serve everybody, but API_KEYS, API_KEYS_FILE or "
                "WEBSOCKET_TOKEN is set: take one of them away",
            )
        if not (self.auth_disabled or self.has_credentials or is_loopback(self.host)):
            raise SettingsError(
                f"HOST={self.host}: would be open to everybody who can reach it; set API_KEYS "
                "(`hsi keys new` makes one) or, if it is what you want, AUTH_DISABLED=true",
            )


def _check_secret(variable: str, secret: str) -> None:
    """Check that nobody guesses a secret.

    Raises:
        SettingsError: It is too short. The text does not quote it.

    """
    if secret and len(secret) < MIN_SECRET:
        raise SettingsError(
            f"{variable}: {len(secret)} characters can be guessed; expected {MIN_SECRET} or more "
            "random ones (`openssl rand -hex 32` makes some)",
        )
