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
        base: str = "/",
    ) -> None:
        """Set the program up; `start` runs it.

        Args:
            folder: For its configuration and its log; made if need be.
            port: Port on 127.0.0.1.
            routes: URLs of the replicas by the path prefix that they serve.
            ping_port: Port on 127.0.0.1 where `/ping` answers 200 while it runs; None: nowhere.
            base: The path below which all of them are; it ends with a slash.

        """
        ping = [f"--entrypoints.ping.address=127.0.0.1:{ping_port}", "--ping.entrypoint=ping"]
        folder.mkdir(parents=True, exist_ok=True)
        dynamic = folder / "traefik.yml"
        dynamic.write_text(json.dumps(configuration(routes, base), indent=2))  # JSON is YAML
        self._routes = routes
        self._below = base.rstrip("/")
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
        answer = ask(self.url + self._below + prefix)
        return answer.is_success if prefix == PAGES else _cookie(prefix) in answer.cookies


def _cookie(prefix: str) -> str:
    return "hsi" + prefix.replace("/", "-")


def configuration(routes: Mapping[str, Sequence[str]], base: str = "/") -> dict[str, Any]:
    """Return Traefik's dynamic configuration, with all routes below a base path.

    What is behind it knows nothing of that path: it is taken away. Who asks for the host alone, or
    leaves out the last slash, is led to the pages.
    """
    routers: dict[str, Any] = {}
    services: dict[str, Any] = {}
    below = base.rstrip("/")
    stripped = {"middlewares": ["below"]} if below else {}
    for prefix, urls in routes.items():
        name = _cookie(prefix)
        # Of two rules that fit, the longer one counts.
        routers[name] = {"rule": f"PathPrefix(`{below}{prefix}`)", "service": name, **stripped}
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
    http: dict[str, Any] = {"routers": routers, "services": services}
    if below:
        http["middlewares"] = {"below": {"stripPrefix": {"prefixes": [below]}}}
    if below and PAGES in routes:
        # Not permanently: a browser would keep it; and without the host, which a proxy may change.
        to_pages = {"regex": r"^[^?]*(\?.*)?$", "replacement": f"{below}/${{1}}"}
        http["middlewares"]["to-pages"] = {"redirectRegex": to_pages}
        routers["hsi-to-pages"] = {
            "rule": f"Path(`{below}`) || Path(`/`)",
            "service": "noop@internal",
            "middlewares": ["to-pages"],
        }
    return {"http": http}
