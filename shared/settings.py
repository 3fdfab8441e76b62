"""Settings: everything comes from the environment, is checked at start, and stays as it is."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo

_DAY = 86400
PositiveSeconds = Annotated[float, Meta(gt=0, le=_DAY)]
Seconds = Annotated[float, Meta(ge=0, le=_DAY)]

_REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
_SECRET = frozenset({"REDIS_URL", "DATABASE_URL", "API_KEYS", "WEBSOCKET_TOKEN"})


class SettingsError(ValueError):
    """A setting that cannot be used; its text is one line and names the variable."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """What every service reads from the environment; an empty variable counts as unset."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8000
    """Port to listen on; 0 takes a free one."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """Redis, as redis://, rediss:// (TLS) or unix://."""
    redis_event_channel: Annotated[str, Meta(min_length=1)] = "security_events"
    """Channel of security events (seed: Channel Configuration)."""
    auth_disabled: bool = False
    """Serve everybody who can reach this address, instead of this machine alone."""
    heartbeat_interval: PositiveSeconds = 30
    """Seconds between heartbeats to a client."""
    history_length: Annotated[int, Meta(ge=1, le=10_000_000)] = 10_000
    """Messages that a channel's history keeps."""
    drain_delay: Seconds = 5
    """Seconds between turning unready and closing clients, for load balancers to notice."""
    drain_window: Seconds = 20
    """Seconds over which clients are closed, so that they do not come back all at once."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "json", "console"] = "auto"
    """JSON for machines, console for people; auto decides by whether stderr is a terminal."""

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        if not self.redis_url.startswith(_REDIS_SCHEMES):
            raise SettingsError(f"REDIS_URL: expected one of {', '.join(_REDIS_SCHEMES)} in front")
        if not self.auth_disabled and not _is_loopback(self.host):
            raise SettingsError(
                f"HOST={self.host}: would be open to everybody who can reach it; "
                "set AUTH_DISABLED=true if that is what you want",
            )


S = TypeVar("S", bound=msgspec.Struct)


def load(kind: type[S], environment: Mapping[str, str]) -> S:
    """Read settings from the environment.

    Args:
        kind: The Struct to fill; its fields in upper case are the variables' names.
        environment: Usually `os.environ`.

    Raises:
        SettingsError: A value that cannot be used, named in one line. Secrets are not quoted.

    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values = {
        name: _boolean(value) for name, value in environment.items() if name in fields and value
    }
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, SettingsError):
            raise error.__cause__ from None
        raise SettingsError(_explain(str(error), values, fields)) from None


def _boolean(value: str) -> str:
    # msgspec reads "true" and "1"; people also write these.
    return {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower(), value)


def _explain(error: str, values: Mapping[str, str], fields: Mapping[str, FieldInfo]) -> str:
    found = re.fullmatch(r"(?P<what>.+?)(?:, got `\w+`)? - at `\$\.(?P<name>\w+)`", error)
    if not found:
        return error
    name, what = found["name"], found["what"].replace("Expected", "expected")
    if choices := get_args(fields[name].type) if what.startswith("Invalid enum value") else ():
        what = f"expected one of {', '.join(map(str, choices))}"
    return f"{name}: {what}" if name in _SECRET else f"{name}={values[name]}: {what}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
