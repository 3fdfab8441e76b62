"""Redis servers that a test may kill, freeze and bring back: embedded, or in a container."""

import signal
import time
from pathlib import Path
from typing import Any, Protocol

from testcontainers.core.container import DockerContainer

from local.processes import free_port
from local.redis import EmbeddedRedis, answers

CONTAINER_IMAGE = "redis:7"


class RedisServer(Protocol):
    """A Redis at the test's mercy. It keeps what it acknowledged."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> object: ...

    def kill(self) -> object: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...


class OwnRedis(EmbeddedRedis):
    """An embedded one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, port=free_port())

    def freeze(self) -> None:
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)


class ContainerRedis:
    """One in a Docker container, by testcontainers."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"redis://127.0.0.1:{port}/0"
        self._container = DockerContainer(CONTAINER_IMAGE).with_command(
            "redis-server --protected-mode no --appendonly yes --appendfsync always --save ''"
        )
        # On loopback alone: with_bind_ports() would open it to the network.
        self._container.ports["6379/tcp"] = "127.0.0.1", port  # type: ignore[assignment]  # docker takes it
        self._exists = False

    @property
    def _docker(self) -> Any:
        return self._container.get_wrapped_container()

    def start(self) -> None:
        if self._exists:
            self._docker.start()
        else:
            self._container.start()
            self._exists = True
        # Docker's proxy takes connections before Redis does.
        deadline = time.monotonic() + 30
        while not answers(self.url):
            assert time.monotonic() < deadline, "the container's Redis does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        self._container.stop()

    def kill(self) -> None:
        self._docker.kill()

    def freeze(self) -> None:
        self._docker.pause()

    def thaw(self) -> None:
        self._docker.unpause()
