"""Every client has a name and a time limit, and tries once."""

import asyncio
import contextlib
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import DataError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hsi.redis_client import async_client, is_busy, pubsub_pool, reason_of, sync_client
from tests.clients import until
from tests.servers import OwnRedis, RedisServer, busy, close_connections

NAME, TIMEOUT = "test", 0.5


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of something that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def assert_given_up_once(began: float) -> None:
    """To ask again would take twice the time; a busy machine may be late."""
    assert TIMEOUT <= time.monotonic() - began < 2 * TIMEOUT


def test_what_does_not_answer_is_given_up_in_time_and_not_asked_again(silent: str) -> None:
    client = sync_client(silent, name=NAME, timeout=TIMEOUT)
    began = time.monotonic()
    with pytest.raises(RedisTimeoutError):
        client.ping()
    assert_given_up_once(began)
    client.close()


async def test_neither_does_one_for_asyncio(silent: str) -> None:
    client = async_client(silent, name=NAME, timeout=TIMEOUT)
    began = time.monotonic()
    with pytest.raises(RedisTimeoutError):
        await client.ping()
    assert_given_up_once(began)
    await client.aclose()


async def test_redis_knows_clients_by_their_names(redis_url: str) -> None:
    name = f"test-{uuid.uuid4().hex}"
    asynchronous = async_client(redis_url, name=name, timeout=5, decode_responses=True)
    assert await asynchronous.client_getname() == f"hsi-{name}"
    synchronous = sync_client(redis_url, name=name, timeout=5)
    assert synchronous.client_getname() in (f"hsi-{name}", f"hsi-{name}".encode())
    pool = pubsub_pool(redis_url, name=name, timeout=5)
    listening = await pool.get_connection()  # type: ignore[no-untyped-call]
    listed = {each["name"]: each["resp"] for each in synchronous.client_list()}
    assert f"hsi-{name}" in listed
    await listening.send_command("CLIENT", "GETNAME")
    assert await listening.read_response() == f"hsi-{name}".encode()
    await pool.release(listening)
    await pool.aclose()
    await asynchronous.aclose()
    synchronous.close()


async def test_what_a_url_says_does_not_win_over_what_a_client_needs(redis_url: str) -> None:
    url = (
        f"{redis_url}?protocol=3&decode_responses=True&socket_timeout=99&client_name=theirs"
        "&max_connections=1&retry_on_timeout=True&health_check_interval=1&encoding=latin-1"
    )
    name = f"test-{uuid.uuid4().hex}"
    asynchronous = async_client(url, name=name, timeout=5)
    answers = await asyncio.gather(*(asynchronous.echo("ä") for _ in range(3)))
    assert answers == ["ä".encode()] * 3
    assert await asynchronous.client_getname() in {f"hsi-{name}", f"hsi-{name}".encode()}
    await asynchronous.aclose()
    synchronous = sync_client(url, name=name, timeout=5)
    assert synchronous.echo("ä") == "ä".encode()
    pool = pubsub_pool(url, name=name, timeout=5)
    listening = await pool.get_connection()  # type: ignore[no-untyped-call]
    assert {each["name"]: each["resp"] for each in synchronous.client_list()}[f"hsi-{name}"] == "2"
    await listening.send_command("ECHO", "ä")
    assert await listening.read_response() == "ä".encode()
    assert listening.socket_timeout == 5
    await pool.release(listening)
    await pool.aclose()
    synchronous.close()


async def test_a_connection_that_redis_closed_while_it_was_idle_is_not_used(
    own_redis: RedisServer,
) -> None:
    writer = async_client(own_redis.url, name="writer", timeout=5)
    threaded = sync_client(own_redis.url, name="threaded", timeout=5)
    await writer.set("key", 1)
    threaded.ping()
    with Redis.from_url(own_redis.url) as admin:
        admin.config_set("timeout", 1)

        async def are_closed() -> bool:
            return not any(client["name"].startswith("hsi-") for client in admin.client_list())

        await until(are_closed)
        admin.config_set("timeout", 0)
    assert await writer.incr("key") == 2
    assert threaded.incr("key") == 3
    await writer.aclose()
    threaded.close()


@pytest.mark.parametrize("fault", ["killed", "restarted"])
async def test_a_read_that_finds_its_connection_dead_is_asked_once_more_and_a_write_is_not(
    own_redis: RedisServer, fault: str
) -> None:
    reader = async_client(own_redis.url, name="reader", timeout=5, read_only=True)
    writer = async_client(own_redis.url, name="writer", timeout=5)
    await writer.set("key", 1)
    await asyncio.gather(*(reader.get("key") for _ in range(5)))
    # Nothing is awaited from here on, so neither client can have noticed.
    if fault == "killed":
        close_connections(own_redis.url)
    else:
        own_redis.kill()
        own_redis.start()
    assert await asyncio.gather(*(reader.get("key") for _ in range(5))) == [b"1"] * 5
    async with reader.pipeline(transaction=True) as commands:
        close_connections(own_redis.url)
        commands.get("key")
        assert await commands.execute() == [b"1"]
    await writer.get("key")
    close_connections(own_redis.url)
    with pytest.raises(RedisConnectionError):
        await writer.incr("key")
    assert await reader.get("key") == b"1"
    await reader.aclose()
    await writer.aclose()


async def test_a_read_is_not_asked_again_where_redis_hangs(silent: str) -> None:
    client = async_client(silent, name=NAME, timeout=TIMEOUT, read_only=True)
    began = time.monotonic()
    with pytest.raises(RedisTimeoutError):
        await client.ping()
    assert_given_up_once(began)
    await client.aclose()


async def test_a_script_that_keeps_redis_busy_is_the_reason_and_over_with_it(
    own_redis: RedisServer,
) -> None:
    client = async_client(own_redis.url, name="test", timeout=5, read_only=True)
    await client.ping()
    with busy(own_redis.url):
        with pytest.raises(ResponseError) as plain:
            await client.get("key")
        async with client.pipeline(transaction=True) as commands:
            commands.get("key")
            with pytest.raises(ResponseError) as piped:
                await commands.execute()
        for caught in (plain, piped):
            assert is_busy(caught.value)
            assert reason_of(caught.value) == "Redis is busy with a script"
    assert await client.get("key") is None
    await client.aclose()


async def test_other_reasons_are_no_script() -> None:
    assert not is_busy(ResponseError("BUSYGROUP Consumer Group name already exists"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RedisConnectionError("h:1"), "Redis cannot be reached"),
        (ConnectionRefusedError("h:1"), "Redis cannot be reached"),
        (RedisTimeoutError("h:1"), "Redis does not answer in time"),
        (TimeoutError(), "Redis does not answer in time"),
        (DataError("h:1"), "Redis answers with an error"),
    ],
)
def test_a_person_reads_what_is_wrong_and_no_name_of_an_exception(
    error: Exception, reason: str
) -> None:
    assert reason_of(error) == reason


@contextlib.contextmanager
def without(command: str, folder: Path) -> Iterator[str]:
    """Run a Redis that does not know a command, as hardened ones."""
    server = OwnRedis(folder)
    server.command += ["--rename-command", command, ""]
    process = subprocess.Popen(server.command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not listens(server.url):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield server.url
    finally:
        process.kill()
        process.wait()


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with contextlib.suppress(OSError), socket.create_connection((parts.hostname, parts.port), 1):
        return True
    return False


async def test_a_redis_without_client_is_used_without_a_name(tmp_path: Path) -> None:
    with without("CLIENT", tmp_path) as url:
        async with async_client(url, name="test", timeout=5) as client:
            assert await client.ping()
        with sync_client(url, name="test", timeout=5) as client_of_threads:
            assert client_of_threads.ping()
        pool = pubsub_pool(url, name="test", timeout=5)
        connection = pool.make_connection()  # type: ignore[no-untyped-call]
        await connection.connect()
        await connection.disconnect()


async def test_a_command_that_redis_does_not_know_is_the_reason_without_what_was_asked(
    tmp_path: Path,
) -> None:
    with without("HELLO", tmp_path) as url:
        async with async_client(
            url.replace("://", "://:hunter2@"), name="test", timeout=5
        ) as client:
            with pytest.raises(ResponseError) as caught:
                await client.ping()
        assert "hunter2" not in str(caught.value)
        with sync_client(url.replace("://", "://:hunter2@"), name="test", timeout=5) as other:
            with pytest.raises(ResponseError) as caught:
                other.ping()
            assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unknown command 'TIME', with args beginning with: ", "needed: TIME"),
        ("unknown command `XLEN`, with args beginning with: `secret`", "needed: XLEN"),
        (
            "Unknown Redis command called from script script: hsi_publish_v2, on @user_function:1.",
            "needed: one of a script",
        ),
    ],
)
def test_an_unknown_command_is_named(text: str, reason: str) -> None:
    assert reason_of(ResponseError(text)).endswith(reason)
