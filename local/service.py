"""A service's replica as a process of its own."""

import os
import sys
from pathlib import Path

from local.processes import Process, is_up


class ServiceProcess(Process):
    """`python -m services.<name>`, with its settings in its environment."""

    def __init__(self, service: str, *, name: str, port: int, log: Path, **settings: str) -> None:
        """Set the program up; `start` runs it.

        Args:
            service: events, system, joblogs, collector, mqtt or notify.
            name: Of this replica, for people.
            port: Port on 127.0.0.1.
            log: File for its log.
            **settings: Environment variables, over this process's own.

        """
        self.service = service
        environment = os.environ | {"HOST": "127.0.0.1", "PORT": str(port)} | settings
        super().__init__(
            name,
            [sys.executable, "-m", f"services.{service}"],
            url=f"http://127.0.0.1:{port}",
            log=log,
            environment=environment,
        )

    def is_ready(self) -> bool:
        """Tell whether it takes clients."""
        return is_up(f"{self.url}/health/ready")
