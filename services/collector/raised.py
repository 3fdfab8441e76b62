"""Raised alerts: what people are told of, once each. Pure.

A threshold that is crossed for a moment is no reason to call anybody, and a figure that dances
around one must not call twice. So a level begins when its figure has been beyond the threshold for
some time without a break, and ends when it has been back by a margin for as long. One alert of a
metric goes through its levels under the same id.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct

from hsi.schemas import RaisedAlertData
from hsi.schemas.performance import AlertSeverity
from services.collector.alerts import (
    LEVELS,
    ONE_GPU,
    RULES,
    GpusOfMetrics,
    Rule,
    Values,
    measured,
)

AFTER = 10.0
"""Seconds that a figure must have been beyond a threshold, or back."""
_Moment = Annotated[float, Meta(ge=0, lt=253_402_300_800)]
"""Seconds since 1970, of a year with four digits."""

Firing = dict[str, AlertSeverity]
"""Which metrics are an alert, and how serious."""
Raised = Mapping[str, RaisedAlertData]
"""Active alerts that people were told of, by metric."""


class Change(NamedTuple):
    """What people are told of an alert."""

    what: Literal["began", "changed", "ended"]
    alert: RaisedAlertData


class _Level(Struct):
    """What is known of one level of one metric."""

    active: bool = False
    since: _Moment | None = None
    """Since when the figure says otherwise."""
    at: _Moment | None = None
    """Since when the figure said what `active` says."""
    worst: float | None = None
    """The worst value since the threshold was exceeded."""


_State = dict[str, dict[AlertSeverity, _Level]]


class AlertEngine:
    """Follows all metrics: the same values at the same times make the same alerts anywhere.

    What it knows can be carried to the next leader by `exported` and `adopt`; what people were told
    is carried beside it.
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

    def observe(self, values: Values, now: float) -> None:
        """Take one round's values.

        A metric without a value changes nothing; the time for which it has to say the same begins
        again.

        Args:
            values: By metric.
            now: Seconds since 1970, so that the next leader can go on with them.

        """
        for metric, rule in self._rules.items():
            value, levels = measured(values, metric), self._levels(metric)
            for level in LEVELS:
                self._follow(rule, level, levels[level], value, now)

    def firing(self) -> Firing:
        """Return what is active, measured in this round or not."""
        found = {metric: _severity(self._levels(metric)) for metric in self._rules}
        return {metric: severity for metric, severity in found.items() if severity is not None}

    def raised(
        self, told: Raised, values: Values, now: float, gpus: GpusOfMetrics = ONE_GPU
    ) -> tuple[Raised, list[Change]]:
        """Return what is raised after the values that were observed last, and what is news in it.

        Args:
            told: What people know; changed by nobody.
            values: Those that were observed last.
            now: When that was.
            gpus: Whose values they are, where there are several GPUs.

        """
        raised, changes = {}, []
        for metric in [*self._rules, *(told.keys() - self._rules.keys())]:
            before = told.get(metric)
            after = self._alert(metric, before, values, now, gpus)
            if after is None:
                continue
            if after.ended is None:
                raised[metric] = after
            if before is None:
                changes.append(Change("began", after))
            elif after.ended is not None:
                changes.append(Change("ended", after))
            elif after.severity != before.severity:
                changes.append(Change("changed", after))
        return raised, changes

    def exported(self) -> bytes:
        """Return what is known, for `adopt`."""
        return msgspec.json.encode(self._state)

    def adopt(self, state: bytes) -> None:
        """Go on from what another replica exported.

        Raises:
            ValueError, RecursionError: It cannot be read; what was known stays.

        """
        self._state = msgspec.json.decode(state, type=_State)

    def _alert(
        self,
        metric: str,
        before: RaisedAlertData | None,
        values: Values,
        now: float,
        gpus: GpusOfMetrics,
    ) -> RaisedAlertData | None:
        """Return a metric's alert as it is now: with an end, if it ends; None if there is none."""
        rule, value = self._rules.get(metric), measured(values, metric)
        if rule is None:  # Another version's, or another setting's.
            return before and msgspec.structs.replace(before, ended=_moment(now))
        if value is None:
            return before and msgspec.structs.replace(
                before,
                unknown_since=before.unknown_since or _moment(now),
                message=f"{rule.name} not known, last {rule.shown(before.value)}",
            )
        levels = self._levels(metric)
        severity, warning = _severity(levels), levels["warning"]
        if severity is None:
            return before and msgspec.structs.replace(
                before,
                value=value,
                unknown_since=None,
                ended=_moment(now if warning.at is None else warning.at),
                message=f"{rule.name} back to normal: {rule.shown(value)}",
            )
        first = warning if warning.active else levels["critical"]
        since = now if first.at is None else first.at
        peak = rule.worse(value, value if first.worst is None else first.worst)
        gpu = gpus.get(metric)
        return RaisedAlertData(
            id=before.id if before else f"{metric}-{since * 1000:.0f}",
            metric=metric,
            severity=severity,
            value=value,
            unit=rule.unit,
            threshold=rule.threshold(severity),
            clears=rule.clears("warning"),
            peak=rule.worse(peak, before.peak) if before else peak,
            since=before.since if before else _moment(since),
            ended=None,
            unknown_since=None,
            message=rule.message(value, severity, gpu),
            gpu=UNSET if gpu is None else gpu.index,
        )

    def _levels(self, metric: str) -> dict[AlertSeverity, _Level]:
        levels = self._state.setdefault(metric, {})
        for level in LEVELS:
            levels.setdefault(level, _Level())
        return levels

    def _follow(
        self, rule: Rule, level: AlertSeverity, known: _Level, value: float | None, now: float
    ) -> None:
        if value is None:
            known.since = None
            return
        otherwise = rule.is_back(level, value) if known.active else rule.crosses(level, value)
        begins = not known.active and known.since is None
        known.worst = value if begins or known.worst is None else rule.worse(known.worst, value)
        if not otherwise:
            known.since = None
            return
        # A clock that was set back must not make it wait for hours.
        known.since = now if known.since is None else min(known.since, now)
        if now - known.since >= self._after:
            known.active = not known.active
            known.at, known.since = known.since, None


def _severity(levels: Mapping[AlertSeverity, _Level]) -> AlertSeverity | None:
    return next((level for level in LEVELS if levels[level].active), None)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
