"""What several tests do to the data of a Redis: spoil a key, take a copy, roll it back."""

import shutil
from pathlib import Path
from typing import Self

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tests.servers import OwnRedis

TYPES = ("string", "list", "hash", "set", "zset", "stream")


def spoil(redis: Redis, key: str, kind: str) -> None:
    """Have a key hold something of a type, whatever it holds now."""
    redis.delete(key)
    match kind:
        case "string":
            redis.set(key, "x")
        case "list":
            redis.rpush(key, "x")
        case "hash":
            redis.hset(key, "x", "x")
        case "set":
            redis.sadd(key, "x")
        case "zset":
            redis.zadd(key, {"x": 1})
        case "stream":
            redis.xadd(key, {"x": "x"})
        case _:
            raise ValueError(kind)


async def spoil_async(redis: AsyncRedis, key: str, kind: str) -> None:
    """Do what `spoil` does, with an asynchronous client."""
    options = redis.connection_pool.connection_kwargs
    with Redis(host=options["host"], port=options["port"], db=options["db"]) as client:
        spoil(client, key, kind)


class RedisToRollBack(OwnRedis):
    """A Redis of the test's own that can be put back to what it held earlier."""

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._copy = folder / "copy"
        super().__init__(self._data)

    def take_copy(self) -> None:
        """Keep what it holds now, for `roll_back`."""
        self.freeze()  # Or the files would be of different moments.
        shutil.copytree(self._data, self._copy, dirs_exist_ok=True)
        self.thaw()

    def roll_back(self) -> None:
        """Kill it, restore the copy, and start it."""
        self.kill()
        shutil.rmtree(self._data)
        shutil.copytree(self._copy, self._data)
        self.start()

    def restart(self) -> None:
        """Kill it, and start it with what it has on disk."""
        self.kill()
        self.start()

    def wipe(self) -> None:
        """Have it forget everything."""
        with Redis.from_url(self.url) as redis:
            redis.flushall()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
