"""The URL of a PostgreSQL, as the libraries of this world write it, for asyncpg. Pure.

asyncpg sends every parameter that it does not know to the server, which then refuses the
connection: a healthy server would look as if it could not be reached. So each parameter is taken as
what it means to the library that has it: given on, translated, left out because it is decided here
(time limits, pools, names), or refused.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode

from hsi.settings import SettingsError
from hsi.url_parts import NOT_UTF8, is_utf8, may_be_host

_SCHEME = re.compile(
    r"(?:jdbc:)?(?:postgres|postgresql|postgis|pgsql|psql)(?:\+[\w.]+)?://", re.IGNORECASE
)
_GIVEN_ON = frozenset(
    {
        "dbname",
        "gsslib",
        "host",
        "krbsrvname",
        "options",
        "passfile",
        "password",
        "port",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslpassword",
        "sslrootcert",
        "target_session_attrs",
        "user",
    }
)
"""What asyncpg does as libpq does."""
_OF_THE_SERVER = frozenset(
    {
        "client_min_messages",
        "datestyle",
        "default_transaction_isolation",
        "default_transaction_read_only",
        "extra_float_digits",
        "intervalstyle",
        "jit",
        "role",
        "search_path",
        "timezone",
        "work_mem",
    }
)
"""Settings of the server that people give to a session; others are given in `options`."""
_RENAMED = {
    "currentschema": "search_path",
    "database": "dbname",
    "schema": "search_path",
    "username": "user",
}
"""What JDBC, Prisma and others call them."""
_IGNORED = frozenset(
    {
        "application_name",
        "applicationname",
        "async_fallback",
        "client_encoding",
        "command_timeout",
        "conn_health_checks",
        "conn_max_age",
        "connect_timeout",
        "connection_limit",
        "connecttimeout",
        "default_query_exec_mode",
        "encoding",
        "fallback_application_name",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "idle_in_transaction_session_timeout",
        "idle_session_timeout",
        "load_balance_hosts",
        "lock_timeout",
        "logintimeout",
        "max_cacheable_statement_size",
        "max_cached_statement_lifetime",
        "max_overflow",
        "max_protocol_version",
        "max_size",
        "min_size",
        "pgbouncer",
        "pool",
        "pool_max_conns",
        "pool_min_conns",
        "pool_mode",
        "pool_pre_ping",
        "pool_recycle",
        "pool_size",
        "pool_timeout",
        "prepared_statement_cache_size",
        "prepared_statement_name_func",
        "prepared_statements",
        "preparethreshold",
        "reconnect",
        "socket_timeout",
        "sockettimeout",
        "sslcompression",
        "sslsni",
        "statement_cache_capacity",
        "statement_cache_size",
        "statement_timeout",
        "supa",
        "tcp_user_timeout",
        "tcpkeepalive",
        "timeout",
        "transaction_timeout",
        "uselibpqcompat",
    }
)
"""What is decided here, or makes no difference to how a connection is made."""
_ONLY = {
    "channel_binding": frozenset({"disable", "prefer"}),
    "gssdelegation": frozenset({"0"}),
    "gssencmode": frozenset({"allow", "disable", "prefer"}),
    "hostaddr": frozenset[str](),
    "min_protocol_version": frozenset({"3.0"}),
    "replication": frozenset({"0", "false", "no", "off"}),
    "require_auth": frozenset[str](),
    "requirepeer": frozenset[str](),
    "servicefile": frozenset[str](),
    "sslaccept": frozenset({"accept_invalid_certs"}),
    "sslcertmode": frozenset({"allow"}),
    "sslcrldir": frozenset[str](),
    "sslidentity": frozenset[str](),
    "sslkeylogfile": frozenset[str](),
}
"""What asyncpg cannot do; these values ask for nothing that it does not do anyway."""
_SSL_MODES = frozenset({"allow", "disable", "prefer", "require", "verify-ca", "verify-full"})
_SSL = {
    "": "require",
    "0": "disable",
    "1": "require",
    "false": "disable",
    "no-verify": "require",
    "off": "disable",
    "on": "require",
    "true": "require",
}
"""Other words for an sslmode; libpq itself takes `ssl=true` for `sslmode=require`."""
_CHOICES = {
    "gsslib": frozenset({"gssapi", "sspi"}),
    "sslmode": _SSL_MODES,
    "sslnegotiation": frozenset({"direct", "postgres"}),
    "target_session_attrs": frozenset(
        {"any", "prefer-standby", "primary", "read-only", "read-write", "standby"}
    ),
}
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+(?:%25?\w+)?\]|[\w.%~-]+)(?::(?P<port>[0-9]*))?")
_PORT = re.compile(r":[0-9]*$")
_NAME = re.compile(r"[\w.-]{1,40}")
_MAX_PORT = 65535
_ESCAPES = "in a password, @ / ? # and % are %40 %2F %3F %23 and %25"


class DatabaseUrl(NamedTuple):
    """How to connect."""

    dsn: str
    """For asyncpg."""
    system_certificates: bool
    """Whether the server's certificate has to be one that this machine trusts, and its name right
    (`sslrootcert=system`, which asyncpg does not know)."""


def check_database_url(url: str) -> None:
    """Check a URL of PostgreSQL; it may be empty.

    Raises:
        SettingsError: No connection can be made by it. The text does not quote it.

    """
    if url:
        parse(url)


def parse(url: str) -> DatabaseUrl:
    """Read a URL of PostgreSQL.

    Args:
        url: postgresql://, postgres://, or what a library of Python writes (postgresql+asyncpg://).

    Raises:
        SettingsError: No connection can be made by it: the text is one line that names DATABASE_URL
            and does not quote it.

    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise _refusal("expected one of postgresql://, postgres:// in front")
    address, _, query = url[scheme.end() :].partition("?")
    authority, _, path = address.partition("/")
    _check_characters(url, address, path)
    login, _, hosts = authority.rpartition("@")
    user, _, password = (unquote(part) for part in login.partition(":"))
    parameters = _parameters(query)
    name = unquote(path)
    _say_once({"user": user, "password": password, "dbname": name}, parameters)
    hosts = _hosts(hosts, parameters)
    _check_hosts(hosts, parameters)
    system_certificates = parameters.get("sslrootcert") == "system"
    if system_certificates:
        if parameters.pop("sslmode", "verify-full") != "verify-full":
            raise _refusal("sslrootcert=system: expected sslmode=verify-full with it")
        del parameters["sslrootcert"]
    dsn = f"postgresql://{_login(user, password)}{hosts}"
    if path:
        dsn += f"/{quote(name, safe='')}"
    if parameters:
        dsn += f"?{urlencode(parameters, quote_via=quote)}"
    return DatabaseUrl(dsn, system_certificates)


def _refusal(why: str) -> SettingsError:
    return SettingsError(f"DATABASE_URL: {why}")


def _check_characters(url: str, address: str, path: str) -> None:
    if not is_utf8(url):
        raise _refusal(NOT_UTF8)
    if "#" in url:
        raise _refusal(f"expected no #; {_ESCAPES}")
    if "@" in path:
        raise _refusal(f"expected no @ after the host; {_ESCAPES}")
    if "\0" in unquote(address):
        raise _refusal("expected no %00: PostgreSQL has no name with a NUL in it")


def _hosts(hosts: str, parameters: dict[str, str]) -> str:
    """Return the hosts of the address, after the parameters have what it says besides."""
    if re.fullmatch(r":[0-9]+", hosts):
        _say_once({"port": hosts[1:]}, parameters)
        parameters["port"] = hosts[1:]
        return ""
    if hosts:
        host, _, port = hosts.rpartition(":") if _PORT.search(hosts) else (hosts, "", "")
        _say_once({"host": host, "port": port}, parameters)
    return hosts


def _say_once(said: dict[str, str], parameters: dict[str, str]) -> None:
    """Leave out of the parameters what the address says; what contradicts it is refused."""
    for name, value in said.items():
        if value and parameters.pop(name, value) != value:
            raise _refusal(f"{name}: said twice")


def _login(user: str, password: str) -> str:
    if not user and not password:
        return ""
    return f"{quote(user, safe='')}:{quote(password, safe='')}@"


def _parameters(query: str) -> dict[str, str]:
    """Return what asyncpg is to be given."""
    found: dict[str, str] = {}
    sslmodes = set()
    for name, value in _pairs(query):
        if name in {"ssl", "requiressl", "sslmode"}:
            found["sslmode"] = _sslmode(name, value.lower())
            sslmodes.add(found["sslmode"])
        elif name == "direct_tls":
            if value.lower() in {"1", "true"}:
                found["sslnegotiation"] = "direct"
        elif name in {"host", "port"} and name in found:
            found[name] += f",{value}"  # So SQLAlchemy names several.
        elif value and found.setdefault(name, value) != value:
            raise _refusal(f"{name}: said twice")
    if len(sslmodes) > 1:
        raise _refusal("sslmode and ssl contradict each other")
    for name, choices in _CHOICES.items():
        if name in found and found[name] not in choices:
            raise _refusal(f"{name}: expected one of {', '.join(sorted(choices))}")
    return found


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters that are for asyncpg or the server, by the names that they have there.

    Raises:
        SettingsError: One is not known, or asks for what asyncpg cannot do.

    """
    for given, value in parse_qsl(query, keep_blank_values=True):
        if "\0" in value:
            raise _refusal("expected no %00: PostgreSQL has no value with a NUL in it")
        lower = given.lower()
        name = _RENAMED.get(lower, lower)
        if name == "service":
            raise _refusal("service: no service file is read here; the URL says it all")
        if name in _ONLY:
            if value and value.lower() not in _ONLY[name]:
                raise _refusal(f"{name}: not supported by asyncpg, the driver used here")
        elif name in _IGNORED:
            continue
        elif name in _GIVEN_ON | _OF_THE_SERVER | {"direct_tls", "requiressl", "ssl"}:
            yield name, value
        elif _NAME.fullmatch(given) and "@" not in query:
            # A parameter with a dot is an extension's, which the server takes as it is.
            if "." not in given:
                raise _refusal(f"{given}: not a parameter that is known")
            yield given, value
        else:
            raise _refusal(f"a parameter after the ? is not known; {_ESCAPES}")


def _sslmode(name: str, value: str) -> str:
    if name == "requiressl":
        return "require" if value == "1" else "prefer"
    if name == "sslmode" and not value:
        return "prefer"
    mode = _SSL.get(value, value)
    if mode not in _SSL_MODES:
        raise _refusal(f"{name}: expected one of {', '.join(sorted(_SSL_MODES))}")
    return mode


def _check_hosts(hosts: str, parameters: dict[str, str]) -> None:
    ports = parameters.get("port", "5432").split(",")
    for host in hosts.split(",") if hosts else ():
        found = _HOST.fullmatch(host)
        if not found or not may_be_host(found["host"].strip("[]")):
            raise _refusal(f"expected host or host:port; {_ESCAPES}")
        ports.append(found["port"] or "5432")
    for host in parameters["host"].split(",") if "host" in parameters else ():
        found = _HOST.fullmatch(host)
        is_host = found and may_be_host(found["host"].strip("[]"))
        if not host.startswith("/") and not is_host:
            raise _refusal("host: expected host, host:port, or the folder of a socket")
    if any(not (p.isascii() and p.isdigit() and 0 < int(p) <= _MAX_PORT) for p in ports):
        raise _refusal(f"expected a port from 1 to {_MAX_PORT}; {_ESCAPES}")
