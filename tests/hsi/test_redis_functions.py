"""A function that Redis does not have is brought there."""

import uuid

import pytest
from redis.exceptions import RedisError, ResponseError

from hsi import redis_functions
from hsi.redis_client import async_client, sync_client


@pytest.fixture
def name() -> str:
    return f"test_{uuid.uuid4().hex}"


def library(name: str) -> str:
    return f"#!lua name={name}\nredis.register_function('{name}', function() return 7 end)"


def test_it_is_missing_before_and_there_after(redis_url: str, name: str) -> None:
    with sync_client(redis_url, name="test", timeout=5) as client:
        with pytest.raises(ResponseError) as caught:
            client.fcall(name, 0)
        assert redis_functions.is_missing(caught.value)
        redis_functions.load(client, name, library(name))
        redis_functions.load(client, name, library(name))  # another program was quicker
        assert client.fcall(name, 0) == 7
        client.function_delete(name)


def test_a_library_that_lost_its_function_is_replaced(redis_url: str, name: str) -> None:
    with sync_client(redis_url, name="test", timeout=5) as client:
        client.function_load(library(name).replace(f"'{name}'", "'other'"))
        redis_functions.load(client, name, library(name))
        assert client.fcall(name, 0) == 7
        client.function_delete(name)


async def test_an_asynchronous_client_brings_it_too(redis_url: str, name: str) -> None:
    async with async_client(redis_url, name="test", timeout=5) as client:
        await redis_functions.load_async(client, name, library(name))
        await redis_functions.load_async(client, name, library(name))
        assert await client.fcall(name, 0) == 7
        await client.function_delete(name)


def test_a_library_that_redis_does_not_take_is_an_error(redis_url: str, name: str) -> None:
    with (
        sync_client(redis_url, name="test", timeout=5) as client,
        pytest.raises(ResponseError),
    ):
        redis_functions.load(client, name, f"#!lua name={name}\nno lua")


@pytest.mark.parametrize("error", [ResponseError("WRONGTYPE"), RedisError("Function not found")])
def test_any_other_error_means_something_else(error: Exception) -> None:
    assert not redis_functions.is_missing(error)
