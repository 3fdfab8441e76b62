"""The parts of a `performance_update` have GB and whole figures, and null for what is not known."""

import pytest

from hsi.schemas.performance import GpuDevice, HostMetrics
from hsi_service.sources import Reading
from hsi_service.sources.ai import GIB
from hsi_service.sources.gpu import Gpu
from services.collector.host import DiskFigures, HostFigures
from services.collector.parts import (
    gpu_device,
    host_part,
    inference_part,
    nemotron_part,
    ratio,
    yolo26_part,
)


def test_a_gpu_is_in_gb_and_whole_degrees_and_one_that_is_lost_has_its_index_alone() -> None:
    assert gpu_device(Gpu(index=1)) == GpuDevice(
        index=1,
        uuid=None,
        name=None,
        utilization=None,
        vram_used_gb=None,
        vram_total_gb=None,
        temperature=None,
        power_watts=None,
    )
    seen = gpu_device(Gpu(index=0, memory_used=round(22.704 * GIB), temperature=65.5, power=0.4))
    assert (seen.vram_used_gb, seen.temperature, seen.power_watts) == (22.7, 66, 0)


def test_the_host_is_in_gb() -> None:
    assert host_part(None, None) is None
    found = host_part(HostFigures(cpu=12.345, memory_used=round(8.204 * GIB)), None)
    assert found == HostMetrics(
        cpu_percent=12.35, ram_used_gb=8.2, ram_total_gb=None, disk_used_gb=None, disk_total_gb=None
    )
    found = host_part(None, DiskFigures(used=GIB, total=2 * GIB, percent=50.0))
    assert found == HostMetrics(
        cpu_percent=None, ram_used_gb=None, ram_total_gb=None, disk_used_gb=1.0, disk_total_gb=2.0
    )


def test_what_there_is_not_is_left_out_and_what_cannot_be_asked_is_unreachable() -> None:
    assert not yolo26_part(Reading(None))
    assert nemotron_part(Reading(None)) is None
    assert inference_part(None, None, None) is None
    away = yolo26_part(Reading(None, "it is dark"))
    assert away
    assert away.status == "unreachable"


@pytest.mark.parametrize(
    ("hits", "misses", "expected"), [(3, 1, 75.0), (0, 0, None), (None, 1, None), (1, None, None)]
)
def test_a_ratio_needs_evidence(
    hits: int | None, misses: int | None, expected: float | None
) -> None:
    assert ratio(hits, misses) == expected
