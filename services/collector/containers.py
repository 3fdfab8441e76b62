"""How a container is: by an HTTP probe, or by what Kubernetes says of our namespace."""

import asyncio
import itertools
import os
import ssl
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec
from msgspec import Meta, Struct

from hsi.schemas.performance import ContainerHealth, ContainerState
from hsi_service.sources.http import Http, HttpResult, trust_in
from hsi_service.sources.time_limited import SourceError

KUBERNETES = "kubernetes"
"""Instead of an address: ask the cluster."""
OWN = ("redis", "postgresql", "yolo26", "nemotron")
"""Instead of an address: what the collector itself knows of one of its sources."""
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its ServiceAccount."""
MAX_ANSWER = 16 * 1024 * 1024
"""Bytes: a pod takes 5 to 10 KB."""


class Container(Struct, frozen=True, kw_only=True):
    """One container, in the words of its message (R19)."""

    name: str
    status: ContainerState
    health: ContainerHealth


class Containers(Protocol):
    """Tells how containers are."""

    async def read(self) -> list[Container]:
        """Return them all.

        Raises:
            SourceError: Nobody tells.

        """

    async def aclose(self) -> None:
        """Close the connections."""


class Probes:
    """Asks each container itself."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        """Set it up; nothing is asked yet.

        Args:
            urls: What answers 200 while a container is healthy, by its name.

        """
        self._urls = urls
        self._http = Http()

    async def read(self) -> list[Container]:
        """Ask all at once; never raises."""
        answers = await asyncio.gather(
            *(self._http.get(url, json=False) for url in self._urls.values())
        )
        return [
            container_of(name, answer) for name, answer in zip(self._urls, answers, strict=True)
        ]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def container_of(name: str, answer: HttpResult) -> Container:
    """Say how a container is by the answer to its probe: 200 is healthy; refused is unknown."""
    if answer.refused:
        return Container(name=name, status="unknown", health="unhealthy")
    healthy = answer.reached and not answer.trouble
    return Container(name=name, status="running", health="healthy" if healthy else "unhealthy")


class Kubernetes:
    """Asks the API server about the pods of our namespace, as the pod's ServiceAccount.

    It needs the right to `list` `pods` there, and nothing else. Containers of one name, those of
    replicas, are one entry: how the one that is worst is.
    """

    def __init__(self, url: str, *, account: Path = ACCOUNT) -> None:
        """Set it up; nothing is asked yet.

        Args:
            url: The API server.
            account: Folder with `token`, `namespace` and `ca.crt`.

        """
        self._url = url
        self._account = account
        self._http: Http | None = None

    async def read(self) -> list[Container]:
        """Ask.

        Raises:
            SourceError: The API server does not answer, or not as one; or this is no pod.

        """
        try:
            # The token changes while we run; the other two do not.
            token = self._read_account("token")
            namespace = self._read_account("namespace")
            if self._http is None:
                self._http = Http(max_answer=MAX_ANSWER, trust=self._trust())
        except (OSError, ValueError) as error:
            raise SourceError(f"no ServiceAccount: {type(error).__name__}") from error
        answer = await self._http.get(
            f"{self._url}/api/v1/namespaces/{namespace}/pods",
            headers={"Authorization": f"Bearer {token}"},
        )
        if answer.trouble:
            raise SourceError(f"the Kubernetes API: {answer.trouble}")
        return containers_of(answer.body)

    def _read_account(self, name: str) -> str:
        return (self._account / name).read_text(encoding="ascii").strip()

    def _trust(self) -> ssl.SSLContext | None:
        certificate = self._account / "ca.crt"
        return trust_in(file=str(certificate)) if certificate.exists() else None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()


class _Waiting(Struct):
    reason: str = ""


class _State(Struct):
    running: dict[str, Any] | None = None
    waiting: _Waiting | None = None
    terminated: dict[str, Any] | None = None


class _ContainerStatus(Struct, rename="camel"):
    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: Annotated[int, Meta(ge=0)] = 0
    state: _State = msgspec.field(default_factory=_State)


class _Named(Struct):
    name: str = ""


class _Metadata(Struct, rename="camel"):
    deletion_timestamp: str | None = None


class _Spec(Struct):
    containers: list[_Named] = []


class _PodStatus(Struct, rename="camel"):
    phase: str = ""
    container_statuses: list[_ContainerStatus] | None = None


class _Pod(Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _PodStatus = msgspec.field(default_factory=_PodStatus)


class _Pods(Struct):
    items: list[_Pod]


def containers_of(body: Any) -> list[Container]:
    """Read a list of pods.

    Pods that have done their work, and those that are being deleted, are none.

    Raises:
        SourceError: It is none.

    """
    try:
        pods = msgspec.convert(body, _Pods).items
    except msgspec.ValidationError as error:
        raise SourceError("the Kubernetes API answers with something else than pods") from error
    there = [
        pod
        for pod in pods
        if not pod.metadata.deletion_timestamp and pod.status.phase != "Succeeded"
    ]
    found = worst_of_each(itertools.chain.from_iterable(map(_containers, there)))
    return sorted(found, key=lambda container: container.name)


def worst_of_each(containers: Iterable[Container]) -> list[Container]:
    """Return one container for each name, in their order: the one that is worst."""
    found: dict[str, Container] = {}
    for container in containers:
        known = found.get(container.name)
        if known is None or _badness(container) > _badness(known):
            found[container.name] = container
    return list(found.values())


def _containers(pod: _Pod) -> Sequence[Container]:
    if pod.status.container_statuses:
        return [_of_kubernetes(status) for status in pod.status.container_statuses]
    failed = pod.status.phase == "Failed"  # evicted, for example
    return [
        Container(
            name=container.name,
            status="stopped" if failed else "unknown",
            health="unhealthy" if failed else "starting",
        )
        for container in pod.spec.containers
    ]


def _of_kubernetes(status: _ContainerStatus) -> Container:
    state = status.state
    if state.running is not None:
        health: ContainerHealth = "healthy" if status.ready else "unhealthy"
        if status.started is False:
            health = "starting"
        return Container(name=status.name, status="running", health=health)
    if state.terminated is not None:
        return Container(name=status.name, status="stopped", health="unhealthy")
    if state.waiting is not None and state.waiting.reason in _BEGINNING:
        return Container(name=status.name, status="unknown", health="starting")
    restarting = status.restart_count > 0
    return Container(
        name=status.name,
        status="restarting" if restarting else "stopped",
        health="unhealthy",
    )


_BEGINNING = frozenset({"ContainerCreating", "PodInitializing"})
_BADNESS = ("healthy", "starting", "unhealthy")
_STATES = ("running", "unknown", "restarting", "stopped")


def _badness(container: Container) -> tuple[int, int]:
    return _BADNESS.index(container.health), _STATES.index(container.status)


class ContainerNames(NamedTuple):
    """Which containers there are to be told of."""

    kubernetes: bool
    """Whether those of our namespace are among them."""
    urls: dict[str, str]
    """What answers 200 while a container is healthy, by its name."""
    own: dict[str, str]
    """One of `OWN`, by a container's name."""


def named(setting: Sequence[str]) -> ContainerNames:
    """Return what a setting names.

    Args:
        setting: Any of `kubernetes`, `name=url`, `name=` and one of `OWN`, or that one alone.

    Raises:
        ValueError: One of it cannot be read, or is there twice.

    """
    names = ContainerNames(kubernetes=KUBERNETES in setting, urls={}, own={})
    seen = set()
    for number, part in enumerate(setting, start=1):
        name, _, value = part.partition("=")
        if part in OWN:
            value = part
        if value in OWN and name:
            names.own[name] = value
        elif name and value.startswith(("http://", "https://")):
            names.urls[name] = value
        elif part != KUBERNETES:
            # Not quoted: an address may hold a password.
            raise ValueError(
                f"number {number} is not name=http://… or name=https://…, nor one of "
                f"{KUBERNETES}, {', '.join(OWN)}"
            )
        if name in seen:
            raise ValueError(f"{name} is there twice")
        seen.add(name)
    return names


def in_cluster() -> Kubernetes:
    """Return the API server of the cluster that this pod is in."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Kubernetes(f"https://{f'[{host}]' if ':' in host else host}:{port}")
