"""Where PostgreSQL is: known at start, with its files; and a host that cannot be reached."""

import contextlib
import socket
import time
from pathlib import Path

import pytest

from hsi.settings import SettingsError
from hsi_service.sources.postgres_address import CONNECT_TIMEOUT, PostgresAddress


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"])
def test_a_file_that_is_not_there_is_named_at_start_and_not_quoted(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        PostgresAddress(f"postgresql://u:hunter2@h/d?sslmode=verify-full&{name}=/hunter2")
    assert str(caught.value) == f"DATABASE_URL: {name}: file cannot be read"


def test_a_file_that_holds_no_certificate_is_known_at_start(tmp_path: Path) -> None:
    file = tmp_path / "root.crt"
    file.write_text("nothing")
    with pytest.raises(SettingsError, match="DATABASE_URL: its TLS files do not work: no cert"):
        PostgresAddress(f"postgresql://h/d?sslmode=verify-full&sslrootcert={file}")


@pytest.mark.parametrize(
    "parameters",
    [
        "ssl_min_protocol_version=TLSv9",
        "port=1,2,3",
        "sslmode=prefer&sslnegotiation=direct",
    ],
)
def test_what_asyncpg_refuses_is_one_line_at_start(parameters: str) -> None:
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: [^\n]+$"):
        PostgresAddress(f"postgresql:///d?host=a,b&{parameters}")


@pytest.mark.parametrize("mode", ["require", "verify-full&sslrootcert=system", "prefer"])
def test_tls_needs_no_file_of_ours(mode: str) -> None:
    PostgresAddress(f"postgresql://u:p@h/d?sslmode={mode}")


async def test_a_host_that_takes_no_connection_is_given_up_in_time() -> None:
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = server.getsockname()[1]
        for _ in range(4):  # Those that wait to be taken; Linux then answers no more.
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(("127.0.0.1", port))
        address = PostgresAddress(f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable")
        pool = await address.pool("test", connections=1, idle=60)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await pool.acquire()
        assert time.monotonic() - began < CONNECT_TIMEOUT + 5
        pool.terminate()
