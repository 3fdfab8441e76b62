"""The URL of a Redis, read once by redis-py, which connects by it.

Left to itself, redis-py lets the query of a URL win over what a program needs, and finds most of
what cannot work only when it connects, at each attempt again. So a URL is taken apart here: what a
user decides (the server, the database, who logs in, TLS) is kept; what this package decides (time
limits, the protocol, decoding, retries, names, sizes) is checked and otherwise ignored; and what no
connection can be made with is refused.
"""

import os
import re
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import RedisError

from hsi.sentinels import Sentinels
from hsi.settings import SettingsError
from hsi.url_parts import NOT_UTF8, is_utf8, may_be_host

_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")
_IGNORED = frozenset(
    {
        "client_name",
        "decode_responses",
        "driver_info",
        "encoding",
        "encoding_errors",
        "health_check_interval",
        "legacy_responses",
        "lib_name",
        "lib_version",
        "max_connections",
        "protocol",
        "retry",
        "retry_on_error",
        "retry_on_timeout",
        "single_connection_client",
        "socket_connect_timeout",
        "socket_read_size",
        "socket_timeout",
        "timeout",
    }
)
"""Options of redis-py that this package decides: a URL may have them, and changes nothing."""
_LOGIN = frozenset({"db", "password", "username"})
_TCP = _LOGIN | {"host", "port", "socket_keepalive"}
_TLS = frozenset(
    {
        "ssl_ca_certs",
        "ssl_ca_data",
        "ssl_ca_path",
        "ssl_cert_reqs",
        "ssl_certfile",
        "ssl_check_hostname",
        "ssl_ciphers",
        "ssl_exclude_verify_flags",
        "ssl_include_verify_flags",
        "ssl_keyfile",
        "ssl_min_version",
        "ssl_password",
    }
)
"""Those that redis-py knows with asyncio and without."""
_CERT_REQS = ("none", "optional", "required")
_WANTS_TLS = frozenset({"ssl", "tls", "use_ssl", "use_tls"})
_HOST = re.compile(r"[\w.:%~-]+")
_AUTHORITY = re.compile(r"rediss?://(?:[^/?#]*@)?(?P<hosts>[^/?#@]*)(?:[/?]|$)")
_BRACKETS = re.compile(r"[^\[\]]*|\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%25?\w+)?\](?::[^\[\]]*)?")
_SWITCHES = frozenset({"socket_keepalive", "ssl_check_hostname"})
_SWITCH_VALUES = frozenset({"", "0", "1", "f", "false", "n", "no", "t", "true", "y", "yes"})
"""What redis-py reads as it is meant; anything else is yes to it, `off` too."""
_NAME = re.compile(r"[\w.-]{1,40}")
_DATABASE = re.compile(r"/?[0-9]{0,9}/?")
_BAD_VALUE = re.compile(r"Invalid value for '(\w+)' in connection URL\.")
_SENTINEL = re.compile(
    r"(?P<scheme>rediss?)\+sentinel://(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]*)"
    r"(?:/(?P<primary>[^/?#]*))?(?P<database>/[^?#]*)?(?:\?(?P<query>[^#]*))?"
)
_SENTINEL_PORT = 26379
_SENTINEL_LOGIN = {"sentinel_username": "username", "sentinel_password": "password"}
_SENTINEL_FORM = "redis+sentinel://a:26379,b:26379,c:26379/mymaster/0"
_MAX_PORT = 65535
_MAX_DATABASE = 2**31 - 1
"""The last that Redis can be asked for: it reads the number into an int."""
_MAX_UNIX_PATH = 107
"""Bytes that Linux takes; some systems take fewer."""
_ESCAPES = "in a password, / ? # and % are %2F %3F %23 and %25"


class RedisUrl(NamedTuple):
    """What a URL says of how to connect."""

    transport: Literal["tcp", "tls", "unix"]
    options: Mapping[str, Any]
    """Arguments of redis-py's connections, by asyncio and without."""
    sentinels: Sentinels | None = None
    """Who knows the host and the port; None: the options say it."""


def check_redis_url(url: str) -> None:
    """Check a URL of Redis.

    Raises:
        SettingsError: No connection can be made by it. The text does not quote it.

    """
    parse(url)


@lru_cache(maxsize=8)
def parse(url: str) -> RedisUrl:
    """Read a URL of Redis.

    Args:
        url: redis://, rediss:// or unix://; redis+sentinel:// or rediss+sentinel://.

    Raises:
        SettingsError: No connection can be made by it: the text is one line that names REDIS_URL
            and does not quote it.

    """
    if not url.startswith(_SCHEMES):
        raise _refusal(f"expected one of {', '.join(_SCHEMES)} in front")
    if not is_utf8(url):
        raise _refusal(NOT_UTF8)
    if "+sentinel://" in url[: len("rediss+sentinel://")]:
        return _parse_sentinel(url)
    parts = _split(url)
    transport: Literal["tcp", "tls", "unix"]
    if parts.scheme == "unix":
        transport, allowed = "unix", _LOGIN | {"path"}
    elif parts.scheme == "rediss":
        transport, allowed = "tls", _TCP | _TLS
    else:
        transport, allowed = "tcp", _TCP
    # redis-py leaves out an option without a value; one that it does not know is a mistake anyway.
    _check_query(parts, allowed)
    try:
        found: dict[str, Any] = dict(parse_url(url))
    except ValueError as error:
        # Its text names the option, and does not have the value; any other text might.
        option = _BAD_VALUE.fullmatch(str(error))
        raise _refusal(f"{option[1]}: not a valid value" if option else _ESCAPES) from None
    options = {name: value for name, value in found.items() if name in allowed}
    if not 0 <= (options.get("db") or 0) <= _MAX_DATABASE:
        raise _refusal(f"db: expected a number from 0 to {_MAX_DATABASE}")
    if transport == "unix":
        _check_path(options.get("path", ""))
    else:
        _check_host(options)
    if transport == "tls":
        # OpenSSL would ask a terminal for the passphrase of a key.
        options.setdefault("ssl_password", "")
        _check_tls(options)
    return RedisUrl(transport, options)


def _parse_sentinel(url: str) -> RedisUrl:
    """Read it as one URL for each Sentinel, so that each is checked as any other."""
    found = _SENTINEL.fullmatch(url)
    if not found:
        raise _refusal(f"expected {_SENTINEL_FORM}; {_ESCAPES}")
    if not found["primary"]:
        raise _refusal(f"expected the name of the primary, as in {_SENTINEL_FORM}")
    query = parse_qsl(found["query"] or "", keep_blank_values=True)
    login = {_SENTINEL_LOGIN[name]: value for name, value in query if name in _SENTINEL_LOGIN}
    others = urlencode([(name, value) for name, value in query if name not in _SENTINEL_LOGIN])
    user = "" if found["login"] is None else f"{found['login']}@"
    addresses = []
    for host in found["hosts"].split(","):
        if not host.partition(":")[0]:
            raise _refusal(f"expected the host of each Sentinel, as in {_SENTINEL_FORM}")
        one = parse(f"{found['scheme']}://{user}{host}{found['database'] or ''}?{others}")
        options = dict(one.options)
        addresses.append((options.pop("host"), int(options.pop("port", _SENTINEL_PORT))))
    tls = {name: value for name, value in options.items() if name.startswith("ssl_")}
    if one.transport == "tls":
        tls["ssl"] = True
    return RedisUrl(
        one.transport, options, Sentinels(tuple(addresses), found["primary"], login | tls)
    )


def _refusal(why: str) -> SettingsError:
    return SettingsError(f"REDIS_URL: {why}")


def _split(url: str) -> SplitResult:
    """Return the parts of a URL whose password, if it has one, is where it seems to be."""
    authority = _AUTHORITY.match(url)
    if authority and _BRACKETS.fullmatch(authority["hosts"]) is None:
        raise _refusal("expected an IPv6 address in brackets, as in redis://[::1]:6379")
    if authority and "," in authority["hosts"]:
        raise _refusal(f"expected one host; for Sentinel, {_SENTINEL_FORM}")
    try:
        parts = urlsplit(url)
        port = parts.port  # It raises, and quotes a part of the password.
    except ValueError:
        raise _refusal(f"expected a port number; {_ESCAPES}") from None
    if "#" in url:
        raise _refusal(f"expected no #; {_ESCAPES}")
    if port == 0:
        raise _refusal(f"expected a port from 1 to {_MAX_PORT}")
    if parts.scheme == "unix":
        if parts.hostname:
            raise _refusal("expected unix:///path/to/socket, with three slashes")
    elif not _DATABASE.fullmatch(parts.path):
        raise _refusal(f"expected the number of a database after the host; {_ESCAPES}")
    return parts


def _check_query(parts: SplitResult, allowed: frozenset[str]) -> None:
    names: set[str] = set()
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in allowed | _IGNORED:
            raise _refusal(_why_not(name, parts))
        if name in names or (name in allowed and _is_said(name, parts)):
            raise _refusal(f"{name}: said twice")
        if name in _SWITCHES and value.lower() not in _SWITCH_VALUES:
            raise _refusal(f"{name}: expected true or false")
        names.add(name)


def _is_said(option: str, parts: SplitResult) -> bool:
    """Return whether the address says the same as an option after the ?."""
    said = {
        "db": parts.scheme != "unix" and parts.path.strip("/"),
        "host": parts.hostname,
        "password": parts.password,
        "path": parts.scheme == "unix" and parts.path,
        "port": parts.port,
        "username": parts.username,
    }
    return bool(said.get(option))


def _why_not(name: str, parts: SplitResult) -> str:
    if "@" in parts.query or not _NAME.fullmatch(name):
        return f"an option after the ? is not known; {_ESCAPES}"
    if name in _WANTS_TLS and parts.scheme != "unix":
        return f"{name}: not known; with TLS the URL begins with rediss://, without with redis://"
    if name in _TLS and parts.scheme == "redis":
        return f"{name}: only for TLS, whose URLs begin with rediss://"
    return f"{name}: not an option that redis-py takes from a {parts.scheme}:// URL"


def _check_path(path: str) -> None:
    if not path:
        raise _refusal("expected unix:///path/to/socket")
    if len(os.fsencode(path)) > _MAX_UNIX_PATH or "\0" in path:
        raise _refusal(f"expected the path of a socket, of at most {_MAX_UNIX_PATH} bytes")


def _check_host(options: Mapping[str, Any]) -> None:
    host = options.get("host", "localhost")
    if not _HOST.fullmatch(host) or not may_be_host(host):
        raise _refusal("expected the name or the address of one host")
    port = str(options.get("port", 1))
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _MAX_PORT):
        raise _refusal(f"port: expected a number from 1 to {_MAX_PORT}")


def _check_tls(options: Mapping[str, Any]) -> None:
    """Make the context that each connection will make."""
    if options.get("ssl_cert_reqs", "required") not in _CERT_REQS:
        raise _refusal(f"ssl_cert_reqs: expected one of {', '.join(_CERT_REQS)}")
    for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"):
        if name in options and not os.access(options[name], os.R_OK):
            raise _refusal(f"{name}: file cannot be read")
        if name in options and Path(options[name]).is_dir():
            raise _refusal(f"{name} is a directory")
    if "ssl_ca_path" in options and not Path(options["ssl_ca_path"]).is_dir():
        raise _refusal("ssl_ca_path is not a directory")
    try:
        SSLConnection(**options).ssl_context.get()
    except ssl.SSLError as error:
        reason = (getattr(error, "reason", None) or "not valid").replace("_", " ").lower()
        raise _refusal(f"its ssl_ options do not work: {reason}") from None
    except (OSError, RedisError, TypeError, ValueError) as error:
        raise _refusal(f"its ssl_ options do not work: {type(error).__name__}") from None
