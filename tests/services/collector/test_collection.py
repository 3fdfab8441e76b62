"""A `performance_update` is complete, on time and honest, whatever each of its sources does."""

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import psutil
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from hsi.latency import FIELD
from hsi.schemas import PerformanceUpdate
from hsi.schemas.validation import encode
from hsi.settings import SettingsError, load
from hsi_service.sources import Reading
from hsi_service.sources.ai import GIB, Nemotron, Yolo26
from hsi_service.sources.database import Activity, Rates
from hsi_service.sources.gpu import Gpu, GPUMonitor
from hsi_service.sources.queues import Depths
from local.postgres import TABLES
from local.processes import free_port
from services.collector import collection, parts
from services.collector.alerts import RULES, exceeding
from services.collector.collection import (
    CollectedPerformance,
    PerformanceSources,
    Readings,
    compose_update,
    gpu_values,
)
from services.collector.containers import Container
from services.collector.host import DiskFigures, HostFigures
from services.collector.latencies import Latency
from services.collector.redis_info import RedisFigures
from services.collector.settings import MIN_LOOKUPS, CollectorSettings
from tests.clients import golden, until
from tests.hsi.schemas.test_schemas import comparable
from tests.hsi_service.sources.test_gpu import FakeNvml
from tests.servers import AiServer, Behaviour, OwnPostgres, RedisServer, hangs, lies, says

MIB = 1024**2
LIMIT = 1.5
FIGURES = {"temperature": 65, "gpu_utilization": 50.0, "vram_used_gb": 1.0, "power_watts": 100}
GPU: dict[str, Any] = {
    "name": "NVIDIA RTX A5500",
    "uuid": "GPU-1",
    "utilization": 38,
    "memory": (10 * GIB, 24 * GIB),
    "temperature": 38,
    "milliwatts": 31_000,
}


def everything(**other: Any) -> Readings:
    return Readings(
        **{
            "gpus": Reading(
                [
                    Gpu(
                        index=0,
                        name="NVIDIA RTX A5500",
                        utilization=38.0,
                        memory_used=round(22.7 * GIB),
                        memory_total=24 * GIB,
                        temperature=38.0,
                        power=31.2,
                    )
                ]
            ),
            "yolo26": Reading(
                Yolo26(
                    health="healthy",
                    model="yolo26_r50vd_coco_o365",
                    device="cuda:0",
                    vram_used=round(0.17 * GIB),
                )
            ),
            "nemotron": Reading(
                Nemotron(health="healthy", slots_active=1, slots_total=2, context_size=4096)
            ),
            "latencies": Reading(
                {
                    "yolo26": Latency(avg=45, p95=82, p99=120, samples=9),
                    "nemotron": Latency(avg=2100, p95=4800, p99=8200, samples=9),
                    "pipeline": Latency(avg=3200, p95=6100, p99=9999, samples=9),
                }
            ),
            "queues": Reading(Depths(detection=0, analysis=0, dead_letters=0)),
            "postgresql": Reading(
                Activity(
                    connections_active=5,
                    connections_max=30,
                    blocks_hit=9820,
                    blocks_read=180,
                    transactions=7,
                    at=1.0,
                )
            ),
            "throughput": Reading(Rates(detections=12.4, events=2.1)),
            "redis": Reading(
                RedisFigures(
                    connected_clients=8,
                    blocked_clients=0,
                    memory_used=round(1.5 * MIB),
                    hits=995,
                    misses=5,
                )
            ),
            "host": Reading(
                HostFigures(
                    cpu=12.0,
                    memory_used=round(8.2 * GIB),
                    memory_total=32 * GIB,
                )
            ),
            "disk": Reading(DiskFigures(used=156 * GIB, total=500 * GIB, percent=31.2)),
            "containers": Reading(
                [
                    Container(name=name, status="running", health="healthy")
                    for name in ("backend", "frontend", "postgres", "redis", "ai-yolo26", "ai-llm")
                ]
            ),
        }
        | other
    )


def put_together(
    readings: Readings, *, lookups: float | None = MIN_LOOKUPS
) -> CollectedPerformance:
    return compose_update(
        readings,
        transactions_per_min=1200,
        lookups_per_min=lookups,
        min_lookups=MIN_LOOKUPS,
    )


def test_the_seeds_figures_make_the_seeds_example() -> None:
    data = put_together(everything()).data
    said = comparable(encode(PerformanceUpdate(data=data)))
    example = comparable(golden("performance_update"))
    assert [gpu.pop("index") for gpu in said["data"].pop("gpus")] == [0]
    for message in (said, example):
        del message["data"]["timestamp"]
    assert said == example


def test_what_cannot_be_read_is_null_or_unreachable_and_no_alert() -> None:
    nothing: dict[str, Any] = dict.fromkeys(Readings.__struct_fields__, Reading(None, "dark"))
    data, values, _ = put_together(Readings(**nothing), lookups=None)
    assert (data.gpu, data.inference, data.host, data.containers) == (None, None, None, [])
    assert data.nemotron
    assert data.ai_models.yolo26
    assert data.databases.postgresql
    assert data.databases.redis
    for part in (
        data.nemotron,
        data.ai_models.yolo26,
        data.databases.postgresql,
        data.databases.redis,
    ):
        assert part.status == "unreachable"
    assert set(values.values()) == {None}
    assert exceeding(RULES, values) == []
    assert encode(PerformanceUpdate(data=data))


def test_what_there_is_not_is_not_spoken_of() -> None:
    none = Reading(None)
    readings = everything(yolo26=none, nemotron=none, postgresql=none, throughput=none)
    data = put_together(readings).data
    said = comparable(encode(PerformanceUpdate(data=data)))["data"]
    assert said["ai_models"] == {}
    assert said["nemotron"] is None
    assert set(said["databases"]) == {"redis"}
    assert said["inference"]["throughput"] is None


def test_all_gpus_are_there_by_index_and_uuid() -> None:
    gpus = [Gpu(index=0, uuid="GPU-a"), Gpu(index=1, uuid="GPU-b", temperature=99.0)]
    data, values, _ = put_together(everything(gpus=Reading(gpus)))
    assert data.gpu
    assert data.gpu.temperature is None
    assert data.gpus
    assert [(gpu.index, gpu.uuid, gpu.temperature) for gpu in data.gpus] == [
        (0, "GPU-a", None),
        (1, "GPU-b", 99),
    ]
    assert values["gpu_temperature"] == 99


def test_without_nvml_what_yolo26_says_is_marked_and_its_models_memory_is_not_the_gpus() -> None:
    yolo26 = Yolo26(health="healthy", temperature=60.0, vram_used=round(0.2 * GIB))
    data = put_together(everything(gpus=Reading([]), yolo26=Reading(yolo26))).data
    said = comparable(encode(PerformanceUpdate(data=data)))["data"]
    assert said["gpu"] == {
        "name": None,
        "utilization": None,
        "vram_used_gb": None,
        "vram_total_gb": None,
        "temperature": 60,
        "power_watts": None,
        "source": "yolo26",
    }
    assert said["ai_models"]["yolo26"]["vram_gb"] == 0.2
    assert "gpus" not in said


def test_databases_that_are_idle_or_have_just_started_are_no_alert() -> None:
    redis = RedisFigures(
        connected_clients=1, blocked_clients=0, memory_used=1, hits=0, misses=10_000
    )
    few = Activity(
        connections_active=0,
        connections_max=100,
        blocks_hit=0,
        blocks_read=MIN_LOOKUPS - 1,
        transactions=1,
        at=0.0,
    )
    readings = everything(redis=Reading(redis), postgresql=Reading(few))
    data, values, _ = put_together(readings, lookups=MIN_LOOKUPS - 1)
    assert (values["redis_hit_ratio"], values["pg_cache_hit"]) == (None, None)
    assert data.databases.redis
    assert data.databases.redis.hit_ratio == 0
    assert put_together(readings).values["redis_hit_ratio"] == 0
    nothing = RedisFigures(connected_clients=1, blocked_clients=0, memory_used=1, hits=0, misses=0)
    data, values, _ = put_together(everything(redis=Reading(nothing)))
    assert data.databases.redis
    assert (data.databases.redis.hit_ratio, values["redis_hit_ratio"]) == (None, None)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"CONTAINERS": "a=b"}, "CONTAINERS: number 1 is not name=http"),
        ({"CONTAINERS": "db=postgresql"}, "CONTAINERS: postgresql: no DATABASE_URL is set"),
        ({"ALERT_THRESHOLDS": "gpu=1/2"}, "ALERT_THRESHOLDS=gpu=1/2: no such metric"),
        ({"ALERT_MIN_LOOKUPS": "0"}, "ALERT_MIN_LOOKUPS=0"),
        ({"BROADCAST_INTERVAL": "0.1"}, "BROADCAST_INTERVAL=0.1"),
    ],
)
def test_settings_that_cannot_be_used_are_one_clear_line(
    settings: dict[str, str], why: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{why}"):
        load(CollectorSettings, settings)


class Home:
    """All sources, each at the test's mercy."""

    def __init__(self, request: pytest.FixtureRequest, ai: AiServer, nvml: FakeNvml) -> None:
        self.ai = ai
        self.nvml = nvml
        fault = getattr(getattr(request.node, "callspec", None), "params", {}).get("fault")
        if fault is None or fault in DATABASE_FAULTS:
            self.redis: RedisServer = request.getfixturevalue("own_redis")
            self.postgres: OwnPostgres = request.getfixturevalue("own_postgres")
            self.redis_url, self.database_url = self.redis.url, self.postgres.url
        else:  # it does nothing to them
            self.redis_url = request.getfixturevalue("redis_url")
            self.database_url = request.getfixturevalue("home_database_url")
        ai.behaviours |= {
            "/yolo26/health": says(FIGURES | {"status": "healthy"}),
            "/nemotron/health": says({"status": "ok"}),
            "/nemotron/slots": says([{"n_ctx": 4096, "is_processing": True}]),
            "/container": says(b"ok"),
        }

    @contextlib.asynccontextmanager
    async def sources(self) -> AsyncIterator[PerformanceSources]:
        settings = load(
            CollectorSettings,
            {
                "REDIS_URL": self.redis_url,
                "DATABASE_URL": self.database_url,
                "YOLO26_URL": f"{self.ai.url}/yolo26",
                "NEMOTRON_URL": f"{self.ai.url}/nemotron",
                "CONTAINERS": f"backend={self.ai.url}/container,redis,db=postgresql",
            },
        )
        sources = PerformanceSources(settings, limit=LIMIT)
        try:
            yield sources
        finally:
            await sources.aclose()


@pytest.fixture(scope="module")
def home_database_url(shared_postgres: OwnPostgres) -> str:
    shared_postgres.execute("CREATE DATABASE home")
    shared_postgres.execute(f"\\connect home\n{TABLES}")
    return shared_postgres.url.removesuffix("postgres") + "home"


@pytest.fixture
def home(
    request: pytest.FixtureRequest, ai_server: AiServer, monkeypatch: pytest.MonkeyPatch
) -> Home:
    driver = FakeNvml(GPU)
    monkeypatch.setattr(collection, "GPUMonitor", lambda: GPUMonitor(driver))
    return Home(request, ai_server, driver)


def shape(data: Any) -> dict[str, Any]:
    """Return which sections say something, and how services are."""
    said = comparable(encode(PerformanceUpdate(data=data)))["data"]
    inference = said["inference"] or {}
    return {
        "gpu": said["gpu"],
        "yolo26": said["ai_models"]["yolo26"]["status"],
        "nemotron": (said["nemotron"]["status"], said["nemotron"]["slots_active"]),
        "throughput": inference.get("throughput"),
        "queues": inference.get("queues"),
        "postgresql": said["databases"]["postgresql"]["status"],
        "redis": said["databases"]["redis"]["status"],
        "host": {name: value is not None for name, value in (said["host"] or {}).items()}
        | {"cpu_percent": ...},  # at the first look, since when?
        "containers": {
            each["name"]: (each["status"], each["health"]) for each in said["containers"]
        },
    }


Fault = Callable[[Home, pytest.MonkeyPatch], dict[str, Any]]
"""Does something to a home; returns what is to be different."""

YOLO26_GPU = {
    "name": None,
    "utilization": 50,
    "vram_used_gb": None,
    "vram_total_gb": None,
    "temperature": 65,
    "power_watts": 100,
    "source": "yolo26",
}
FINE = ("running", "healthy")
CONTAINERS = {"backend": FINE, "redis": FINE, "db": FINE}
UNKNOWN = ("unknown", "unhealthy")
AWAY_REDIS = {
    "redis": "unreachable",
    "queues": None,
    "containers": CONTAINERS | {"redis": UNKNOWN},
}
AWAY_POSTGRES = {
    "postgresql": "unreachable",
    "throughput": None,
    "containers": CONTAINERS | {"db": UNKNOWN},
}
KNOWN = dict.fromkeys(("ram_used_gb", "ram_total_gb", "disk_used_gb", "disk_total_gb"), True) | {
    "cpu_percent": ...
}
NO_DISK = {"disk_used_gb": False, "disk_total_gb": False}
UNHEALTHY = CONTAINERS | {"backend": ("running", "unhealthy")}


def answering(path: str, behaviour: Behaviour, **different: Any) -> Fault:
    def fault(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
        home.ai.behaviours[path] = behaviour
        return different

    return fault


def redis_freezes(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.redis.freeze()
    return AWAY_REDIS


def redis_dies(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.redis.kill()
    return AWAY_REDIS


def redis_is_something_else(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.redis_url = home.ai.url.replace("http", "redis") + "/0"
    return AWAY_REDIS


def postgres_freezes(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.postgres.freeze()
    return AWAY_POSTGRES


def postgres_dies(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.postgres.kill()
    return AWAY_POSTGRES


def postgres_is_something_else(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.database_url = home.redis.url.replace("redis://", "postgresql://postgres@")
    return AWAY_POSTGRES


def nothing_listens_for_postgres(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.database_url = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    return AWAY_POSTGRES


def nvml_hangs(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.nvml.hang.clear()
    return {"gpu": YOLO26_GPU}


def nvml_fails(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.nvml.working = False
    return {"gpu": YOLO26_GPU}


def nvml_lies(home: Home, _: pytest.MonkeyPatch) -> dict[str, Any]:
    home.nvml.gpus = (
        {"name": None, "utilization": 10**30, "temperature": float("nan"), "milliwatts": "many"},
    )
    return {"gpu": dict.fromkeys(set(YOLO26_GPU) - {"source"})}


def the_disk_hangs(_: Home, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(psutil, "disk_usage", lambda _: threading.Event().wait(LIMIT + 1))
    return {"host": KNOWN | NO_DISK}


def psutil_fails(_: Home, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def fail() -> None:
        raise ValueError("rubbish in /proc")

    monkeypatch.setattr(psutil, "virtual_memory", fail)
    return {"host": KNOWN | {"ram_used_gb": False, "ram_total_gb": False}}


DATABASE_FAULTS = [
    redis_freezes,
    redis_dies,
    redis_is_something_else,
    postgres_freezes,
    postgres_dies,
    postgres_is_something_else,
    nothing_listens_for_postgres,
]
LIES = [says(None), says(b"{NaN"), lies]
HUGE = {"status": "healthy", "temperature": 1e300, "vram_used_gb": -1, "gpu_utilization": 1e9}


@pytest.mark.parametrize(
    "fault",
    [
        answering("/yolo26/health", hangs, yolo26="unreachable"),
        *(answering("/yolo26/health", lie, yolo26=...) for lie in LIES),
        answering("/yolo26/health", says(HUGE)),
        answering("/nemotron/health", hangs, nemotron=("unreachable", 1)),
        *(answering("/nemotron/slots", lie, nemotron=("healthy", None)) for lie in LIES),
        answering("/nemotron/slots", hangs, nemotron=("healthy", None)),
        answering("/container", hangs, containers=UNHEALTHY),
        answering("/container", lies, containers=UNHEALTHY),
        *DATABASE_FAULTS,
        nvml_hangs,
        nvml_fails,
        nvml_lies,
        the_disk_hangs,
        psutil_fails,
    ],
)
async def test_a_source_that_is_down_hangs_or_lies_costs_its_own_figures_and_no_others(
    home: Home, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.sources() as sources:
        fine = shape((await sources.collect()).data)
        assert all(fine["host"].values())
        assert fine["gpu"]["temperature"] == 38
        assert (fine["yolo26"], fine["nemotron"]) == ("healthy", ("healthy", 1))
        assert (fine["postgresql"], fine["redis"]) == ("healthy", "healthy")
        assert fine["queues"] == {"detection": 0, "analysis": 0}
        assert fine["containers"] == CONTAINERS
        different = fault(home, monkeypatch)
    try:
        async with home.sources() as sources:
            began = time.monotonic()
            for rounds in range(1, 4):  # a busy machine may cost another figure its time in one
                data, values, _ = await sources.collect()
                assert time.monotonic() - began < rounds * (LIMIT + 4)
                expected, found = fine | different, shape(data)
                if expected["yolo26"] is ...:  # which of its words depends on the lie
                    assert found["yolo26"] in {"unhealthy", "unreachable"}
                    expected["yolo26"] = found["yolo26"]
                if found == expected:
                    break
    finally:
        if fault is postgres_freezes:
            home.postgres.thaw()
        home.nvml.hang.set()
    assert found == expected
    ours = {name: value for name, value in values.items() if not name.startswith("host_")}
    assert exceeding(RULES, ours) == []


async def test_a_redis_that_refuses_writes_is_unhealthy_wherever_it_is_told(
    home: Home,
) -> None:
    async with home.sources() as sources:
        found = shape((await sources.collect(redis_refuses=True)).data)
    assert found["redis"] == "unhealthy"
    assert found["containers"]["redis"] == ("running", "unhealthy")


async def test_latencies_depths_and_containers_that_went_away(home: Home) -> None:
    async with Redis.from_url(home.redis.url) as redis, home.sources() as sources:
        for stage in parts.STAGES:
            for milliseconds in (10, 20, 30):
                await redis.xadd(f"latency:{stage}", {FIELD: milliseconds})
        await redis.rpush("detection_queue", 1, 2, 3)
        await redis.rpush("analysis_queue", 1)
        data = (await sources.collect()).data
        assert data.inference
        assert data.inference.yolo26_latency_ms
        assert data.inference.yolo26_latency_ms.avg == 20
        assert data.inference.pipeline_latency_ms
        assert data.inference.pipeline_latency_ms.p95 == pytest.approx(29)
        assert data.inference.queues
        assert (data.inference.queues.detection, data.inference.queues.analysis) == (3, 1)
        home.ai.stop()

        async def unknown() -> bool:
            containers = shape((await sources.collect()).data)["containers"]
            return bool(containers == CONTAINERS | {"backend": UNKNOWN})

        await until(unknown, within=20)


def several(*gpus: Gpu) -> Readings:
    return everything(gpus=Reading(list(gpus)))


A5500 = Gpu(index=0, name="NVIDIA RTX A5500", temperature=61, utilization=97)
A400 = Gpu(index=1, name="NVIDIA RTX A400", temperature=84, utilization=12)


def test_of_several_gpus_the_worst_one_counts_and_is_named() -> None:
    data, values, gpus = put_together(several(A5500, A400))
    assert data.gpu
    assert (data.gpu.temperature, values["gpu_temperature"]) == (61, 84)
    assert {metric: gpu.name for metric, gpu in gpus.items()} == {
        "gpu_temperature": "GPU 1 · RTX A400",
        "gpu_utilization": "GPU 0 · RTX A5500",
    }
    messages = [alert.message for alert in exceeding(RULES, values, gpus)]
    assert messages == [
        "GPU 1 · RTX A400 temperature high: 84C",
        "GPU 0 · RTX A5500 utilization high: 97.0%",
    ]
    _, alone, nobody = put_together(several(A5500))
    assert (alone["gpu_temperature"], nobody) == (61, {})


def test_a_hot_gpu_that_is_lost_is_not_called_calm_by_another() -> None:
    _, _, before = put_together(several(A5500, A400))
    lost = [A5500, Gpu(index=1)]
    values, whose = gpu_values(lost, before)
    assert values["gpu_temperature"] is None
    assert whose["gpu_temperature"].index == 1
    hotter, _ = gpu_values([replace(A5500, temperature=90), Gpu(index=1)], whose)
    assert hotter["gpu_temperature"] == 90
    taken_out, _ = gpu_values([A5500, Gpu(index=2)], whose)
    assert taken_out["gpu_temperature"] == 61
