"""A real ingress: Traefik, with a cookie that brings a client back to its replica (R64)."""

import json
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from local.processes import Process, ask, plain_environment
from local.routes import PAGES

HEALTH_INTERVAL = "1s"
"""Shorter than DRAIN_DELAY, so that a draining replica is forgotten before it closes clients."""


class Traefik(Process):
    """Traefik on one port of 127.0.0.1, in front of the services' replicas."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        routes: Mapping[str, Sequence[str]],
        ping_port: int | None = None,
    ) -> None:
        """Set the program up; `start` runs it.

        Args:
            folder: For its configuration and its log; made if need be.
            port: Port on 127.0.0.1.
            routes: URLs of the replicas by the path prefix that they serve.
            ping_port: Port on 127.0.0.1 where `/ping` answers 200 while it runs; None: nowhere.

        """
        ping = [f"--entrypoints.ping.address=127.0.0.1:{ping_port}", "--ping.entrypoint=ping"]
        folder.mkdir(parents=True, exist_ok=True)
        dynamic = folder / "traefik.yml"
        dynamic.write_text(json.dumps(configuration(routes), indent=2))  # JSON is YAML
        self._routes = routes
        super().__init__(
            "ingress",
            [
                Path(sysconfig.get_path("scripts")) / "traefik",
                f"--entrypoints.web.address=127.0.0.1:{port}",
                "--entrypoints.web.asdefault=true",  # Else all lead to the services.
                *(ping if ping_port else ()),
                f"--providers.file.filename={dynamic}",
                "--global.checknewversion=false",
                "--global.sendanonymoususage=false",
                "--log.level=WARN",
            ],
            url=f"http://127.0.0.1:{port}",
            log=folder / "traefik.log",
            environment=plain_environment(),
        )

    def is_ready(self) -> bool:
        """Tell whether every route leads to a replica; it listens before it knows its routes."""
        try:
            return all(map(self._leads, self._routes))
        except httpx.TransportError:
            return False

    def _leads(self, prefix: str) -> bool:
        answer = ask(self.url + prefix)
        return answer.is_success if prefix == PAGES else _cookie(prefix) in answer.cookies


def _cookie(prefix: str) -> str:
    return "hsi" + prefix.replace("/", "-")


def configuration(routes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return Traefik's dynamic configuration."""
    routers, services = {}, {}
    for prefix, urls in routes.items():
        name = _cookie(prefix)
        # Of two rules that fit, the longer one counts.
        routers[name] = {"rule": f"PathPrefix(`{prefix}`)", "service": name}
        balancer: dict[str, Any] = {
            "servers": [{"url": url} for url in urls],
            "healthCheck": {
                "path": "/health/ready",
                "interval": HEALTH_INTERVAL,
                "timeout": "1s",
            },
        }
        if prefix != PAGES:  # Files need no cookie.
            balancer["sticky"] = {"cookie": {"name": name, "httpOnly": True, "sameSite": "lax"}}
        services[name] = {"loadBalancer": balancer}
    return {"http": {"routers": routers, "services": services}}
