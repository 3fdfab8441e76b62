"""Of what a target is told, and when."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hsi.schemas import RiskLevel
from services.notify.rules import FIELDS, Quiet, Rules, Template, check_template, filled, zone

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(start="22:00", end="07:00")


def at(wall: str, fold: int = 0) -> datetime:
    """Return a moment by the clock on a wall in Berlin."""
    return datetime.fromisoformat(wall).replace(tzinfo=BERLIN, fold=fold)


def test_events_are_told_from_a_level_on_and_a_camera_may_have_its_own() -> None:
    rules = Rules(level="high", levels={"vault": "low"})
    assert rules.wants("event", "high", "garden")
    assert not rules.wants("event", "medium", "garden")
    assert rules.wants("event", "low", "vault")


def test_unknown_risk_counts_as_medium() -> None:
    assert Rules(level="medium").wants("event", None, "garden")
    assert not Rules(level="high").wants("event", None, "garden")


def test_only_chosen_cameras_are_told_of_and_what_names_none_is() -> None:
    rules = Rules(level="low", cameras=("garden",))
    assert rules.wants("event", "low", "garden")
    assert not rules.wants("event", "critical", "street")
    assert rules.wants("event", "low", None)
    assert not rules.wants("camera", "high", "street")


def test_only_chosen_kinds_are_told() -> None:
    rules = Rules(kinds=("alert",))
    assert rules.wants("alert", "medium", None)
    assert not rules.wants("event", "critical", None)


def test_the_level_is_of_events_alone() -> None:
    assert Rules(level="critical").wants("service", "medium", None)


@pytest.mark.parametrize(
    ("wall", "quiet"),
    [
        ("2026-01-15 21:59:59", False),
        ("2026-01-15 22:00", True),
        ("2026-01-16 06:59:59", True),
        ("2026-01-16 07:00", False),
    ],
)
def test_quiet_hours_go_over_midnight_and_their_end_is_over(wall: str, quiet: bool) -> None:
    assert Rules(quiet=(NIGHT,), timezone="Europe/Berlin").is_quiet(at(wall), "high") is quiet


def test_what_is_critical_breaks_quiet_hours_unless_they_say_no() -> None:
    rules = Rules(quiet=(NIGHT,), timezone="Europe/Berlin")
    assert not rules.is_quiet(at("2026-01-15 23:00"), "critical")
    strict = Rules(
        quiet=(msgspec.structs.replace(NIGHT, critical=False),), timezone="Europe/Berlin"
    )
    assert strict.is_quiet(at("2026-01-15 23:00"), "critical")


def test_of_several_quiet_hours_each_counts_and_days_are_those_on_which_they_begin() -> None:
    rules = Rules(
        quiet=(NIGHT, Quiet(start="12:00", end="14:00", days=("sun",))), timezone="Europe/Berlin"
    )
    assert rules.is_quiet(at("2026-01-18 13:00"), "high")  # a Sunday
    assert not rules.is_quiet(at("2026-01-19 13:00"), "high")
    friday_night = Rules(
        quiet=(Quiet(start="22:00", end="07:00", days=("fri",)),), timezone="Europe/Berlin"
    )
    assert friday_night.is_quiet(at("2026-01-17 06:00"), "high")  # Saturday morning
    assert not friday_night.is_quiet(at("2026-01-16 06:00"), "high")


def test_quiet_hours_end_by_the_clock_on_the_wall_when_clocks_go_forward_and_back() -> None:
    rules = Rules(quiet=(NIGHT,), timezone="Europe/Berlin")
    for day in ("2026-03-29", "2026-10-25"):
        assert rules.is_quiet(at(f"{day} 06:59"), "high")
        assert not rules.is_quiet(at(f"{day} 07:00"), "high")
    # The hour that there is twice is quiet both times.
    hour = Rules(quiet=(Quiet(start="02:00", end="03:00"),), timezone="Europe/Berlin")
    first, second = (at("2026-10-25 02:30", fold) for fold in (0, 1))
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)
    assert hour.is_quiet(first.astimezone(UTC), "low")
    assert hour.is_quiet(second.astimezone(UTC), "low")


@settings(max_examples=40)
@given(st.times(), st.times(), st.datetimes())
def test_of_a_day_each_minute_is_within_some_hours_or_the_others(
    one: object, other: object, moment: datetime
) -> None:
    first, second = f"{one:%H:%M}", f"{other:%H:%M}"
    inside = Quiet(start=first, end=second).has(moment)
    outside = Quiet(start=second, end=first).has(moment)
    assert inside and outside if first == second else inside is not outside


@pytest.mark.parametrize("name", ["Mars/Olympus", "../../etc/passwd", "", "Europe"])
def test_a_timezone_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="there is no such timezone"):
        Rules(timezone=name)
    with pytest.raises(ValueError, match="Europe/Berlin"):
        zone(name)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{summary.__class__}", "a name in braces is unknown"),
        ("{0}", "a name in braces is unknown"),
        ("{summary!r}", "a name in braces is unknown"),
        ("{", "a brace stands alone"),
        ("}", "a brace stands alone"),
    ],
)
def test_a_template_that_names_what_there_is_not_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("{", r"\{").replace("}", r"\}")):
        check_template(text)
    with pytest.raises(ValueError, match=r"brace|there is no"):
        Template(body=text)


def test_values_are_put_in_as_they_are_and_never_read_as_a_template() -> None:
    assert filled("{{{level}}}: {summary}", {"level": "high", "summary": "{url} {{"}) == (
        "{high}: {url} {{"
    )


@settings(max_examples=40)
@given(st.text())
def test_each_template_is_refused_or_filled(text: str) -> None:
    try:
        check_template(text)
    except ValueError:
        return
    filled(text, dict.fromkeys(FIELDS, "x"))


@settings(max_examples=40)
@given(
    st.sampled_from(["low", "medium", "high", "critical"]),
    st.sampled_from(["low", "medium", "high", "critical"]),
)
def test_a_graver_event_is_told_wherever_a_lesser_one_is(one: RiskLevel, other: RiskLevel) -> None:
    order = ["low", "medium", "high", "critical"]
    lesser, graver = sorted((one, other), key=order.index)
    for level in order:
        rules = msgspec.convert({"level": level}, Rules)
        assert rules.wants("event", graver, "x") or not rules.wants("event", lesser, "x")
