"""A day and a week of figures, small, and with every peak."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hsi.schemas import PerformanceUpdate, PerformanceUpdateData
from hsi.schemas.performance import ContainerMetrics, GpuDevice
from services.collector.trend import (
    MAX_GPUS,
    RESOLUTIONS,
    Bin,
    bins,
    figures_of,
    trend,
)
from tests.clients import golden

BUDGET = 20_000_000
"""Bytes of Redis' memory for all figures that are kept."""
EXAMPLE = msgspec.json.decode(golden("performance_update"), type=PerformanceUpdate).data
STEP = 120


def point(at: float, cpu: float | None = 10.0, **other: Any) -> PerformanceUpdateData:
    assert EXAMPLE.host
    return replace(
        EXAMPLE,
        timestamp=datetime.fromtimestamp(at, UTC),
        host=replace(EXAMPLE.host, cpu_percent=cpu),
        **other,
    )


def gpus(count: int) -> list[GpuDevice]:
    fields = msgspec.structs.asdict(EXAMPLE.gpu) if EXAMPLE.gpu else {}
    return [GpuDevice(index=n, uuid=f"GPU-{n:032}", **fields) for n in range(count)]


def large(at: float) -> PerformanceUpdateData:
    """Return a round of a home with much in it."""
    containers = [
        ContainerMetrics(name=f"hsi-container-number-{n}", status="running", health="healthy")
        for n in range(20)
    ]
    return point(at, 12.34, gpus=gpus(MAX_GPUS), containers=containers)


def full(name: Any) -> Iterator[Bin]:
    """Return all bins of a trend of that home, each of as many digits as there can be."""
    resolution = RESOLUTIONS[name]
    for n in range(resolution.bins):
        figures = dict.fromkeys(figures_of(large(0)), (12345.67, 10234.56, 99999.99))
        yield Bin(1_800_000_000 + n * resolution.step, figures)


def test_a_bin_has_the_mean_and_the_extremes_of_its_rounds() -> None:
    points = [point(n, cpu) for n, cpu in ((0, 10.0), (5, 99.0), (115, 20.0), (120, 50.0))]
    (first,) = bins(points, step=STEP, since=0, until=239)
    assert first.began == 0
    assert first.figures["host.cpu_percent"] == (43.0, 10.0, 99.0)
    assert len(bins(points, step=STEP, since=0, until=240)) == 2
    assert [each.began for each in bins(points, step=STEP, since=120, until=240)] == [120]


@given(st.lists(st.tuples(st.integers(0, 3600), st.none() | st.floats(0, 100)), max_size=80))
def test_no_peak_is_averaged_away_and_none_is_invented(rounds: Any) -> None:
    found = bins([point(at, cpu) for at, cpu in rounds], step=STEP, since=0, until=7200)
    measured = [cpu for _, cpu in rounds if cpu is not None]
    shown = [
        each.figures["host.cpu_percent"] for each in found if "host.cpu_percent" in each.figures
    ]
    assert all(low <= mean <= high for mean, low, high in shown)
    if measured:
        assert max(high for _, _, high in shown) == max(measured)
        assert min(low for _, low, _ in shown) == min(measured)
    assert [each.began for each in found] == sorted({at // STEP * STEP for at, _ in rounds})


def test_columns_say_null_where_nobody_measured_and_leave_out_where_nobody_was() -> None:
    points = [point(0, 10.0), point(STEP, None), point(5 * STEP, 30.0)]
    told = trend("24h", bins(points, step=STEP, since=0, until=3600))
    assert (told.range, told.step, told.began) == ("24h", STEP, [0, STEP, 5 * STEP])
    assert told.figures["host.cpu_percent"].mean == [10.0, None, 30.0]
    assert told.figures["gpu.temperature"].high == [38.0, 38.0, 38.0]
    assert trend("7d", []).figures == {}


def test_each_of_several_gpus_has_a_trend_by_its_index() -> None:
    assert not any(path.startswith("gpus.") for path in figures_of(point(0, gpus=gpus(1))))
    paths = figures_of(point(0, gpus=gpus(MAX_GPUS + 1)))
    assert paths["gpus.1.temperature"] == 38
    assert f"gpus.{MAX_GPUS}.temperature" not in paths
    assert "gpus.1.index" not in paths


@pytest.mark.parametrize("odd", [10**400, float("inf"), float("nan"), -1e16])
def test_a_figure_that_cannot_be_costs_itself(odd: float) -> None:
    figures = figures_of(point(0, odd))
    assert "host.cpu_percent" not in figures
    assert "host.ram_used_gb" in figures


def test_all_that_is_kept_of_a_large_home_is_far_below_its_budget() -> None:
    hour = 720 * len(msgspec.json.encode(large(0)))
    days = sum(len(msgspec.json.encode(each)) for name in RESOLUTIONS for each in full(name))
    assert hour + days < BUDGET / 1.5
