"""What a URL of PostgreSQL may say: as other libraries write it, and known at start."""

import pytest

from hsi.database_url import check_database_url, parse
from hsi.settings import SettingsError


@pytest.mark.parametrize(
    ("url", "dsn"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql+asyncpg://u:p@h:5433/d?ssl=require", "//u:p@h:5433/d?sslmode=require"),
        ("postgresql+psycopg2://h/d?ssl=true", "postgresql://h/d?sslmode=require"),
        ("jdbc:postgresql://h/d?user=u&password=p@w", "//h/d?user=u&password=p%40w"),
        ("postgis://h/d?requiressl=1", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?sslmode=no-verify", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?ssl=0", "postgresql://h/d?sslmode=disable"),
        ("postgresql://h/d?sslmode=require&ssl=true", "postgresql://h/d?sslmode=require"),
        ("postgresql://u:p@ss@w@h/d", "postgresql://u:p%40ss%40w@h/d"),
        ("postgresql://u@server:p@h/d", "postgresql://u%40server:p@h/d"),
        ("postgresql://u:p%2F%3F%23@h/d", "postgresql://u:p%2F%3F%23@h/d"),
        ("postgresql://u:a[b@h/d", "postgresql://u:a%5Bb@h/d"),
        ("postgresql://u@[::1]:5/d", "postgresql://u:@[::1]:5/d"),
        ("postgresql://:5433/d", "postgresql:///d?port=5433"),
        ("postgresql://a:1,b:2/d", "postgresql://a:1,b:2/d"),
        ("postgresql:///d?host=a:1&host=b:2", "postgresql:///d?host=a%3A1%2Cb%3A2"),
        ("postgresql://h/d?schema=home&pgbouncer=true", "//h/d?search_path=home"),
        ("postgresql://h/d?currentSchema=home", "//h/d?search_path=home"),
        ("postgresql://h/d?options=-c%20jit%3Doff", "//h/d?options=-c%20jit%3Doff"),
        ("postgresql://h/d?app.user=x&TimeZone=UTC", "//h/d?app.user=x&timezone=UTC"),
        ("postgresql://h/d?channel_binding=prefer&gssencmode=disable", "postgresql://h/d"),
        ("postgresql://h/d?sslmode=&connect_timeout=", "postgresql://h/d?sslmode=prefer"),
        ("postgresql://h/d?idle_in_transaction_session_timeout=1", "postgresql://h/d"),
        ("postgresql://h/d?lock_timeout=1&idle_session_timeout=1&transaction_timeout=1", "//h/d"),
        ("postgresql://u@h:1/d?user=u&host=h&port=1&dbname=d", "postgresql://u:@h:1/d"),
    ],
)
def test_what_others_write_is_what_asyncpg_knows(url: str, dsn: str) -> None:
    found = parse(url)
    assert found.dsn.endswith(dsn)
    assert not found.system_certificates
    assert parse(found.dsn) == found


def test_what_is_decided_here_is_left_out() -> None:
    ours = (
        "connect_timeout=10&keepalives=1&keepalives_idle=30&keepalives_interval=10"
        "&keepalives_count=5&tcp_user_timeout=9&application_name=x&fallback_application_name=x"
        "&ApplicationName=x&command_timeout=9&timeout=9&statement_timeout=9&client_encoding=utf8"
        "&statement_cache_size=100&prepared_statement_cache_size=500&prepareThreshold=0"
        "&pool_size=5&max_overflow=5&connection_limit=5&pool_timeout=5&load_balance_hosts=random"
    )
    assert parse(f"postgresql://h/d?{ours}").dsn == "postgresql://h/d"


def test_the_certificates_of_this_machine_are_asked_for_by_their_name() -> None:
    found = parse("postgresql://h/d?sslmode=verify-full&sslrootcert=system")
    assert found == ("postgresql://h/d", True)
    assert parse("postgresql://h/d?sslrootcert=system") == found
    with pytest.raises(SettingsError, match="expected sslmode=verify-full"):
        parse("postgresql://h/d?sslmode=require&sslrootcert=system")


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://u:hunter2@h", "expected one of postgresql://"),
        ("hunter2", "expected one of postgresql://"),
        ("postgresql://u:hunter2\udce9@h/d", "expected UTF-8"),
        ("postgresql://u:hunter2%E9@h/d", "expected UTF-8"),
        ("postgresql://h/d?password=hunter2%ff", "expected UTF-8"),
        ("postgresql://h..x/d", "expected host or host:port"),
        (f"postgresql://{'h' * 64}/d", "expected host or host:port"),
        ("postgresql:///d?host=h..x", "host: expected host"),
        ("postgresql://h/d?host=other", "host: said twice"),
        ("postgresql://h:5432/d?port=5433", "port: said twice"),
        ("postgresql://u@h/d?user=v", "user: said twice"),
        ("postgresql://h/d?user=u&user=v", "user: said twice"),
        ("postgresql://h/d?user=u&username=v", "user: said twice"),
        ("postgresql://u:p@h/d?password=hunter2", "password: said twice"),
        ("postgresql://h/d?dbname=other", "dbname: said twice"),
        ("postgresql://h/d?search_path=a&schema=b", "search_path: said twice"),
        ("postgresql://h/d?service=hunter2", "service: no service file is read here"),
        ("postgresql://u:hunter2@h/%00", "expected no %00"),
        ("postgresql://u:hunter2%00@h/d", "expected no %00"),
        ("postgresql://h/d?options=%00hunter2", "expected no %00"),
        ("postgresql://u:hunter2/x@h/d", "expected no @ after the host; in a password"),
        ("postgresql://u:p@hunter2/x@h/d", "expected no @ after the host; in a password"),
        ("postgresql://u:5/hunter2@h/d", "expected no @ after the host; in a password"),
        ("postgresql://u:hunter2?x@h/d", "a parameter after the ? is not known; in a password"),
        ("postgresql://u:5?hunter2=x@h/d", "a parameter after the ? is not known; in a password"),
        ("postgresql://u:hunter2#x@h/d", "expected no #; in a password"),
        ("postgresql://h:hunter2/d", "expected host or host:port"),
        ("postgresql://h:65536/d", "expected a port from 1"),
        ("postgresql://h:0/d", "expected a port from 1"),
        ("postgresql://a,,b/d", "expected host or host:port"),
        ("postgresql://[::1/d", "expected host or host:port"),
        ("postgresql://a b/d", "expected host or host:port"),
        ("postgresql:///d?port=hunter2", "expected a port from 1"),
        ("postgresql:///d?host=a,", "host: expected host"),
        ("postgresql://h/d?sslmod=hunter2", "sslmod: not a parameter that is known"),
        ("postgresql://h/d?sslmode=hunter2", "sslmode: expected one of allow, disable"),
        ("postgresql://h/d?ssl=hunter2", "ssl: expected one of allow, disable"),
        ("postgresql://h/d?ssl=true&sslmode=disable", "sslmode and ssl contradict each other"),
        ("postgresql://h/d?channel_binding=require", "channel_binding: not supported by asyncpg"),
        ("postgresql://h/d?gssencmode=require", "gssencmode: not supported by asyncpg"),
        ("postgresql://h/d?require_auth=hunter2", "require_auth: not supported by asyncpg"),
        ("postgresql://h/d?hostaddr=127.0.0.1", "hostaddr: not supported by asyncpg"),
        ("postgresql://h/d?replication=database", "replication: not supported by asyncpg"),
        ("postgresql://h/d?target_session_attrs=hunter2", "target_session_attrs: expected one"),
        ("postgresql://h/d?sslnegotiation=hunter2", "sslnegotiation: expected one of direct"),
    ],
)
def test_what_cannot_work_is_one_line_that_quotes_no_value(url: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check_database_url(url)
    text = str(caught.value)
    assert text.startswith(f"DATABASE_URL: {complaint}")
    assert "hunter2" not in text
    assert "\n" not in text


def test_there_may_be_no_database() -> None:
    check_database_url("")
