"""Settings from the environment: each program names its variables in a Struct.

Pure: the environment is given.
"""

import re
from collections.abc import Mapping
from typing import Literal, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"
_SECRET = frozenset(
    {
        "API_KEYS",
        "DATABASE_URL",
        "HEARTBEAT_URL",
        "MQTT_PASSWORD",
        "MQTT_URL",
        "NOTIFY_RULES",
        "REDIS_URL",
        "SESSION_SECRET",
        "VAPID_PRIVATE_KEY",
        "WEBSOCKET_TOKEN",
    }
)


class SettingsError(ValueError):
    """A setting that cannot be used; its text is one line and names the variable."""


S = TypeVar("S", bound=msgspec.Struct)


def load(kind: type[S], environment: Mapping[str, str]) -> S:
    """Read settings from the environment.

    Args:
        kind: The Struct to fill; its fields in upper case are the variables' names.
        environment: Usually `os.environ`.

    Returns:
        The settings. A variable that is absent or blank leaves its default; one of a few words, as
        levels are, may be written in any case of letters.

    Raises:
        SettingsError: A value that cannot be used, named in one line. Secrets are not quoted.

    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    values = {
        name: _read(value, fields[name])
        for name, value in environment.items()
        if name in fields and value.strip()
    }
    for name, value in values.items():
        if not _can_be_sent("".join(value)):
            raise SettingsError(f"{name}: expected UTF-8")
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, SettingsError):
            raise error.__cause__ from None
        raise SettingsError(_explain(str(error), values, fields)) from None


def _can_be_sent(value: str) -> bool:
    # The environment gives a byte that is not UTF-8 as a lone surrogate.
    return value.encode(errors="replace").decode() == value


def _read(value: str, field: FieldInfo) -> str | list[str]:
    # A line end too many is easily had where secrets are files.
    value = value.strip()
    if get_origin(field.type) is tuple:
        return [part.strip() for part in value.split(",") if part.strip()]
    if get_origin(field.type) is Literal:
        choices: dict[str, str] = {choice.lower(): choice for choice in get_args(field.type)}
        return choices.get(value.lower(), value)
    # msgspec reads "true" and "1"; people also write these.
    return {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower(), value)


def _explain(error: str, values: Mapping[str, object], fields: Mapping[str, FieldInfo]) -> str:
    found = re.fullmatch(r"(?P<what>.+?)(?:, got `\w+`)? - at `\$\.(?P<name>\w+)`", error)
    if not found:
        return error
    name, what = found["name"], found["what"].replace("Expected", "expected")
    if choices := get_args(fields[name].type) if what.startswith("Invalid enum value") else ():
        what = f"expected one of {', '.join(map(str, choices))}"
    return f"{name}: {what}" if name in _SECRET else f"{name}={values[name]}: {what}"


def check_url(variable: str, url: str, schemes: tuple[str, ...]) -> None:
    """Check that a URL is empty or has one of these schemes.

    Raises:
        SettingsError: It has not. The text does not quote it, for it may hold a password.

    """
    if url and not url.startswith(schemes):
        raise SettingsError(f"{variable}: expected one of {', '.join(schemes)} in front")


def names_in(text: str) -> list[str]:
    """Return the names in a list that is separated by commas."""
    return [name for part in text.split(",") if (name := part.strip())]
