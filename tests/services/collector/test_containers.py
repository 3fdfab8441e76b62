"""Containers, in the seed's words: by HTTP probes, or by what Kubernetes says."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hsi_service.sources import SourceError
from local.processes import free_port
from services.collector.containers import (
    Container,
    ContainerNames,
    Containers,
    Kubernetes,
    Probes,
    containers_of,
    named,
)
from tests.certificates import private_server
from tests.servers import AiHandler, AiServer, Behaviour, hangs, hangs_up, lies, says

HEALTHY = Container(name="a", status="running", health="healthy")
UNWELL = Container(name="a", status="running", health="unhealthy")


async def read(containers: Containers) -> list[Container]:
    try:
        return await containers.read()
    finally:
        await containers.aclose()


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (says(b"ok"), HEALTHY),
        (says({}, status=503), UNWELL),
        (says({}, status=302), UNWELL),
        (hangs, UNWELL),
        (hangs_up, UNWELL),
        (lies, UNWELL),
    ],
)
async def test_a_probe(ai_server: AiServer, behaviour: Behaviour, expected: Container) -> None:
    ai_server.behaviours["/health"] = behaviour
    assert await read(Probes({"a": f"{ai_server.url}/health"})) == [expected]


async def test_who_refuses_connections_is_unknown_and_the_others_are_told() -> None:
    dead = f"http://127.0.0.1:{free_port()}/"
    assert await read(Probes({"a": dead, "b": dead})) == [
        Container(name=name, status="unknown", health="unhealthy") for name in ("a", "b")
    ]


def pod(*statuses: dict[str, Any], **other: Any) -> dict[str, Any]:
    status = {"phase": "Running", "containerStatuses": list(statuses)} | other.pop("status", {})
    return {"metadata": {"name": "pod"}, "spec": {"containers": []}, "status": status} | other


def container(state: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"name": "a", "ready": True, "restartCount": 0, "started": True, "state": state} | other


RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
BACKOFF = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (container(RUNNING), ("running", "healthy")),
        (container(RUNNING, ready=False), ("running", "unhealthy")),
        (container(RUNNING, ready=False, started=False), ("running", "starting")),
        (container(BACKOFF, ready=False, restartCount=3), ("restarting", "unhealthy")),
        (container({"waiting": {"reason": "ErrImagePull"}}), ("stopped", "unhealthy")),
        (container({"waiting": {"reason": "ContainerCreating"}}), ("unknown", "starting")),
        (container({"terminated": {"exitCode": 1}}), ("stopped", "unhealthy")),
        (container({}), ("stopped", "unhealthy")),
    ],
)
def test_what_kubernetes_says(status: dict[str, Any], expected: tuple[str, str]) -> None:
    (found,) = containers_of({"items": [pod(status)]})
    assert (found.status, found.health) == expected


def test_replicas_are_one_and_the_worst_of_them_counts() -> None:
    well, bad = pod(container(RUNNING)), pod(container(BACKOFF, restartCount=1))
    for items in ([well, bad, well], [bad, well]):
        assert containers_of({"items": items}) == [
            Container(name="a", status="restarting", health="unhealthy")
        ]


def test_pods_that_begin_end_or_were_evicted() -> None:
    spec = {"containers": [{"name": "a"}]}
    begins = {"spec": spec, "status": {"phase": "Pending"}}
    evicted = {"spec": spec, "status": {"phase": "Failed"}}
    assert containers_of({"items": [begins]}) == [
        Container(name="a", status="unknown", health="starting")
    ]
    assert containers_of({"items": [evicted]}) == [
        Container(name="a", status="stopped", health="unhealthy")
    ]
    done = pod(container({"terminated": {}}), status={"phase": "Succeeded"})
    leaves = pod(container(RUNNING), metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"})
    assert containers_of({"items": [done, leaves]}) == []


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "namespace").write_text("hsi")
    return tmp_path


async def test_it_asks_as_the_pods_service_account_with_its_current_token(
    ai_server: AiServer, account: Path
) -> None:
    tokens: list[str | None] = []

    def behave(handler: AiHandler) -> None:
        tokens.append(handler.headers["Authorization"])
        says({"items": [pod(container(RUNNING))]})(handler)

    ai_server.behaviours["/api/v1/namespaces/hsi/pods"] = behave
    kubernetes = Kubernetes(ai_server.url, account=account)
    assert await kubernetes.read() == [HEALTHY]
    (account / "token").write_text("second")  # they change within the hour
    assert await kubernetes.read() == [HEALTHY]
    assert tokens == ["Bearer first", "Bearer second"]
    await kubernetes.aclose()


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (says({"message": "pods is forbidden"}, status=403), "HTTP 403"),
        (says([]), "something else than pods"),
        (says({"items": [{"status": 7}]}), "something else than pods"),
        (says(b"<html>"), "not JSON"),
        (hangs, "no answer within 1 s"),
    ],
)
async def test_an_api_server_that_does_not_tell(
    ai_server: AiServer, account: Path, behaviour: Behaviour, why: str
) -> None:
    ai_server.behaviours["/api/v1/namespaces/hsi/pods"] = behaviour
    with pytest.raises(SourceError, match=why):
        await read(Kubernetes(ai_server.url, account=account))


@pytest.fixture
def api_server(request: pytest.FixtureRequest, account: Path) -> Iterator[AiServer]:
    """An API server with TLS, for its address or another, whose authority the account names."""
    address = getattr(request, "param", "127.0.0.1")
    server = AiServer(private_server(account / "ca.crt", address))
    server.behaviours["/api/v1/namespaces/hsi/pods"] = says({"items": [pod(container(RUNNING))]})
    server.start()
    yield server
    server.stop()


async def test_an_authority_that_says_little_of_itself_is_trusted_all_the_same(
    api_server: AiServer, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_here = ssl.create_default_context

    def as_since_3_13(*arguments: Any, **options: Any) -> ssl.SSLContext:
        context = as_here(*arguments, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", as_since_3_13)
    assert await read(Kubernetes(api_server.url, account=account)) == [HEALTHY]


@pytest.mark.parametrize("api_server", ["127.0.0.2"], indirect=True)
async def test_a_certificate_for_another_address_is_not_trusted(
    api_server: AiServer, account: Path
) -> None:
    why = "the Kubernetes API: its certificate is not trusted: IP address mismatch"
    with pytest.raises(SourceError, match=why):
        await read(Kubernetes(api_server.url, account=account))


async def test_a_certificate_of_another_authority_is_not_trusted(
    api_server: AiServer, account: Path
) -> None:
    (account / "ca.crt").unlink()  # then those of the machine are trusted
    with pytest.raises(SourceError, match="its certificate is not trusted: "):
        await read(Kubernetes(api_server.url, account=account))


async def test_outside_a_pod_there_is_no_account(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no ServiceAccount: FileNotFoundError"):
        await read(Kubernetes("http://127.0.0.1:1", account=tmp_path))


def test_a_setting_names_the_cluster_addresses_and_what_the_collector_knows_itself() -> None:
    assert named([]) == ContainerNames(kubernetes=False, urls={}, own={})
    setting = ["kubernetes", "redis", "camera=http://a/health", "db=postgresql"]
    assert named(setting) == ContainerNames(
        kubernetes=True,
        urls={"camera": "http://a/health"},
        own={"redis": "redis", "db": "postgresql"},
    )


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        (["a"], "number 1 is not name=http"),
        (["a=http://a", "b=ftp://user:secret@b"], "number 2 is not name=http"),
        (["=http://a"], "number 1 is not name=http"),
        (["=redis"], "number 1 is not name=http"),
        (["a=secret"], "number 1 is not name=http"),
        (["a=http://a", "a=http://b"], "a is there twice"),
        (["redis", "redis=http://b"], "redis is there twice"),
        (["kubernetes", "kubernetes"], "kubernetes is there twice"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_without_its_secrets(
    setting: list[str], why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        named(setting)
    assert "secret" not in str(caught.value)
