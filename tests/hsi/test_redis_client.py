"""Every client has a name and a time limit, and tries once."""

import socket
import time
import uuid
from collections.abc import Iterator

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from hsi.redis_client import async_client, pubsub_pool, sync_client

NAME, TIMEOUT = "test", 0.3


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of something that accepts connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_what_does_not_answer_is_given_up_in_time_and_not_asked_again(silent: str) -> None:
    client = sync_client(silent, name=NAME, timeout=TIMEOUT)
    began = time.monotonic()
    with pytest.raises(RedisTimeoutError):
        client.ping()
    assert TIMEOUT <= time.monotonic() - began < 2 * TIMEOUT
    client.close()


async def test_neither_does_one_for_asyncio(silent: str) -> None:
    client = async_client(silent, name=NAME, timeout=TIMEOUT)
    began = time.monotonic()
    with pytest.raises(RedisTimeoutError):
        await client.ping()
    assert TIMEOUT <= time.monotonic() - began < 2 * TIMEOUT
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
