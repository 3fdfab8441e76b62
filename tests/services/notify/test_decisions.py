"""What a target is told, and when."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hsi.schemas import RiskLevel
from services.notify.decisions import SETTLED, Decisions
from services.notify.messages import Message, rank
from services.notify.news import News, alert_in, event_in, status_in
from services.notify.rules import Quiet, Rules
from services.notify.state import State
from tests.services.notify.test_news import alert, event

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC).timestamp()
NIGHT = Quiet(start="22:00", end="07:00")
ALL = Rules(level="low", cooldown=60, group=10)
LEVELS: tuple[RiskLevel, ...] = ("low", "medium", "high", "critical")


def an_event(at: float, number: int = 7, camera: str = "front_door", **data: Any) -> News:
    text = event(id=number, event_id=number, camera_id=camera, **data)
    news = event_in(text, f"{at * 1000:.0f}-{number}", dashboard="https://home.example/")
    assert news
    return news


def a_camera(at: float, status: str, camera: str = "garden") -> News:
    data = {"camera_id": camera, "name": "Garden", "status": status, "since": None}
    text = json.dumps({"type": "camera_status", "data": data})
    news = status_in(text, f"{at * 1000:.0f}-1", dashboard="")
    assert news
    return news


def an_alert(at: float, **data: Any) -> News:
    news = alert_in(alert(**data), f"{at * 1000:.0f}-0", dashboard="")
    assert news
    return news


def told(decisions: Decisions) -> list[Message]:
    """Return what is to be delivered, and have it delivered."""
    messages = list(decisions.state.outbox)
    for _ in messages:
        decisions.settle()
    return messages


def titles(decisions: Decisions) -> list[str]:
    return [message.title for message in told(decisions)]


def test_an_event_is_told_at_once_and_once() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON), NOON)
    decisions.take(an_event(NOON + 1), NOON + 1)
    decisions.pass_time(NOON + 3600)
    assert titles(decisions) == ["Look now: Front door"]


def test_an_event_that_was_updated_is_told_again_only_at_a_higher_level_with_the_same_tag() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON, risk_level="medium"), NOON)
    first = told(decisions)
    decisions.take(an_event(NOON + 100, risk_level="medium"), NOON + 100)
    decisions.take(an_event(NOON + 200, risk_level="low"), NOON + 200)
    assert told(decisions) == []
    decisions.take(an_event(NOON + 300, risk_level="critical"), NOON + 300)
    again = told(decisions)
    assert [one.level for one in again] == ["critical"]
    assert first[0].tag == again[0].tag


def test_an_event_that_somebody_has_seen_is_not_told() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON), NOON, is_seen=True)
    assert told(decisions) == []


def test_what_was_seen_while_it_waited_is_not_told() -> None:
    decisions = Decisions(ALL)
    for number, camera in enumerate(("a", "b", "c")):
        decisions.take(an_event(NOON, number, camera), NOON)
    waiting = decisions.state.waiting[0]
    decisions.drop_seen([decisions.state.outbox[0], waiting])
    decisions.pass_time(NOON + 11)
    assert [one.camera_id for one in told(decisions)] == ["c"]


def test_a_cameras_cooldown_holds_events_back_and_the_next_message_counts_them() -> None:
    decisions = Decisions(ALL)
    for number in range(4):
        decisions.take(an_event(NOON + 12 * number, number), NOON + 12 * number)
    decisions.take(an_event(NOON + 61, 9), NOON + 61)
    first, later = told(decisions)
    assert later.body == f"{first.body}\n3 more at this camera since the last message."


def test_what_a_cooldown_holds_back_is_told_when_it_is_over_and_nothing_more_comes() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON, 1, risk_level="high"), NOON)
    decisions.take(an_event(NOON + 10, 2, risk_level="high"), NOON + 10)
    assert len(told(decisions)) == 1
    assert decisions.due(NOON + 11) == NOON + 60
    decisions.pass_time(NOON + 60)
    (alone,) = told(decisions)
    assert (alone.kind, alone.tag) == ("event", "2 front_door")
    # That begins the next cooldown.
    for number in range(3, 12):
        level = "medium" if number == 4 else "low"
        decisions.take(an_event(NOON + 60 + number, number, risk_level=level), NOON + 60 + number)
    assert told(decisions) == []
    decisions.pass_time(NOON + 120)
    (together,) = told(decisions)
    assert together.title == "9 events at one camera"
    assert together.body.endswith("and 4 more")
    assert (together.level, together.camera_id) == ("medium", "front_door")
    decisions.pass_time(NOON + 3600)
    assert told(decisions) == []
    assert decisions.state.cooldowns == {}


def test_what_is_seen_or_told_as_graver_meanwhile_is_not_told_when_a_cooldown_is_over() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON, 1, risk_level="medium"), NOON)
    for number in (2, 3):
        decisions.take(an_event(NOON + number, number, risk_level="low"), NOON + number)
    decisions.drop_seen([one for one in decisions.waiting if one.tag == "2 front_door"])
    decisions.take(an_event(NOON + 5, 3, risk_level="critical"), NOON + 5)
    messages = told(decisions)
    assert [(one.tag, one.level) for one in messages] == [
        ("1 front_door", "medium"),
        ("3 front_door", "critical"),
    ]
    assert "more at this camera" not in messages[1].body
    decisions.pass_time(NOON + 120)
    assert told(decisions) == []


def test_what_a_cooldown_holds_back_into_quiet_hours_is_counted_there() -> None:
    quiet = msgspec.structs.replace(NIGHT, summary=True)
    decisions = Decisions(msgspec.structs.replace(ALL, quiet=(quiet,)))
    evening = NOON + 10 * 3600 - 30
    decisions.take(an_event(evening, 1), evening)
    for number in range(2, 11):
        decisions.take(an_event(evening + number, number), evening + number)
    assert len(told(decisions)) == 1
    decisions.pass_time(evening + 60)
    assert told(decisions) == []
    decisions.pass_time(NOON + 19 * 3600)
    assert titles(decisions) == ["9 events in quiet hours"]


def test_a_higher_level_breaks_a_cooldown() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON, 1, risk_level="medium"), NOON)
    decisions.take(an_event(NOON + 1, 2, risk_level="high"), NOON + 1)
    decisions.take(an_event(NOON + 2, 3, risk_level="high"), NOON + 2)
    assert [one.level for one in told(decisions)] == ["medium", "high"]


def test_a_burst_is_told_in_one_message_after_its_first() -> None:
    decisions = Decisions(ALL)
    for number in range(30):
        at = NOON + number / 10
        decisions.take(an_event(at, number, f"camera_{number}"), at)
    assert titles(decisions) == ["Look now: Camera 0"]
    assert decisions.due(NOON + 3) == NOON + 10
    decisions.pass_time(NOON + 9.9)
    assert told(decisions) == []
    decisions.pass_time(NOON + 10)
    (together,) = told(decisions)
    assert together.title == "29 events at 29 cameras"
    assert together.body.endswith("and 24 more")
    assert together.url == ""


def test_of_a_burst_without_end_only_some_are_kept_and_all_are_counted() -> None:
    decisions = Decisions(ALL)
    for number in range(500):
        decisions.take(an_event(NOON, number, f"camera_{number}"), NOON)
    assert len(msgspec.json.encode(decisions.state)) < 200_000
    decisions.pass_time(NOON + 10)
    assert titles(decisions)[1].startswith("499 events")


def test_what_is_graver_does_not_wait_for_a_burst() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON, 1, "a", risk_level="low"), NOON)
    decisions.take(an_event(NOON + 1, 2, "b", risk_level="low"), NOON + 1)
    decisions.take(an_event(NOON + 2, 3, "c", risk_level="critical"), NOON + 2)
    assert [one.level for one in told(decisions)] == ["low", "critical"]
    decisions.pass_time(NOON + 10)
    assert [one.camera_id for one in told(decisions)] == ["b"]


def test_an_event_that_waits_and_gets_worse_is_told_once_as_it_is_then() -> None:
    decisions = Decisions(msgspec.structs.replace(ALL, cooldown=0))
    decisions.take(an_event(NOON, 1, "a", risk_level="high"), NOON)
    decisions.take(an_event(NOON + 1, 2, "b", risk_level="low"), NOON + 1)
    decisions.take(an_event(NOON + 2, 2, "b", risk_level="critical"), NOON + 2)
    decisions.pass_time(NOON + 60)
    assert [(one.camera_id, one.level) for one in told(decisions)] == [
        ("a", "high"),
        ("b", "critical"),
    ]


def test_without_grouping_and_cooldown_each_event_is_told_by_itself() -> None:
    decisions = Decisions(Rules(level="low", group=0, cooldown=0))
    for number in range(5):
        decisions.take(an_event(NOON, number), NOON)
    assert len(told(decisions)) == 5


def test_what_is_too_old_becomes_a_summary() -> None:
    decisions = Decisions(ALL)
    for number in range(12):
        level = "critical" if number == 4 else "medium"
        decisions.take(an_event(NOON + 60 * number, number, risk_level=level), NOON + 7200)
    assert told(decisions) == []
    assert decisions.due(NOON + 7200) == NOON + 7200 + SETTLED
    decisions.pass_time(NOON + 7200 + SETTLED)
    (summary,) = told(decisions)
    assert summary.kind == "summary"
    assert summary.title == "12 events while nobody could tell you"
    assert summary.body.startswith("From 12:00 to 12:11. The gravest: Act now: Front door.")
    assert summary.level == "critical"
    decisions.pass_time(NOON + 9000)
    assert told(decisions) == []


def test_quiet_hours_are_quiet_but_for_what_is_critical() -> None:
    rules = msgspec.structs.replace(ALL, quiet=(NIGHT,), timezone="UTC")
    night = NOON + 11 * 3600
    decisions = Decisions(rules)
    decisions.take(an_event(night, 1), night)
    decisions.take(an_event(night + 1, 2, risk_level="critical"), night + 1)
    decisions.pass_time(night + 10 * 3600)
    assert [one.level for one in told(decisions)] == ["critical"]


def test_quiet_hours_may_end_with_how_many_events_there_were() -> None:
    quiet = msgspec.structs.replace(NIGHT, summary=True)
    decisions = Decisions(msgspec.structs.replace(ALL, quiet=(quiet,)))
    night = NOON + 11 * 3600
    for number in range(3):
        decisions.take(an_event(night + number, number), night + number)
    decisions.pass_time(night + 7 * 3600)
    assert told(decisions) == []
    decisions.pass_time(night + 8 * 3600)
    assert titles(decisions) == ["3 events in quiet hours"]


def test_a_trouble_of_quiet_hours_is_told_when_they_are_over_if_it_has_not_ended() -> None:
    decisions = Decisions(msgspec.structs.replace(ALL, quiet=(NIGHT,)))
    night = NOON + 11 * 3600
    decisions.take(a_camera(night, "offline"), night)
    decisions.take(a_camera(night, "offline", "street"), night)
    decisions.take(a_camera(night + 60, "online", "street"), night + 60)
    assert told(decisions) == []
    decisions.pass_time(night + 8 * 3600)
    assert titles(decisions) == ["Garden is offline"]


def test_an_all_clear_follows_what_was_told_and_nothing_else() -> None:
    decisions = Decisions(ALL)
    decisions.take(a_camera(NOON, "online"), NOON)
    decisions.take(an_alert(NOON), NOON)
    decisions.take(an_alert(NOON + 60, ended="2026-01-15T12:01:00Z"), NOON + 60)
    decisions.take(an_alert(NOON + 61, ended="2026-01-15T12:01:00Z"), NOON + 61)
    assert [one.kind for one in told(decisions)] == ["alert", "all_clear"]
    silent = Decisions(msgspec.structs.replace(ALL, all_clear=False))
    silent.take(an_alert(NOON), NOON)
    silent.take(an_alert(NOON + 60, ended="2026-01-15T12:01:00Z"), NOON + 60)
    assert [one.kind for one in told(silent)] == ["alert"]


def test_an_alert_is_told_again_when_it_turns_critical_and_not_when_it_does_not() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_alert(NOON), NOON)
    decisions.take(an_alert(NOON + 1, severity="critical"), NOON + 1)
    decisions.take(an_alert(NOON + 2, severity="warning"), NOON + 2)
    assert [one.level for one in told(decisions)] == ["medium", "critical"]


def test_a_camera_that_comes_and_goes_is_told_once_in_its_cooldown() -> None:
    decisions = Decisions(ALL)
    for second in range(0, 40, 4):
        decisions.take(a_camera(NOON + second, "offline"), NOON + second)
        decisions.take(a_camera(NOON + second + 2, "online"), NOON + second + 2)
    assert titles(decisions) == ["Garden is offline", "Garden is back"]
    decisions.take(a_camera(NOON + 50, "offline"), NOON + 50)
    assert told(decisions) == []
    decisions.pass_time(NOON + 60)
    assert titles(decisions) == ["Garden is offline"]


def test_an_old_trouble_is_told_only_if_its_end_does_not_follow() -> None:
    decisions = Decisions(ALL)
    now = NOON + 7200
    decisions.take(a_camera(NOON, "offline"), now)
    decisions.take(a_camera(NOON, "offline", "street"), now)
    decisions.take(a_camera(NOON + 60, "online"), now)
    decisions.pass_time(now + SETTLED)
    assert [one.camera_id for one in told(decisions)] == ["street"]


def test_a_service_that_is_only_slow_again_is_no_longer_down() -> None:
    def status(word: str) -> News:
        data = {"service": "yolo26", "status": word, "message": word}
        text = json.dumps({"type": "service_status", "data": data})
        news = status_in(text, f"{NOON * 1000:.0f}-1", dashboard="")
        assert news
        return news

    decisions = Decisions(msgspec.structs.replace(ALL, kinds=("service",)))
    for word in ("degraded", "unreachable", "degraded", "healthy"):
        decisions.take(status(word), NOON)
    assert titles(decisions) == ["Yolo26 is unreachable", "Yolo26 is degraded"]


def test_a_gap_in_a_history_is_told() -> None:
    decisions = Decisions(ALL)
    decisions.take_gap("1-1", "events", NOON)
    assert titles(decisions) == ["Some events are not known"]


def test_a_failed_delivery_is_counted_until_it_is_settled() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON), NOON)
    decisions.failed(NOON + 1)
    decisions.failed(NOON + 5)
    assert (decisions.state.tries, decisions.state.first_tried) == (2, NOON + 1)
    decisions.settle()
    assert (decisions.state.tries, decisions.state.first_tried) == (0, None)


def test_the_time_that_the_other_side_asks_for_holds_for_all_and_is_not_of_the_patience() -> None:
    decisions = Decisions(msgspec.structs.replace(ALL, cooldown=0, group=0))
    for number in (1, 2):
        decisions.take(an_event(NOON, number), NOON)
    decisions.failed(NOON, 7200)
    assert decisions.state.not_before == NOON + 7200
    assert decisions.tried_for(NOON + 7210) == 10
    decisions.failed(NOON + 7210)
    assert decisions.tried_for(NOON + 7220) == 20
    decisions.failed(NOON + 7220, 600)
    decisions.settle()
    # The next message has a patience of its own, and waits for the same time.
    assert decisions.state.not_before == NOON + 7820
    assert decisions.tried_for(NOON + 7230) == 0
    kept = msgspec.json.decode(msgspec.json.encode(decisions.state), type=State)
    assert kept.not_before == NOON + 7820


def test_where_somebody_says_later_without_end_a_day_of_that_is_left_out() -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON), NOON)
    for minute in range(1500):
        decisions.failed(NOON + 60 * minute, 60)
    assert decisions.tried_for(NOON + 60 * 1500) == 3600


def test_nothing_is_due_that_waits_for_the_end_of_quiet_hours() -> None:
    decisions = Decisions(msgspec.structs.replace(ALL, quiet=(NIGHT,)))
    night = NOON + 11 * 3600
    decisions.take(a_camera(night, "offline"), night)
    assert decisions.due(night) is None


@pytest.mark.parametrize("level", LEVELS)
def test_a_camera_without_a_cooldown_of_its_own_is_told_of_at_every_level(level: RiskLevel) -> None:
    decisions = Decisions(ALL)
    decisions.take(an_event(NOON, risk_level=level), NOON)
    assert len(told(decisions)) == 1


class AnyNews(RuleBasedStateMachine):
    """Whatever happens, in whatever order, each event is accounted for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.wanted = Rules(level="low", quiet=(NIGHT,), cooldown=30, group=10, too_old=300)
        self.decisions = Decisions(self.wanted)
        self.highest: dict[str, RiskLevel] = {}
        self.messages: list[Message] = []
        self.number = 0

    @rule(
        camera=st.sampled_from(["a", "b"]),
        level=st.sampled_from(LEVELS),
        age=st.sampled_from([0, 1, 400]),
        again=st.booleans(),
    )
    def hears_an_event(self, camera: str, level: RiskLevel, age: int, again: bool) -> None:
        self.number += not again
        news = an_event(self.now - age, self.number, camera, risk_level=level)
        before = self.highest.get(news.about)
        was_told = len(self.decisions.state.outbox)
        self.decisions.take(news, self.now)
        if before is not None and rank(level) <= rank(before):
            assert len(self.decisions.state.outbox) == was_told
        else:
            self.highest[news.about] = level

    @rule(status=st.sampled_from(["online", "offline"]))
    def hears_of_a_camera(self, status: str) -> None:
        self.decisions.take(a_camera(self.now, status), self.now)

    @rule(seconds=st.sampled_from([0.5, 5, 60, 3600, 8 * 3600]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.decisions.pass_time(self.now)

    @rule()
    def another_replica_goes_on(self) -> None:
        kept = msgspec.json.encode(self.decisions.state)
        self.decisions = Decisions(self.wanted, msgspec.json.decode(kept, type=State))
        assert msgspec.json.encode(self.decisions.state) == kept

    @precondition(lambda self: self.decisions.state.outbox)
    @rule()
    def delivers(self) -> None:
        self.messages.append(self.decisions.state.outbox[0])
        self.decisions.settle()

    @invariant()
    def an_event_is_told_again_at_higher_levels_only(self) -> None:
        levels: dict[str, int] = {}
        for message in [*self.messages, *self.decisions.state.outbox]:
            if message.kind == "event":
                assert rank(message.level) > levels.get(message.tag, -1)
                levels[message.tag] = rank(message.level)

    @invariant()
    def begin_and_end_of_a_trouble_alternate(self) -> None:
        told = [*self.messages, *self.decisions.state.outbox]
        kinds = [one.kind for one in told if one.kind in {"camera", "all_clear"}]
        assert kinds == ["camera", "all_clear"] * (len(kinds) // 2) + ["camera"] * (len(kinds) % 2)

    @invariant()
    def nothing_waits_longer_than_a_burst_lasts(self) -> None:
        state = self.decisions.state
        assert not state.waiting or state.burst_until > self.now
        assert all(one.until > self.now for one in state.cooldowns.values() if one.held)


TestAnyNews = AnyNews.TestCase
TestAnyNews.settings = settings(max_examples=25, stateful_step_count=25)
