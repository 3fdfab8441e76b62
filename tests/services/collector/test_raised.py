"""People are told of an alert once, not before it is sure, nor after it is over."""

import itertools
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas import RaisedAlertData
from hsi.schemas.performance import AlertSeverity
from services.collector.alerts import LEVELS, MARGIN, GpuOfMetric, rules_with
from services.collector.raised import AFTER, AlertEngine, Firing, Raised
from tests.services.collector.test_alerts import CASES, LITTLE, TABLE, threshold_of

HOT, CALM = 82, 38


class Told:
    """An engine, and somebody who is told."""

    def __init__(self, **settings: Any) -> None:
        self.engine = AlertEngine(**settings)
        self.raised: Raised = {}
        self.news: list[str] = []

    def hears(self, now: float, **values: float | None) -> list[str]:
        """Go through a round; return what was told in it."""
        self.engine.observe(values, now)
        self.raised, changes = self.engine.raised(self.raised, values, now)
        news = [f"{what} {alert.severity} {alert.metric}" for what, alert in changes]
        self.news += news
        self.ended = [alert for what, alert in changes if what == "ended"]
        return news

    def alert(self, metric: str = "gpu_temperature") -> RaisedAlertData:
        """Return what is told of a metric."""
        return self.raised[metric]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_an_alert_begins_changes_and_ends_once_each_under_one_id() -> None:
    told = Told()
    for now in range(0, 10, 5):
        assert told.hears(now, gpu_temperature=HOT) == []
    assert told.hears(10, gpu_temperature=HOT) == ["began warning gpu_temperature"]
    first = told.alert()
    assert (first.since, first.ended, first.threshold, first.clears) == (at(0), None, 75, 73)
    for now in (15, 20):
        assert told.hears(now, gpu_temperature=90) == []
    assert told.hears(25, gpu_temperature=90) == ["changed critical gpu_temperature"]
    assert (told.alert().id, told.alert().threshold, told.alert().since) == (first.id, 85, at(0))
    for now in (30, 35):
        assert told.hears(now, gpu_temperature=CALM) == []
    message = "GPU temperature recovering from critical: 38C, clears soon"
    assert (told.alert().severity, told.alert().message) == ("critical", message)
    assert told.hears(40, gpu_temperature=CALM) == ["ended critical gpu_temperature"]
    (end,) = told.ended
    assert (end.id, end.peak, end.since, end.ended) == (first.id, 90, at(0), at(30))
    assert end.message == "GPU temperature back to normal: 38C"
    assert told.raised == {}
    assert told.hears(45, gpu_temperature=CALM) == []


def test_an_alert_that_becomes_milder_is_changed_and_keeps_its_peak() -> None:
    told = Told(after=0)
    assert told.hears(0, gpu_temperature=90) == ["began critical gpu_temperature"]
    assert told.hears(5, gpu_temperature=84) == []  # within the margin
    message = "GPU temperature recovering from critical: 84C, a warning below 83C"
    assert (told.alert().message, told.alert().threshold) == (message, 85)
    assert told.hears(10, gpu_temperature=80) == ["changed warning gpu_temperature"]
    assert (told.alert().peak, told.alert().threshold) == (90, 75)
    assert told.hears(15, gpu_temperature=74) == []
    assert told.alert().message == "GPU temperature recovering: 74C, clears below 73C"


def test_the_peak_is_the_worst_of_all_including_what_was_waited_for() -> None:
    told = Told()
    for now, heat, hits in ((0, 84, 85), (5, 80, 82), (10, 76, 88)):
        told.hears(now, gpu_temperature=heat, pg_cache_hit=hits)
    assert (told.alert().value, told.alert().peak) == (76, 84)
    assert told.alert("pg_cache_hit").peak == 82
    told.hears(15, gpu_temperature=78, pg_cache_hit=81)
    assert (told.alert().peak, told.alert("pg_cache_hit").peak) == (84, 81)


def test_the_next_alert_has_a_peak_and_an_id_of_its_own() -> None:
    told = Told(after=0)
    told.hears(0, gpu_temperature=84)
    first = told.alert()
    told.hears(5, gpu_temperature=CALM)
    told.hears(10, gpu_temperature=HOT)
    assert told.alert().id != first.id
    assert (told.alert().peak, told.alert().since) == (HOT, at(10))


@pytest.mark.parametrize("nothing", [None, float("nan")])
@pytest.mark.parametrize("metric", TABLE)
def test_a_source_that_fails_neither_begins_nor_changes_nor_ends_an_alert(
    metric: str, nothing: float | None
) -> None:
    worst, best = (0.0, 100.0) if TABLE[metric][2] else (100.0, 0.0)
    told = Told()
    told.hears(0, **{metric: worst})
    told.hears(AFTER - 1, **{metric: nothing})
    assert told.hears(AFTER, **{metric: worst}) == []  # the time begins again
    assert told.hears(2 * AFTER, **{metric: worst}) == [f"began critical {metric}"]
    began = told.alert(metric)
    for now in (3 * AFTER, 4 * AFTER, 9 * AFTER):
        assert told.hears(now, **{metric: nothing}) == []
        assert told.alert(metric).unknown_since == at(3 * AFTER)
    assert (told.alert(metric).value, told.alert(metric).id) == (worst, began.id)
    assert " not known, last " in told.alert(metric).message
    assert told.hears(10 * AFTER, **{metric: best}) == []
    assert told.alert(metric).unknown_since is None
    assert told.hears(11 * AFTER, **{metric: best}) == [f"ended critical {metric}"]


def test_a_moment_is_nothing_to_tell() -> None:
    told = Told()
    for now, value, news in (
        (0, 99.0, []),
        (AFTER - 1, 99.0, []),
        (AFTER, 79.0, []),
        (AFTER + 1, 99.0, []),
        (2 * AFTER + 1, 99.0, ["began critical host_cpu"]),
        (2 * AFTER + 2, 10.0, []),
        (3 * AFTER + 1, 10.0, []),
        (3 * AFTER + 2, 10.0, ["ended critical host_cpu"]),
    ):
        assert told.hears(now, host_cpu=value) == news, now


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


def test_the_next_leader_goes_on_and_tells_nothing_twice_and_every_end() -> None:
    first = Told()
    first.hears(0, host_cpu=99.0, host_ram=99.0)
    first.hears(AFTER, host_cpu=99.0, host_ram=10.0)
    first.hears(AFTER + 5, host_cpu=99.0, host_ram=99.0)  # and this one waits
    assert first.news == ["began critical host_cpu"]
    second = Told()
    second.engine.adopt(first.engine.exported())
    second.raised = first.raised
    assert second.hears(AFTER + 6, host_cpu=99.0, host_ram=99.0) == []
    assert second.hears(2 * AFTER + 5, host_cpu=10.0, host_ram=99.0) == ["began critical host_ram"]
    assert second.hears(3 * AFTER + 5, host_cpu=10.0, host_ram=99.0) == ["ended critical host_cpu"]
    assert second.ended[0].id == first.raised["host_cpu"].id


def test_who_leads_again_keeps_the_alerts_that_another_told_of_meanwhile() -> None:
    """Its own engine followed all the time, and began at another moment, or saw the end."""
    other = Told(after=0)
    other.hears(7, host_cpu=99.0, host_ram=99.0)
    own = Told(after=0)
    own.engine.observe({"host_cpu": 99.0}, 3)
    own.raised = other.raised
    assert own.hears(9, host_cpu=99.0, host_ram=10.0) == ["ended critical host_ram"]
    assert own.alert("host_cpu").id == other.alert("host_cpu").id
    assert own.alert("host_cpu").since == at(7)


def test_what_was_told_of_a_metric_that_is_no_more_ends() -> None:
    told = Told(after=0)
    told.hears(0, host_cpu=99.0)
    told.raised = {"nobodys": msgspec.structs.replace(told.alert("host_cpu"), metric="nobodys")}
    assert "ended critical nobodys" in told.hears(5)


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"null",
        b"rubbish",
        b'{"host_cpu":{"warning":1}}',
        b'{"host_cpu":{"warning":{"active":true,"at":1e300}}}',
        b'{"host_cpu":{"warning":{"since":-1}}}',
    ],
)
def test_a_state_that_cannot_be_read_is_refused_whole(state: bytes) -> None:
    told = Told(after=0)
    told.hears(0, host_cpu=99.0)
    with pytest.raises(msgspec.DecodeError):
        told.engine.adopt(state)
    assert told.engine.firing() == {"host_cpu": "critical"}


def test_a_state_of_another_version_is_taken_for_what_it_says() -> None:
    told = Told()
    told.engine.adopt(b'{"host_cpu":{"warning":{"active":true}},"gone":{}}')
    assert told.engine.firing() == {"host_cpu": "warning"}
    assert told.hears(5, host_cpu=85.0) == ["began warning host_cpu"]
    assert told.alert("host_cpu").since == at(5)


def test_a_clock_that_was_set_back_delays_nothing_for_long() -> None:
    told = Told()
    for now in (1_000_000, 0, AFTER):
        told.hears(now, host_cpu=99.0)
    assert told.news == ["began critical host_cpu"]


@pytest.mark.parametrize("metric", TABLE)
def test_both_ends_of_the_scale_are_right(metric: str) -> None:
    best = 100.0 if TABLE[metric][2] else 0.0
    engine = AlertEngine(rules_with(["host_disk=0.5/1", "pg_cache_hit=99.5/99"]), after=0)
    engine.observe({metric: 100.0 - best}, 0)
    assert engine.firing() == {metric: "critical"}
    engine.observe({metric: best}, 1)
    assert engine.firing() == {}


def test_what_is_beyond_a_threshold_at_an_end_of_the_scale_does_not_end() -> None:
    told = Told(rules=rules_with(["host_disk=-1/90", "pg_cache_hit=101/80"]), after=0)
    for now in range(3):
        told.hears(now, host_disk=0.0, pg_cache_hit=100.0)
    assert told.news == ["began warning host_disk", "began warning pg_cache_hit"]


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
    told, now = Told(), 0.0
    for pause, part in steps:
        now += pause
        told.hears(now, **{metric: threshold + part * MARGIN * 0.99})
    # A critical one may begin as a warning.
    assert len(told.news) <= (2 if level == "critical" else 1)


@given(st.sampled_from(sorted(TABLE)), STEPS)
def test_a_new_leader_at_any_time_makes_no_difference(metric: str, steps: Any) -> None:
    one, relay, now = Told(), Told(), 0.0
    for pause, value in steps:
        now += pause
        state, raised = relay.engine.exported(), msgspec.json.encode(relay.raised)
        relay = Told()
        relay.engine.adopt(state)
        relay.raised = msgspec.json.decode(raised, type=dict[str, RaisedAlertData])
        assert relay.hears(now, **{metric: value}) == one.hears(now, **{metric: value})
        assert relay.raised == one.raised


@given(st.sampled_from(sorted(TABLE)), STEPS)
def test_each_begin_has_an_end_and_the_peak_is_the_worst_of_between(
    metric: str, steps: Any
) -> None:
    told, now, low = Told(), 0.0, TABLE[metric][2]
    open_ids: set[str] = set()
    for pause, value in steps:
        now += pause
        told.hears(now, **{metric: value})
        ended = {alert.id for alert in told.ended}
        assert ended <= open_ids
        open_ids = {alert.id for alert in told.raised.values()}
        assert len(open_ids) <= 1
        for alert in [*told.raised.values(), *told.ended]:
            assert alert.peak <= alert.value if low else alert.peak >= alert.value
            assert (
                alert.peak < threshold_of(metric, alert.severity)
                if low
                else alert.peak >= threshold_of(metric, alert.severity)
            )
            assert alert.ended is None or alert.ended >= alert.since


def test_an_alert_says_which_of_several_gpus_it_concerns() -> None:
    engine, values = AlertEngine(after=0), {"gpu_temperature": 82.0}
    gpus = {"gpu_temperature": GpuOfMetric(1, "GPU 1 · RTX A400", 82)}
    engine.observe(values, 0)
    raised, _ = engine.raised({}, values, 0, gpus)
    alert = raised["gpu_temperature"]
    assert (alert.gpu, alert.message) == (1, "GPU 1 · RTX A400 temperature high: 82C")
    engine.observe({"gpu_temperature": 40.0}, 5)
    _, (change,) = engine.raised(raised, {"gpu_temperature": 40.0}, 5, gpus)
    assert (change.what, change.alert.gpu) == ("ended", 1)
