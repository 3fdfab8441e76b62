"""Settings, all from the environment: checked at start, and as they are from then on."""

import ipaddress
import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hsi.redis_url import check_redis_url
from hsi.schemas import channels
from hsi.settings import DEFAULT_REDIS_URL, SettingsError
from hsi_service.origins import Origin, is_loopback

_DAY = 86400
PositiveSeconds = Annotated[float, Meta(gt=0, le=_DAY)]
Seconds = Annotated[float, Meta(ge=0, le=_DAY)]
Limit = Annotated[int, Meta(ge=0, le=10_000_000)]
"""How many at most; 0 is no limit."""

_DIGEST = re.compile(r"[0-9a-fA-F]{64}")


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
    """SHA-256 digests (hex) of the API keys that let a client in."""
    websocket_token: str = ""
    """A secret that lets a client in as `?token=`; empty for none."""
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
    max_connection_age: Seconds = 0
    """Seconds after which a client is asked to come back; 0 is never."""
    heartbeat_interval: PositiveSeconds = 30
    """Seconds between heartbeats to a client."""
    slim_peers: bool = True
    """Hand connections over to the hub after their handshake."""
    history_length: Annotated[int, Meta(ge=1, le=10_000_000)] = channels.HISTORY_LENGTH
    """Messages that a channel's history keeps."""
    drain_delay: Seconds = 5
    """Seconds between turning unready and closing clients, for load balancers to notice."""
    drain_window: Seconds = 20
    """Seconds over which clients are closed, so that they do not come back all at once."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "console"] = "auto"
    """JSON for machines, console for people; auto decides by whether stderr is a terminal."""

    @property
    def has_credentials(self) -> bool:
        """Tell whether there is something that a client can prove itself with."""
        return bool(self.api_keys or self.websocket_token)

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        check_redis_url(self.redis_url)
        _check_digests(self.api_keys)
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
                "AUTH_DISABLED=true would serve everybody, but API_KEYS or WEBSOCKET_TOKEN is set: "
                "take one of them away",
            )
        if not (self.auth_disabled or self.has_credentials or is_loopback(self.host)):
            raise SettingsError(
                f"HOST={self.host}: would be open to everybody who can reach it; set API_KEYS "
                "(`hsi keys new` makes one) or, if it is what you want, AUTH_DISABLED=true",
            )


def _check_digests(digests: tuple[str, ...]) -> None:
    for number, digest in enumerate(digests, start=1):
        if not _DIGEST.fullmatch(digest):
            raise SettingsError(
                f"API_KEYS: number {number} of {len(digests)} is not a SHA-256 digest (64 hex "
                "digits); `hsi keys new` makes a key and prints its digest",
            )
