"""When a figure is an alert, and when it is none any more (R50). Pure.

A threshold that is crossed for a moment is no alert, and a figure that dances around one must not
become many. So a level begins when its figure has been beyond the threshold for some time without a
break, and ends when it has been back by a margin for as long.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from hsi.schemas.performance import Alert, AlertSeverity
from hsi.settings import SettingsError

MARGIN = 2.0
"""How far a figure must come back, in its own unit: below the smallest distance of two levels."""
AFTER = 10.0
"""Seconds that a figure must have been beyond a threshold, or back."""

LEVELS: tuple[AlertSeverity, ...] = ("critical", "warning")
"""The more serious one first: it replaces the other."""


class Rule(Struct, frozen=True, kw_only=True):
    """When one metric is an alert."""

    warning: float
    critical: float
    unit: str
    """C or %."""
    texts: tuple[str, str]
    """How its message begins: for a warning, for a critical alert."""
    low: bool = False
    """Whether low is bad: then a value below is an alert, else one that is at least as high."""

    def threshold(self, level: AlertSeverity) -> float:
        """Return where a level begins."""
        return self.critical if level == "critical" else self.warning

    def crosses(self, level: AlertSeverity, value: float) -> bool:
        """Tell whether a value is beyond a level's threshold."""
        threshold = self.threshold(level)
        return value < threshold if self.low else value >= threshold

    def is_back(self, level: AlertSeverity, value: float) -> bool:
        """Tell whether a value has come back by the margin; at an end of its scale, without it."""
        threshold = self.threshold(level)
        if self.low:
            return value >= min(threshold + MARGIN, 100.0)
        return value < max(threshold - MARGIN, 0.0) or value <= 0.0 < threshold

    def message(self, level: AlertSeverity, value: float) -> str:
        """Return what a person reads."""
        text = self.texts[level == "critical"]
        return f"{text}: {value:.0f}C" if self.unit == "C" else f"{text}: {value:.1f}%"


RULES: Mapping[str, Rule] = {
    "gpu_temperature": Rule(
        warning=75,
        critical=85,
        unit="C",
        texts=("GPU temperature high", "GPU temperature critical"),
    ),
    "gpu_utilization": Rule(
        warning=90,
        critical=98,
        unit="%",
        texts=("GPU utilization high", "GPU utilization critical"),
    ),
    "gpu_vram": Rule(
        warning=90, critical=95, unit="%", texts=("GPU VRAM high", "GPU VRAM critical")
    ),
    "host_cpu": Rule(warning=80, critical=95, unit="%", texts=("CPU high", "CPU critically high")),
    "host_ram": Rule(warning=85, critical=95, unit="%", texts=("RAM high", "RAM critically high")),
    "host_disk": Rule(
        warning=80, critical=90, unit="%", texts=("Disk nearly full", "Disk critically full")
    ),
    "pg_cache_hit": Rule(
        warning=90,
        critical=80,
        unit="%",
        low=True,
        texts=("PostgreSQL cache hit ratio low", "PostgreSQL cache hit ratio critically low"),
    ),
    "redis_hit_ratio": Rule(
        warning=50,
        critical=10,
        unit="%",
        low=True,
        texts=("Redis hit ratio low", "Redis hit ratio critically low"),
    ),
}
"""The document's table (R50)."""


def rules_with(changes: Sequence[str]) -> dict[str, Rule]:
    """Return the rules, with other thresholds for some.

    Args:
        changes: Each as `metric=warning/critical`.

    Raises:
        SettingsError: One cannot be understood, or makes no sense.

    """
    rules = dict(RULES)
    for change in changes:
        metric, _, levels = change.partition("=")
        warning, _, critical = levels.partition("/")
        try:
            first, second = float(warning), float(critical)
        except ValueError:
            raise SettingsError(
                f"ALERT_THRESHOLDS={change}: expected metric=warning/critical, "
                "as in gpu_temperature=80/90"
            ) from None
        if metric not in rules:
            raise SettingsError(
                f"ALERT_THRESHOLDS={change}: no such metric; there are {', '.join(rules)}"
            )
        rule = msgspec.structs.replace(rules[metric], warning=first, critical=second)
        ordered = second < first if rule.low else first < second
        if not (ordered and all(map(math.isfinite, (first, second)))):
            order = "below" if rule.low else "above"
            raise SettingsError(f"ALERT_THRESHOLDS={change}: critical must be {order} warning")
        rules[metric] = rule
    return rules


class Change(NamedTuple):
    """An alert that fires, or is resolved. An escalation resolves one and fires the other."""

    metric: str
    severity: AlertSeverity
    firing: bool


Firing = dict[str, AlertSeverity]
"""Which metrics are an alert, and how serious."""


class _Level(Struct):
    """What is known of one level of one metric."""

    active: bool = False
    since: float | None = None
    """Since when the figure says otherwise."""


_State = dict[str, dict[AlertSeverity, _Level]]


class AlertEngine:
    """Follows all metrics: the same values at the same times make the same alerts anywhere.

    What it knows can be carried to the next leader by `exported` and `adopt`.
    """

    def __init__(self, rules: Mapping[str, Rule] = RULES, *, after: float = AFTER) -> None:
        """Know nothing yet.

        Args:
            rules: By metric.
            after: Seconds that a figure must say the same; 0 believes it at once.

        """
        self._rules = rules
        self._after = after
        self._state: _State = {}

    def observe(self, values: Mapping[str, float | None], now: float) -> list[Alert]:
        """Take one round's values; return the alerts that are active, with those values.

        A metric without a value raises nothing and resolves nothing: what is active stays so, and
        is not spoken of until there is a value again.

        Args:
            values: By metric; None (or NaN) is not measured.
            now: Seconds since 1970, so that the next leader can go on with them.

        """
        alerts = []
        for metric, rule in self._rules.items():
            value = values.get(metric)
            if value is not None and math.isnan(value):
                value = None
            levels = self._levels(metric)
            for level in LEVELS:
                self._follow(rule, level, levels[level], value, now)
            severity = _severity(levels)
            if severity is not None and value is not None:
                alerts.append(
                    Alert(
                        severity=severity,
                        metric=metric,
                        value=value,
                        threshold=rule.threshold(severity),
                        message=rule.message(severity, value),
                    )
                )
        return alerts

    def firing(self) -> Firing:
        """Return what is active, measured in this round or not."""
        found = {metric: _severity(self._levels(metric)) for metric in self._rules}
        return {metric: severity for metric, severity in found.items() if severity is not None}

    def exported(self) -> bytes:
        """Return what is known, for `adopt`."""
        return msgspec.json.encode(self._state)

    def adopt(self, state: bytes) -> None:
        """Go on from what another replica exported.

        Raises:
            ValueError, RecursionError: It cannot be read; what was known stays.

        """
        self._state = msgspec.json.decode(state, type=_State)

    def _levels(self, metric: str) -> dict[AlertSeverity, _Level]:
        levels = self._state.setdefault(metric, {})
        for level in LEVELS:
            levels.setdefault(level, _Level())
        return levels

    def _follow(
        self, rule: Rule, level: AlertSeverity, known: _Level, value: float | None, now: float
    ) -> None:
        otherwise = value is not None and (
            rule.is_back(level, value) if known.active else rule.crosses(level, value)
        )
        if not otherwise:
            known.since = None
            return
        # A clock that was set back must not make it wait for hours.
        known.since = now if known.since is None else min(known.since, now)
        if now - known.since >= self._after:
            known.active = not known.active
            known.since = None


def changes(told: Firing, firing: Firing) -> list[Change]:
    """Return what is to be told to who knows of some alerts, now that others are active."""
    gone = [
        Change(metric, severity, firing=False)
        for metric, severity in told.items()
        if firing.get(metric) != severity
    ]
    new = [
        Change(metric, severity, firing=True)
        for metric, severity in firing.items()
        if told.get(metric) != severity
    ]
    return gone + new


def percent(part: float | None, whole: float | None) -> float | None:
    """Return a part in percent, or None where that cannot be told."""
    return None if part is None or not whole else 100 * part / whole


def _severity(levels: Mapping[AlertSeverity, Any]) -> AlertSeverity | None:
    return next((level for level in LEVELS if levels[level].active), None)
