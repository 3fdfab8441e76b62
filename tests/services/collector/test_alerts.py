"""An alert is what exceeds its threshold in this very update, by the seed's table."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas.performance import Alert, AlertSeverity
from hsi.settings import SettingsError
from services.collector.alerts import RULES, exceeding, percent, rules_with

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
    return exceeding(RULES, {metric: value})


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


@given(st.sampled_from(sorted(TABLE)), st.none() | st.floats())
def test_each_alert_of_an_update_exceeds_its_threshold_and_says_this_value(
    metric: str, value: Any
) -> None:
    low = TABLE[metric][2]
    for alert in at_once(metric, value):
        assert alert.value == value
        assert value < alert.threshold if low else value >= alert.threshold
        assert alert.threshold == threshold_of(metric, alert.severity)


@pytest.mark.parametrize("nothing", [None, float("nan")])
@pytest.mark.parametrize("metric", TABLE)
def test_what_is_not_measured_is_no_alert(metric: str, nothing: float | None) -> None:
    assert at_once(metric, nothing) == []
    assert exceeding(RULES, {}) == []


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


@pytest.mark.parametrize(
    ("metric", "value", "severity", "message"),
    [
        ("gpu_temperature", 86, "warning", "GPU temperature high: 86C"),
        (
            "gpu_temperature",
            84,
            "critical",
            "GPU temperature recovering from critical: 84C, a warning below 83C",
        ),
        ("host_cpu", 84.6, "critical", "CPU recovering from critical: 84.6%, a warning soon"),
        ("gpu_temperature", 74, "warning", "GPU temperature recovering: 74C, clears below 73C"),
        (
            "gpu_temperature",
            73,
            "critical",
            "GPU temperature recovering from critical: 73C, clears below 73C",
        ),
        ("gpu_temperature", 38, "warning", "GPU temperature recovering: 38C, clears soon"),
        ("host_cpu", 63.3, "critical", "CPU recovering from critical: 63.3%, clears soon"),
        (
            "redis_hit_ratio",
            11,
            "critical",
            "Redis hit ratio recovering from critical: 11.0%, a warning above 12%",
        ),
        ("host_disk", 78.25, "warning", "Disk recovering: 78.2%, clears below 78%"),
        (
            "pg_cache_hit",
            91,
            "warning",
            "PostgreSQL cache hit ratio recovering: 91.0%, clears above 92%",
        ),
    ],
)
def test_a_person_reads_of_an_alert_that_is_past_its_peak(
    metric: str, value: float, severity: AlertSeverity, message: str
) -> None:
    assert RULES[metric].message(value, severity) == message


@given(st.sampled_from(sorted(TABLE)), st.floats(0, 100))
def test_a_critical_alert_is_critical_by_its_value_or_recovers_from_it(
    metric: str, value: float
) -> None:
    """So the words never say "high" beside "critical" and its limit."""
    rule = RULES[metric]
    text = rule.message(value, "critical")
    assert rule.crosses("critical", value) is text.startswith(rule.texts[1])
    assert rule.crosses("critical", value) is not (" recovering from critical: " in text)


def test_other_thresholds() -> None:
    rules = rules_with(["gpu_temperature=83/92.5", "pg_cache_hit=70/60"])
    alerts = exceeding(rules, {"gpu_temperature": 83, "pg_cache_hit": 70})
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
