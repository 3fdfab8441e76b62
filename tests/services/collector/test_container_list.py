"""All containers in one list, by what knows how each is; what does not tell costs its own."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hsi.schemas import PerformanceUpdate, PerformanceUpdateData
from hsi.schemas.base import ServiceHealth
from services.collector.container_list import ContainerList, own_containers
from services.collector.containers import Container, Kubernetes
from tests.clients import golden
from tests.servers import AiServer, says

PODS = "/api/v1/namespaces/hsi/pods"


def pods(*names: str) -> dict[str, Any]:
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    statuses = [{"name": name, "ready": True, "state": state} for name in names]
    return {"items": [{"status": {"phase": "Running", "containerStatuses": statuses}}]}


def container(name: str, status: Any = "running", health: Any = "healthy") -> Container:
    return Container(name=name, status=status, health=health)


async def test_pods_and_addresses_are_one_list_and_each_fails_alone(
    ai_server: AiServer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("token")
    (tmp_path / "namespace").write_text("hsi")
    ai_server.behaviours |= {
        PODS: says(pods("backend", "camera")),
        "/camera": says({}, status=503),
        "/other": says(b"ok"),
    }
    setting = [
        "kubernetes",
        f"other={ai_server.url}/other",
        f"camera={ai_server.url}/camera",
        "redis",
    ]
    everything = ContainerList(
        setting, limit=5, kubernetes=lambda: Kubernetes(ai_server.url, account=tmp_path)
    )
    # One name told of twice is one container, as the worse of the two has it.
    ill = container("camera", health="unhealthy")
    assert await everything.read() == [container("backend"), ill, container("other")]
    ai_server.behaviours[PODS] = says({}, status=403)
    gone = [container(name, "unknown", "unhealthy") for name in ("backend", "camera")]
    assert await everything.read() == [*gone, container("other")]
    await everything.aclose()


async def test_without_a_setting_there_are_none() -> None:
    nothing = ContainerList([], limit=5)
    assert await nothing.read() == []
    await nothing.aclose()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("healthy", ("running", "healthy")),
        ("degraded", ("running", "unhealthy")),
        ("unhealthy", ("running", "unhealthy")),
        ("unreachable", ("unknown", "unhealthy")),
    ],
)
def test_what_speaks_no_http_is_as_the_collector_finds_it(
    status: ServiceHealth, expected: tuple[str, str]
) -> None:
    data = update()
    for part in (
        data.databases.redis,
        data.databases.postgresql,
        data.ai_models.yolo26,
        data.nemotron,
    ):
        assert part
        part.status = status
    own = {"redis": "redis", "db": "postgresql", "eyes": "yolo26", "words": "nemotron"}
    assert own_containers(own, data) == [container(name, *expected) for name in own]


def test_what_says_nothing_of_itself_is_unknown() -> None:
    data = update()
    data.nemotron = None
    assert own_containers({"words": "nemotron"}, data) == [
        container("words", "unknown", "unhealthy")
    ]


def update() -> PerformanceUpdateData:
    return msgspec.json.decode(golden("performance_update"), type=PerformanceUpdate).data
