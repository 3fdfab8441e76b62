"""An hour in sixty points, in which every peak can still be seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas import PerformanceUpdate, PerformanceUpdateData, RaisedAlert
from hsi.schemas.performance import Alert, ContainerMetrics, GpuDevice
from services.collector.downsampling import MAX_POINTS, downsampled, peak
from tests.clients import golden

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = (BEGAN + timedelta(hours=1)).timestamp()
EXAMPLE = msgspec.json.decode(golden("performance_update"), type=PerformanceUpdate).data


def point(seconds: float = 0, cpu: float | None = 10.0) -> PerformanceUpdateData:
    data: PerformanceUpdateData = msgspec.json.decode(
        msgspec.json.encode(EXAMPLE), type=PerformanceUpdateData
    )
    assert data.host
    data.timestamp, data.host.cpu_percent = BEGAN + timedelta(seconds=seconds), cpu
    return data


def cpu_of(data: PerformanceUpdateData) -> Any:
    return data.host and data.host.cpu_percent


def test_five_minutes_are_all_of_their_points() -> None:
    points = [point(5 * n) for n in range(1, 721)]
    assert downsampled(points, seconds=300, now=NOW) == points[-60:]


@pytest.mark.parametrize("minutes", [5, 15, 60])
def test_a_moments_peak_stays_visible_and_points_are_sixty_at_most(minutes: int) -> None:
    points = [point(5 * n, cpu=99.0 if n == 700 else 10.0) for n in range(1, 721)]
    found = downsampled(points, seconds=minutes * 60, now=NOW)
    assert len(found) == MAX_POINTS
    assert [cpu_of(data) for data in found].count(99.0) == 1
    times = [data.timestamp for data in found]
    assert times == sorted(times)
    assert times[-1] == points[-1].timestamp


def test_a_point_has_the_worst_of_all_that_it_stands_for() -> None:
    first, second = point(0, cpu=50.0), point(5, cpu=20.0)
    assert first.databases.redis
    assert second.databases.redis
    first.databases.redis.hit_ratio, second.databases.redis.hit_ratio = 20.0, 99.0
    first.databases.redis.status = "unreachable"
    first.containers = [ContainerMetrics(name="a", status="restarting", health="unhealthy")]
    second.containers = [ContainerMetrics(name="a", status="running", health="healthy")]
    fields = msgspec.structs.asdict(EXAMPLE.gpu) if EXAMPLE.gpu else {}
    first.gpus = [
        GpuDevice(index=n, uuid=None, **fields | {"temperature": heat})
        for n, heat in enumerate((40, 90))
    ]
    second.gpus = [
        GpuDevice(index=n, uuid=None, **fields | {"temperature": heat})
        for n, heat in enumerate((50, 60))
    ]
    critical = Alert(
        severity="critical", metric="host_cpu", value=97, threshold=95, message="critical"
    )
    warning = Alert(severity="warning", metric="host_cpu", value=85, threshold=80, message="high")
    first.alerts, second.alerts = [critical], [warning]
    began, later = (msgspec.json.decode(golden("alert"), type=RaisedAlert).data for _ in range(2))
    later.value, later.peak = 76, 99
    first.raised, second.raised = [began], [later]
    found = peak([first, second])
    assert cpu_of(found) == 50
    assert found.timestamp == second.timestamp
    assert found.databases.redis
    assert (found.databases.redis.hit_ratio, found.databases.redis.status) == (20, "unreachable")
    assert found.containers == first.containers
    assert found.gpus
    assert [gpu.temperature for gpu in found.gpus] == [50, 90]
    assert (found.alerts, found.raised) == ([critical], [later])


def test_nothing_is_made_of_nothing_and_something_outlives_it() -> None:
    assert cpu_of(peak([point(cpu=None), point(cpu=None)])) is None
    assert cpu_of(peak([point(cpu=7.0), point(cpu=None)])) == 7
    without = point()
    without.host = without.gpu = None
    assert peak([without, without]).host is None
    assert cpu_of(peak([point(cpu=7.0), without])) == 7
    assert downsampled([], seconds=300, now=NOW) == []


def test_points_stay_together_from_one_request_to_the_next() -> None:
    points = [point(5 * n, cpu=float(n % 100)) for n in range(1, 721)]
    first = downsampled(points, seconds=3600, now=NOW)
    later = downsampled([*points, point(3605)], seconds=3600, now=NOW + 5)
    assert first[1:-1] == later[1:-1] or first[2:-1] == later[1:-2]


def test_what_is_too_old_or_of_the_future_is_left_out() -> None:
    points = [point(0), point(3590), point(9999)]
    assert downsampled(points, seconds=300, now=NOW) == [points[1]]


@given(
    st.lists(st.tuples(st.floats(0.1, 30), st.none() | st.floats(0, 100)), max_size=200),
    st.sampled_from([300, 900, 3600]),
)
def test_no_peak_is_lost_and_none_is_invented(steps: Any, seconds: int) -> None:
    at, points = 0.0, []
    for pause, cpu in steps:
        at += pause
        points.append(point(at, cpu))
    now = BEGAN.timestamp() + at
    found = downsampled(points, seconds=seconds, now=now)
    assert len(found) <= MAX_POINTS
    width = seconds / MAX_POINTS
    recent = [p for p in points if p.timestamp.timestamp() > now - seconds + width]
    known = [cpu_of(p) for p in recent if cpu_of(p) is not None]
    shown = [cpu_of(p) for p in found if cpu_of(p) is not None]
    assert set(shown) <= {cpu_of(p) for p in points}
    if known:
        assert max(shown) >= max(known)
