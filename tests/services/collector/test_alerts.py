"""An alert is what the seed's table says, once, and not before it is sure nor after it is over."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas.performance import Alert, AlertSeverity
from hsi.settings import SettingsError
from services.collector.alerts import (
    AFTER,
    LEVELS,
    MARGIN,
    RULES,
    AlertEngine,
    Change,
    Firing,
    changes,
    percent,
    rules_with,
)

TABLE: dict[str, tuple[float, float, bool]] = {
    # The seed's, in its order: warning, critical, whether low is bad.
    "gpu_temperature": (75, 85, False),
    "gpu_utilization": (90, 98, False),
    "gpu_vram": (90, 95, False),
    "host_cpu": (80, 95, False),
    "host_ram": (85, 95, False),
    "host_disk": (80, 90, False),
    "pg_cache_hit": (90, 80, True),
    "redis_hit_ratio": (50, 10, True),
}
LITTLE = 0.01
CASES = [(metric, level) for metric in TABLE for level in ("warning", "critical")]


def threshold_of(metric: str, level: str) -> float:
    return TABLE[metric][level == "critical"]


def at_once(metric: str, value: float | None) -> list[Alert]:
    return AlertEngine(after=0).observe({metric: value}, 0)


def test_the_table_is_the_seeds() -> None:
    rules = {metric: (rule.warning, rule.critical, rule.low) for metric, rule in RULES.items()}
    assert rules == TABLE


@pytest.mark.parametrize(("metric", "level"), CASES)
def test_each_threshold_at_just_under_and_just_over(metric: str, level: AlertSeverity) -> None:
    threshold, low = threshold_of(metric, level), TABLE[metric][2]
    milder: list[AlertSeverity] = ["warning"] if level == "critical" else []
    beyond: list[AlertSeverity] = [level]
    expected = {
        threshold - LITTLE: beyond if low else milder,
        threshold: milder if low else beyond,
        threshold + LITTLE: milder if low else beyond,
    }
    for value, severities in expected.items():
        alerts = at_once(metric, value)
        assert [alert.severity for alert in alerts] == severities, value
        for alert in alerts:
            assert (alert.metric, alert.value) == (metric, value)
            assert alert.threshold == threshold_of(metric, alert.severity)


@pytest.mark.parametrize(("metric", "level"), CASES)
def test_it_clears_only_beyond_its_margin(metric: str, level: AlertSeverity) -> None:
    threshold, low = threshold_of(metric, level), TABLE[metric][2]
    sign = 1 if low else -1
    engine = AlertEngine(after=0)
    engine.observe({metric: threshold - sign * LITTLE}, 0)
    assert engine.firing() == {metric: level}
    engine.observe({metric: threshold + sign * (MARGIN - LITTLE)}, 1)
    assert engine.firing() == {metric: level}
    engine.observe({metric: threshold + sign * (MARGIN + LITTLE)}, 2)
    assert engine.firing() == ({metric: "warning"} if level == "critical" else {})


@pytest.mark.parametrize("nothing", [None, float("nan")])
@pytest.mark.parametrize("metric", TABLE)
def test_what_is_not_measured_is_no_alert_and_ends_none(metric: str, nothing: float | None) -> None:
    assert at_once(metric, nothing) == []
    worst = -0.0 if TABLE[metric][2] else 100.0
    engine = AlertEngine()
    engine.observe({metric: worst}, 0)
    engine.observe({metric: nothing}, AFTER - 1)
    engine.observe({metric: worst}, AFTER)  # the time begins anew
    assert engine.firing() == {}
    engine.observe({metric: worst}, 2 * AFTER)
    assert engine.firing() == {metric: "critical"}
    assert engine.observe({metric: nothing}, 3 * AFTER) == []  # there is no value to tell
    assert engine.observe({}, 9 * AFTER) == []
    assert engine.firing() == {metric: "critical"}
    assert [alert.severity for alert in engine.observe({metric: worst}, 10 * AFTER)] == ["critical"]


def test_a_moment_is_no_alert() -> None:
    engine = AlertEngine()
    for now, value, firing in (
        (0, 99.0, {}),
        (AFTER - 1, 99.0, {}),
        (AFTER, 79.0, {}),
        (AFTER + 1, 99.0, {}),
        (2 * AFTER + 1, 99.0, {"host_cpu": "critical"}),
        (2 * AFTER + 2, 10.0, {"host_cpu": "critical"}),
        (3 * AFTER + 1, 10.0, {"host_cpu": "critical"}),
        (3 * AFTER + 2, 10.0, {}),
    ):
        engine.observe({"host_cpu": value}, now)
        assert engine.firing() == firing, now


@pytest.mark.parametrize(
    ("metric", "value", "message"),
    [
        ("gpu_temperature", 82, "GPU temperature high: 82C"),
        ("gpu_temperature", 86, "GPU temperature critical: 86C"),
        ("gpu_utilization", 91.26, "GPU utilization high: 91.3%"),
        ("gpu_utilization", 100, "GPU utilization critical: 100.0%"),
        ("gpu_vram", 92, "GPU VRAM high: 92.0%"),
        ("gpu_vram", 96.1, "GPU VRAM critical: 96.1%"),
        ("host_cpu", 81, "CPU high: 81.0%"),
        ("host_cpu", 97, "CPU critically high: 97.0%"),
        ("host_ram", 86, "RAM high: 86.0%"),
        ("host_ram", 96, "RAM critically high: 96.0%"),
        ("host_disk", 81, "Disk nearly full: 81.0%"),
        ("host_disk", 91.2, "Disk critically full: 91.2%"),
        ("pg_cache_hit", 85, "PostgreSQL cache hit ratio low: 85.0%"),
        ("pg_cache_hit", 50, "PostgreSQL cache hit ratio critically low: 50.0%"),
        ("redis_hit_ratio", 40, "Redis hit ratio low: 40.0%"),
        ("redis_hit_ratio", 0, "Redis hit ratio critically low: 0.0%"),
    ],
)
def test_a_person_reads(metric: str, value: float, message: str) -> None:
    assert [alert.message for alert in at_once(metric, value)] == [message]


def test_the_next_leader_goes_on_and_tells_nothing_twice() -> None:
    first = AlertEngine()
    first.observe({"host_cpu": 99.0, "host_ram": 99.0}, 0)
    first.observe({"host_cpu": 99.0, "host_ram": 10.0}, AFTER)
    told = first.firing()
    assert told == {"host_cpu": "critical"}
    first.observe({"host_cpu": 99.0, "host_ram": 99.0}, AFTER + 5)  # and this one waits
    second = AlertEngine()
    second.adopt(first.exported())
    alerts = second.observe({"host_cpu": 99.0, "host_ram": 99.0}, AFTER + 6)
    assert [alert.metric for alert in alerts] == ["host_cpu"]
    assert changes(told, second.firing()) == []
    second.observe({"host_cpu": 99.0, "host_ram": 99.0}, 2 * AFTER + 5)
    assert changes(told, second.firing()) == [Change("host_ram", "critical", firing=True)]


@pytest.mark.parametrize("state", [b"", b"null", b"rubbish", b'{"host_cpu":{"warning":1}}'])
def test_a_state_that_cannot_be_read_is_refused_whole(state: bytes) -> None:
    engine = AlertEngine(after=0)
    engine.observe({"host_cpu": 99.0}, 0)
    with pytest.raises(msgspec.DecodeError):
        engine.adopt(state)
    assert engine.firing() == {"host_cpu": "critical"}


def test_a_state_of_another_version_is_taken_for_what_it_says() -> None:
    engine = AlertEngine()
    engine.adopt(b'{"host_cpu":{"warning":{"active":true}},"gone":{}}')
    assert engine.firing() == {"host_cpu": "warning"}


def test_a_clock_that_was_set_back_delays_nothing_for_long() -> None:
    engine = AlertEngine()
    engine.observe({"host_cpu": 99.0}, 1_000_000)
    engine.observe({"host_cpu": 99.0}, 0)
    engine.observe({"host_cpu": 99.0}, AFTER)
    assert engine.firing() == {"host_cpu": "critical"}


def test_an_escalation_ends_the_milder_alert() -> None:
    assert changes({"host_cpu": "warning"}, {"host_cpu": "critical"}) == [
        Change("host_cpu", "warning", firing=False),
        Change("host_cpu", "critical", firing=True),
    ]


def test_other_thresholds() -> None:
    rules = rules_with(["gpu_temperature=83/92.5", "pg_cache_hit=70/60"])
    engine = AlertEngine(rules, after=0)
    alerts = engine.observe({"gpu_temperature": 83, "pg_cache_hit": 70}, 0)
    assert [(alert.metric, alert.threshold) for alert in alerts] == [("gpu_temperature", 83)]
    assert rules["host_cpu"] == RULES["host_cpu"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("gpu_temperature", "expected metric=warning/critical"),
        ("gpu_temperature=80", "expected metric=warning/critical"),
        ("gpu_temperature=hot/hotter", "expected metric=warning/critical"),
        ("temperature=80/90", "no such metric; there are gpu_temperature, "),
        ("gpu_temperature=90/80", "critical must be above warning"),
        ("gpu_temperature=80/80", "critical must be above warning"),
        ("gpu_temperature=80/nan", "critical must be above warning"),
        ("gpu_temperature=80/inf", "critical must be above warning"),
        ("pg_cache_hit=80/90", "critical must be below warning"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused_with_the_reason(change: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"^ALERT_THRESHOLDS={change}: {why}"):
        rules_with([change])


def test_percent_of_nothing_is_nothing() -> None:
    assert percent(1, 4) == 25
    assert [percent(None, 4), percent(1, None), percent(1, 0)] == [None] * 3


@pytest.mark.parametrize("metric", TABLE)
def test_both_ends_of_the_scale_are_right(metric: str) -> None:
    best = 100.0 if TABLE[metric][2] else 0.0
    engine = AlertEngine(rules_with(["host_disk=0.5/1", "pg_cache_hit=99.5/99"]), after=0)
    engine.observe({metric: 100.0 - best}, 0)
    assert engine.firing() == {metric: "critical"}
    engine.observe({metric: best}, 1)
    assert engine.firing() == {}


STEPS = st.lists(
    st.tuples(
        st.floats(min_value=0.1, max_value=3 * AFTER),
        st.one_of(st.none(), st.floats(min_value=0, max_value=100)),
    ),
    max_size=60,
)


def history(engine: AlertEngine, metric: str, steps: Any) -> list[tuple[float, Firing]]:
    now, seen = 0.0, []
    for pause, value in steps:
        now += pause
        engine.observe({metric: value}, now)
        seen.append((now, engine.firing()))
    return seen


@given(st.sampled_from(sorted(TABLE)), STEPS)
def test_nothing_changes_more_than_once_in_its_time(metric: str, steps: Any) -> None:
    seen = history(AlertEngine(), metric, steps)
    for level in LEVELS:
        changed: list[float] = []
        active = False
        for now, firing in seen:
            severity = firing.get(metric)
            is_active = severity == "critical" or (level == "warning" and severity is not None)
            if is_active is not active:
                active = is_active
                changed.append(now)
        assert all(b - a >= AFTER * 0.999 for a, b in itertools.pairwise(changed))


@given(
    st.sampled_from(CASES),
    st.lists(
        st.tuples(st.floats(min_value=0.1, max_value=60), st.floats(min_value=-1, max_value=1)),
        max_size=60,
    ),
)
def test_a_figure_that_dances_around_a_threshold_is_one_alert_at_most(
    case: tuple[str, str], steps: Any
) -> None:
    metric, level = case
    threshold = threshold_of(metric, level)
    dance = [(pause, threshold + part * MARGIN * 0.99) for pause, part in steps]
    told: Firing = {}
    fired = 0
    for _, firing in history(AlertEngine(), metric, dance):
        fired += sum(change.firing for change in changes(told, firing))
        told = firing
    assert fired <= (2 if level == "critical" else 1)  # a warning, then a critical alert


@given(st.sampled_from(sorted(TABLE)), STEPS)
def test_a_new_leader_at_any_time_makes_no_difference(metric: str, steps: Any) -> None:
    one, now = AlertEngine(), 0.0
    relay = AlertEngine()
    for pause, value in steps:
        now += pause
        state = relay.exported()
        relay = AlertEngine()
        relay.adopt(state)
        assert relay.observe({metric: value}, now) == one.observe({metric: value}, now)
        assert relay.firing() == one.firing()
