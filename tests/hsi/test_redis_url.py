"""What a URL of Redis may say, and what it cannot: known at start, in one line, without secrets."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from hsi import Publisher, SyncPublisher
from hsi.consumer import Consumer
from hsi.joblogs import JobLogEmitter
from hsi.latency import LatencyRecorder
from hsi.redis_url import check_redis_url, parse
from hsi.settings import SettingsError


@pytest.mark.parametrize(
    ("url", "transport", "options"),
    [
        ("redis://h", "tcp", {"host": "h"}),
        ("redis://h/", "tcp", {"host": "h"}),
        ("redis://", "tcp", {}),
        ("redis://[::1]:6380/3", "tcp", {"host": "::1", "port": 6380, "db": 3}),
        ("redis://me:p%23%25%40@h/0", "tcp", {"username": "me", "password": "p#%@"}),
        ("redis://:p@ss:word@h", "tcp", {"host": "h", "password": "p@ss:word"}),
        ("redis://h/2?socket_keepalive=no", "tcp", {"db": 2, "socket_keepalive": False}),
        ("rediss://h?ssl_cert_reqs=none", "tls", {"ssl_cert_reqs": "none"}),
        ("rediss://h?ssl_check_hostname=false", "tls", {"ssl_check_hostname": False}),
        ("rediss://h?ssl_min_version=771", "tls", {"ssl_min_version": ssl.TLSVersion.TLSv1_2}),
        ("unix:///run/redis.sock?db=4", "unix", {"path": "/run/redis.sock", "db": 4}),
        ("unix://me:pw@/run/redis.sock", "unix", {"username": "me", "password": "pw"}),
    ],
)
def test_what_a_user_decides_is_kept(url: str, transport: str, options: dict[str, object]) -> None:
    found = parse(url)
    assert found.transport == transport
    assert options.items() <= found.options.items()


@pytest.mark.parametrize(
    ("url", "addresses", "primary", "login", "options"),
    [
        ("redis+sentinel://a/home", [("a", 26379)], "home", {}, {}),
        (
            "redis+sentinel://a:1,b:2,[::1]:3/home/4",
            [("a", 1), ("b", 2), ("::1", 3)],
            "home",
            {},
            {"db": 4},
        ),
        (
            "redis+sentinel://me:p%23%2540@a,b/home/0?sentinel_username=s&sentinel_password=q%26%2B",
            [("a", 26379), ("b", 26379)],
            "home",
            {"username": "s", "password": "q&+"},
            {"username": "me", "password": "p#%40", "db": 0},
        ),
        (
            "rediss+sentinel://a/home?ssl_check_hostname=false&protocol=3",
            [("a", 26379)],
            "home",
            {"ssl": True, "ssl_check_hostname": False, "ssl_password": ""},
            {"ssl_check_hostname": False},
        ),
    ],
)
def test_sentinels_are_who_is_asked_for_the_primary_and_the_rest_is_about_that(
    url: str,
    addresses: list[tuple[str, int]],
    primary: str,
    login: dict[str, object],
    options: dict[str, object],
) -> None:
    found = parse(url)
    assert found.sentinels == (tuple(addresses), primary, login)
    assert options.items() <= found.options.items()
    assert not {"host", "port"} & found.options.keys()


def test_what_this_package_decides_is_left_out() -> None:
    ours = (
        "protocol=3&decode_responses=True&encoding=latin-1&socket_timeout=9&timeout=9"
        "&socket_connect_timeout=9&client_name=x&retry=5&retry_on_timeout=True&retry_on_error=x"
        "&health_check_interval=1&single_connection_client=True&max_connections=1"
        "&legacy_responses=False&socket_read_size=1&lib_name=x&lib_version=x&encoding_errors=x"
    )
    assert parse(f"redis://h/1?{ours}") == parse("redis://h/1")
    assert parse(f"unix:///h?{ours}") == parse("unix:///h")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("hunter2", "expected one of redis://"),
        ("http://hunter2@h", "expected one of redis://"),
        ("redis+ssl://:hunter2@h", "expected one of redis://"),
        ("redis+sentinel://:hunter2@a:1,b:2", "expected the name of the primary"),
        ("redis+sentinel://:hunter2@a:1,b:2/", "expected the name of the primary"),
        ("redis+sentinel://:hunter2@/home", "expected the host of each Sentinel"),
        ("redis+sentinel://:hunter2@a,,b/home", "expected the host of each Sentinel"),
        ("redis+sentinel://:hunter2@a,:1/home", "expected the host of each Sentinel"),
        ("redis+sentinel://:hunter2@a:x/home", "expected a port number"),
        ("redis+sentinel://:hunter2@a:1,b:70000/home", "expected a port number"),
        ("redis+sentinel://:hunter2@a/home/x", "expected the number of a database"),
        ("redis+sentinel://:hunter2@a/home/0/1", "expected the number of a database"),
        ("redis+sentinel://:hun/ter2@a/home", "expected"),
        ("redis+sentinel://:hunter2@a/home#x", "expected redis+sentinel://a:26379"),
        ("redis+sentinel://:hunter2@a/home?sentinel=1", "sentinel: not an option"),
        ("redis+sentinel://:hunter2@a/home?ssl_cert_reqs=none", "ssl_cert_reqs: only for TLS"),
        ("unix+sentinel://:hunter2@a/home", "expected one of redis://"),
        ("redis://u:hunter2\udce9@h", "expected UTF-8"),
        ("redis://u:hunter2%E9@h", "expected UTF-8"),
        ("redis://h?username=u&password=hunter2%ff", "expected UTF-8"),
        ("unix:///run/hunter2\udce9", "expected UTF-8"),
        ("redis://h?db=99999999999", "db: expected a number from 0"),
        ("unix:///s?db=2147483648", "db: expected a number from 0"),
        ("redis://h..x", "expected the name or the address of one host"),
        ("redis://.h", "expected the name or the address of one host"),
        (f"redis://{'h' * 64}:6379", "expected the name or the address of one host"),
        ("redis://?host=h..x", "expected the name or the address of one host"),
        ("redis://:hunter2/x@h", "expected a port number; in a password"),
        ("redis://:hunter2?x@h", "expected a port number; in a password"),
        ("redis://:hunter2#x@h", "expected a port number; in a password"),
        ("redis://:hunter2[x@h", "expected a port number; in a password"),
        ("redis://:6379/hunter2@h", "expected the number of a database"),
        ("redis://:6379?hunter2=1@h", "an option after the ? is not known; in a password"),
        ("redis://:6379#hunter2@h", "expected no #"),
        ("redis://h/hunter2", "expected the number of a database"),
        ("redis://h/-1", "expected the number of a database"),
        ("redis://h:0", "expected a port from 1"),
        ("redis://h:65536", "expected a port number"),
        ("redis://h?port=hunter2", "port: expected a number from 1"),
        ("redis://h1,h2:26379/0", "expected one host; for Sentinel"),
        ("redis://u:hunter2@h1:1,h2:2/0", "expected one host; for Sentinel"),
        ("redis://[::1", "expected an IPv6 address in brackets"),
        ("redis://[zz]:1", "expected an IPv6 address in brackets"),
        ("redis://u:hunter2@::1]:1/0", "expected an IPv6 address in brackets"),
        ("redis://h/0?host=other", "host: said twice"),
        ("redis://h/0?db=1&db=2", "db: said twice"),
        ("redis://h/3?db=4", "db: said twice"),
        ("redis://h:1?port=2", "port: said twice"),
        ("redis://u:hunter2@h?password=hunter2", "password: said twice"),
        ("redis://u@h?username=hunter2", "username: said twice"),
        ("unix:///x?path=/y", "path: said twice"),
        ("redis://h?socket_keepalive=maybe", "socket_keepalive: expected true or false"),
        ("rediss://h?ssl_check_hostname=perhaps", "ssl_check_hostname: expected true or false"),
        ("redis://a host", "expected the name or the address of one host"),
        ("redis://h?db=hunter2", "db: not a valid value"),
        ("redis://h?db=-1", "db: expected a number from 0"),
        ("redis://h?socket_timeout=hunter2", "socket_timeout: not a valid value"),
        ("redis://h?protocol=hunter2", "protocol: not a valid value"),
        ("redis://h?max_connections=many", "max_connections: not a valid value"),
        ("redis://h?family=0", "family: not an option that redis-py takes"),
        ("redis://h?tls=true", "tls: not known; with TLS the URL begins with rediss://"),
        ("redis://h?ssl", "ssl: not known; with TLS the URL begins with rediss://"),
        ("redis://h?connection_class=hunter2", "connection_class: not an option"),
        ("redis://h?socket_type=1", "socket_type: not an option"),
        ("redis://h?socket_keepalive_options=1", "socket_keepalive_options: not an option"),
        ("redis://h?ssl_cert_reqs=none", "ssl_cert_reqs: only for TLS"),
        ("rediss://h?ssl_cert_reqs=CERT_NONE", "ssl_cert_reqs: expected one of none, optional"),
        ("rediss://h?ssl_ca_certs=/hunter2", "ssl_ca_certs: file cannot be read"),
        ("rediss://h?ssl_ca_certs=/", "ssl_ca_certs is a directory"),
        ("rediss://h?ssl_ca_path=/hunter2", "ssl_ca_path is not a directory"),
        ("rediss://h?ssl_ca_data=hunter2", "its ssl_ options do not work"),
        ("rediss://h?ssl_ciphers=hunter2", "its ssl_ options do not work"),
        ("rediss://h?ssl_min_version=5", "its ssl_ options do not work"),
        ("rediss://h?ssl_min_version=TLSv1.2", "ssl_min_version: not a valid value"),
        (
            "rediss://h?ssl_include_verify_flags=hunter2",
            "ssl_include_verify_flags: not a valid value",
        ),
        ("rediss://h?ssl_validate_ocsp=True", "ssl_validate_ocsp: not an option"),
        ("unix://run/redis.sock", "expected unix:///path/to/socket"),
        ("unix://", "expected unix:///path/to/socket"),
        ("unix:///x?socket_keepalive=True", "socket_keepalive: not an option"),
        (f"unix:///{'x' * 200}", "expected the path of a socket, of at most 107 bytes"),
    ],
)
def test_what_cannot_work_is_one_line_that_quotes_no_value(url: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_redis_url(url)
    text = str(caught.value)
    assert text.startswith(f"REDIS_URL: {complaint}")
    assert "hunter2" not in text
    assert "\n" not in text


def test_the_files_of_tls_are_read_at_start(tmp_path: Path) -> None:
    authority = trustme.CA()
    ca, cert, key = (str(tmp_path / name) for name in ("ca", "cert", "key"))
    authority.cert_pem.write_to_path(ca)
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(key)
    issued.cert_chain_pems[0].write_to_path(cert)
    files = f"ssl_ca_certs={ca}&ssl_certfile={cert}&ssl_keyfile={key}"
    assert parse(f"rediss://h?{files}").options["ssl_certfile"] == cert
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(key)
    with pytest.raises(SettingsError, match="its ssl_ options do not work: key values mismatch"):
        parse(f"rediss://h/1?{files}")


@pytest.mark.parametrize(
    "construct",
    [
        Publisher,
        SyncPublisher,
        LatencyRecorder,
        lambda url: Consumer(url, "name", "channel"),
        lambda url: JobLogEmitter(url, "job"),
    ],
)
def test_whatever_takes_a_url_refuses_it_when_it_is_made(
    construct: Callable[[str], object],
) -> None:
    with pytest.raises(ValueError, match=r"^REDIS_URL: tls: not known"):
        construct("redis://:hunter2@h?tls=true")
