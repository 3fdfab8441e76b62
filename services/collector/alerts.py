"""When a figure is an alert (R50). Pure.

`exceeding` says what is beyond its threshold at this moment, as each update tells it. What people
are told of has to last, and is raised.py's.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec
from msgspec import Struct

from hsi.schemas.performance import Alert, AlertSeverity, AlertUnit
from hsi.settings import SettingsError

MARGIN = 2.0
"""How far a figure must come back, in its own unit: below the smallest distance of two levels."""

LEVELS: tuple[AlertSeverity, ...] = ("critical", "warning")
"""The more serious one first: it replaces the other."""


class Rule(Struct, frozen=True, kw_only=True):
    """When one metric is an alert."""

    warning: float
    critical: float
    unit: AlertUnit
    name: str
    """What is measured, for people."""
    texts: tuple[str, str]
    """How its message begins: for a warning, for a critical alert."""
    low: bool = False
    """Whether low is bad: then a value below is an alert, else one that is at least as high."""

    def threshold(self, level: AlertSeverity) -> float:
        """Return where a level begins."""
        return self.critical if level == "critical" else self.warning

    def crosses(self, level: AlertSeverity, value: float) -> bool:
        """Return whether a value is beyond a level's threshold."""
        threshold = self.threshold(level)
        return value < threshold if self.low else value >= threshold

    def is_back(self, level: AlertSeverity, value: float) -> bool:
        """Return whether a value has come back by the margin; at an end of its scale, without it.

        Beyond a threshold it never has, however close to such an end that is.
        """
        if self.crosses(level, value):
            return False
        clears = self.clears(level)
        return value >= clears if self.low else value < clears or value <= 0.0

    def clears(self, level: AlertSeverity) -> float:
        """Return where a level ends: a value has to come back beyond it."""
        threshold = self.threshold(level)
        if self.low:
            return min(threshold + MARGIN, 100.0)
        return max(threshold - MARGIN, 0.0)

    def level(self, value: float) -> AlertSeverity | None:
        """Return the most serious level whose threshold a value is beyond."""
        return next((level for level in LEVELS if self.crosses(level, value)), None)

    def worse(self, one: float, other: float) -> float:
        """Return the worse one of two values."""
        return min(one, other) if self.low else max(one, other)

    def message(
        self,
        value: float,
        severity: AlertSeverity,
        gpu: "GpuOfMetric | None" = None,
    ) -> str:
        """Return what a person reads of a value while its alert is active.

        Args:
            value: The value. Where it is no longer as serious as the alert, the words say from
                what it recovers, and where that ends.
            severity: The alert's; the words are no more serious than that.
            gpu: Whose value it is, where there are several.

        """

        def named(text: str) -> str:
            return text if gpu is None else text.replace("GPU", gpu.name, 1)

        level = self.level(value)
        if level is not None and severity in {level, "warning"}:
            return f"{named(self.texts[severity == 'critical'])}: {self.shown(value)}"
        of = " from critical" if severity == "critical" else ""
        # What ends next, and what is then.
        ends: AlertSeverity = "warning" if level is None else "critical"
        what = "clears" if level is None else "a warning"
        when = "soon"
        if not self.is_back(ends, value):
            when = f"{'above' if self.low else 'below'} {self.clears(ends):g}{self.unit}"
        return f"{named(self.name)} recovering{of}: {self.shown(value)}, {what} {when}"

    def shown(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{value:.0f}C" if self.unit == "C" else f"{value:.1f}%"


RULES: Mapping[str, Rule] = {
    "gpu_temperature": Rule(
        warning=75,
        critical=85,
        unit="C",
        name="GPU temperature",
        texts=("GPU temperature high", "GPU temperature critical"),
    ),
    "gpu_utilization": Rule(
        warning=90,
        critical=98,
        unit="%",
        name="GPU utilization",
        texts=("GPU utilization high", "GPU utilization critical"),
    ),
    "gpu_vram": Rule(
        warning=90,
        critical=95,
        unit="%",
        name="GPU VRAM",
        texts=("GPU VRAM high", "GPU VRAM critical"),
    ),
    "host_cpu": Rule(
        warning=80,
        critical=95,
        unit="%",
        name="CPU",
        texts=("CPU high", "CPU critically high"),
    ),
    "host_ram": Rule(
        warning=85,
        critical=95,
        unit="%",
        name="RAM",
        texts=("RAM high", "RAM critically high"),
    ),
    "host_disk": Rule(
        warning=80,
        critical=90,
        unit="%",
        name="Disk",
        texts=("Disk nearly full", "Disk critically full"),
    ),
    "pg_cache_hit": Rule(
        warning=90,
        critical=80,
        unit="%",
        low=True,
        name="PostgreSQL cache hit ratio",
        texts=("PostgreSQL cache hit ratio low", "PostgreSQL cache hit ratio critically low"),
    ),
    "redis_hit_ratio": Rule(
        warning=50,
        critical=10,
        unit="%",
        low=True,
        name="Redis hit ratio",
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


Values = Mapping[str, float | None]
"""What one round measured, by metric; None (or NaN): not measured."""


class GpuOfMetric(Struct, frozen=True):
    """The GPU whose value a metric has, where there are several."""

    index: int
    """The driver's number for it."""
    name: str
    """For people, as in "GPU 1 · RTX A5500"."""
    value: float
    """Its latest value."""


GpusOfMetrics = Mapping[str, GpuOfMetric]
"""By metric; empty where there is one GPU, or none."""
ONE_GPU: GpusOfMetrics = MappingProxyType({})


def exceeding(
    rules: Mapping[str, Rule], values: Values, gpus: GpusOfMetrics = ONE_GPU
) -> list[Alert]:
    """Return the alerts of one round: what exceeds its threshold in it, and nothing else."""
    alerts = []
    for metric, rule in rules.items():
        value = measured(values, metric)
        severity = None if value is None else rule.level(value)
        if value is not None and severity is not None:
            alerts.append(
                Alert(
                    severity=severity,
                    metric=metric,
                    value=value,
                    threshold=rule.threshold(severity),
                    message=rule.message(value, severity, gpus.get(metric)),
                )
            )
    return alerts


def measured(values: Values, metric: str) -> float | None:
    """Return the value of a metric, if there is one."""
    value = values.get(metric)
    return None if value is None or math.isnan(value) else value


def percent(part: float | None, whole: float | None) -> float | None:
    """Return a part in percent, or None where that cannot be told."""
    return None if part is None or not whole else 100 * part / whole
