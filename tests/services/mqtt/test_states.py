"""What Home Assistant shows of the home and its cameras, and which events it is told of."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from hsi.schemas import RaisedAlertData, SystemStatusData
from hsi.schemas.system import CameraCounts, GpuStatus, QueueDepths
from hsi.verdict import RECENT, Arrived, HomeVerdict
from hsi_service.home.cameras import CameraAt
from services.mqtt.discovery import Camera, Topics, configurations
from services.mqtt.states import (
    HOLD,
    Known,
    Told,
    address,
    event_message,
    happenings,
    states,
    told_by,
)
from tests.home_assistant import UNKNOWN, HomeAssistant, Shown

TOPICS = Topics("homeassistant", "hsi")
NOW = 1_790_000_000_000
URL = "https://home.example"
FRONT, YARD = (
    Camera(id="front_door", name="Front door", listed=True),
    Camera(id="yard", name="", listed=False),
)
QUIET = HomeVerdict(state="quiet", title="All quiet", detail="No event in 15 minutes")
CANT_TELL = HomeVerdict(
    state="cant_tell", title="Can't tell", detail="No news of events", since=NOW - 60_000
)
STATUS = SystemStatusData(
    gpu=GpuStatus(
        name="A", utilization=38.5, memory_used=1, memory_total=2, temperature=65, power_usage=100
    ),
    queues=QueueDepths(detection_queue=0, analysis_queue=3, dlq_total=1),
    cameras=CameraCounts(total=4, online=3, offline=1),
    services={"yolo26": "healthy", "nemotron": "healthy", "redis": "healthy"},
)


def at_front(status: Any, since: datetime) -> CameraAt:
    return CameraAt(id="front_door", name="Front door", status=status, since=since)


def event(number: int = 1, *, ago: int = 0, camera: str = "front_door", **data: Any) -> Arrived:
    told = {"event_id": number, "camera_id": camera, "risk_level": "high", "risk_score": 75}
    told |= {"summary": "Person at the door", "started_at": "2026-09-21T07:06:40Z", **data}
    return Arrived(NOW - ago, told, f"{NOW - ago}-{number}")


def known(*events: Arrived, **other: Any) -> Known:
    latest = {str(one.data["camera_id"]): one for one in sorted(events, key=lambda e: e.arrived)}
    quiet = Known(
        now=NOW,
        informed=True,
        complete=True,
        verdict=QUIET,
        status=STATUS,
        alerts=(),
        events=events,
        latest=latest,
        cameras={"front_door": at_front("online", datetime(2026, 9, 21, tzinfo=UTC))},
    )
    return structs.replace(quiet, **other)


def shown(what: Known, *cameras: Camera, url: str = URL) -> HomeAssistant:
    """Return what Home Assistant makes of it."""
    found = HomeAssistant()
    cameras = cameras or (FRONT, YARD)
    found.receives(TOPICS.status, b"online")
    for topic, payload in configurations(TOPICS, cameras, url).items():
        found.receives(topic, payload)
    for topic, payload in states(TOPICS, what, cameras, url).items():
        found.receives(topic, payload)
    for name, entity in found.entities.items():
        if entity["platform"] != "event":
            found.shows(name)  # Every one can be shown.
    return found


def of_home(what: Known, name: str) -> Shown:
    kind = "binary_sensor" if name in ("problem", "informed") else "sensor"
    return shown(what).shows(f"{kind}.hsi_home_{name}")


def of_front(what: Known, name: str) -> Shown:
    kind = "binary_sensor" if name in ("activity", "connectivity") else "sensor"
    return shown(what).shows(f"{kind}.hsi_front_door_{name}")


def test_a_quiet_home_shows_its_verdict_in_the_words_of_the_page() -> None:
    verdict = of_home(known(), "verdict")
    assert verdict.state == "quiet"
    assert verdict.attributes == {
        "title": "All quiet",
        "detail": "No event in 15 minutes",
        "since": None,
    }
    assert of_home(known(), "risk") == Shown("quiet", {})
    assert of_home(known(), "score").state == "0"


def test_that_nobody_can_tell_is_shown_with_the_reason_and_since_when() -> None:
    verdict = of_home(known(verdict=CANT_TELL), "verdict")
    assert verdict.state == "cant_tell"
    assert verdict.attributes["detail"] == "No news of events"
    assert verdict.attributes["since"] == "2026-09-21T14:12:20.000Z"


def test_figures_are_shown_and_what_nobody_measured_is_unknown() -> None:
    assert of_home(known(), "gpu_temperature").state == "65"
    assert of_home(known(), "gpu_utilization").state == "38.5"
    assert of_home(known(), "analysis_queue").state == "3"
    assert of_home(known(), "dead_letters").state == "1"
    assert of_home(known(), "cameras_online") == Shown("3", {"total": 4, "offline": 1})
    no_gpu = structs.replace(STATUS, gpu=None, queues=None, cameras=None)
    for name in ("gpu_temperature", "gpu_utilization", "detection_queue", "cameras_online"):
        assert of_home(known(status=no_gpu), name).state == UNKNOWN


def test_a_service_that_is_ill_is_a_problem_and_says_which() -> None:
    assert of_home(known(), "problem").state == "off"
    ill = structs.replace(STATUS, services={"yolo26": "unreachable", "redis": "healthy"})
    problem = of_home(known(status=ill), "problem")
    assert problem == Shown("on", {"yolo26": "unreachable", "redis": "healthy"})


def test_raised_alerts_are_counted_and_named_the_gravest_first() -> None:
    hot = alert("gpu_temperature", "critical", "GPU 92 °C")
    full = alert("host_disk", "warning", "Disk 86 %")
    assert of_home(known(), "alerts").state == "0"
    raised = of_home(known(alerts=[full, hot]), "alerts")
    assert raised.state == "2"
    assert raised.attributes["messages"] == ["GPU 92 °C", "Disk 86 %"]
    assert raised.attributes["critical"] == 1
    assert of_home(known(alerts=None), "alerts").state == UNKNOWN


def test_without_redis_nothing_of_before_is_shown_as_of_now() -> None:
    away = known(event(), informed=False, complete=False, verdict=CANT_TELL, now=NOW)
    away = structs.replace(away, events=(), alerts=[alert("gpu_temperature", "critical", "x")])
    found = shown(away)
    answers = {name: found.shows(name).state for name in states_of(found)}
    assert answers.pop("sensor.hsi_home_verdict") == "cant_tell"
    assert answers.pop("binary_sensor.hsi_home_informed") == "off"
    assert set(answers.values()) == {UNKNOWN}
    assert not any(
        found.shows(name).attributes for name in answers if name != "sensor.hsi_home_verdict"
    )


def test_a_danger_that_is_known_is_shown_although_nobody_can_tell_the_rest() -> None:
    known_danger = known(event(), complete=False)
    assert of_front(known_danger, "risk").state == "high"
    assert of_front(known_danger, "activity").state == "on"


def test_while_not_all_events_are_known_nothing_claims_that_there_is_no_risk() -> None:
    assert of_front(known(complete=False), "risk").state == UNKNOWN
    assert of_front(known(complete=False), "activity").state == UNKNOWN
    assert of_home(known(complete=False), "score").state == UNKNOWN
    assert of_home(known(now=None, complete=False), "risk").state == UNKNOWN


def test_a_camera_shows_its_last_event_with_all_that_an_automation_asks_for() -> None:
    what = known(event(7, image_url="/pictures/7.jpg", clip_url="https://nvr.example/7.mp4"))
    last = of_front(what, "last_event")
    assert last.state == "Person at the door"
    assert last.attributes == {
        "level": "high",
        "score": 75,
        "event_id": 7,
        "camera_id": "front_door",
        "started_at": "2026-09-21T07:06:40Z",
        "ended_at": None,
        "arrived_at": "2026-09-21T14:13:20.000Z",
        "picture": "https://home.example/pictures/7.jpg",
        "clip": "https://nvr.example/7.mp4",
        "link": f"https://home.example/events/{NOW}-7",
        "cursor": f"{NOW}-7",
    }


def test_a_last_event_stays_the_last_one_when_it_no_longer_counts() -> None:
    old = known(event(ago=RECENT + 1))
    assert of_front(old, "last_event").state == "Person at the door"
    assert of_front(old, "risk").state == "quiet"
    assert of_front(known(), "last_event").state == UNKNOWN  # Nobody knows of one.


def test_the_risk_of_a_camera_is_that_of_its_gravest_event_that_counts() -> None:
    what = known(event(1, ago=60_000, risk_level="critical", risk_score=90), event(2), of_yard())
    risk = of_front(what, "risk")
    assert risk.state == "critical"
    assert risk.attributes["event_id"] == 1
    assert of_front(what, "score").state == "90"
    assert shown(what).shows("sensor.hsi_yard_risk").state == "low"
    assert of_home(what, "risk").attributes["camera_id"] == "front_door"


def of_yard() -> Arrived:
    return event(3, camera="yard", risk_level="low", risk_score=5)


@pytest.mark.parametrize(
    ("ago", "data", "activity"),
    [
        (0, {}, "on"),
        (RECENT, {}, "on"),
        (RECENT + 1, {}, "off"),
        (RECENT + 1, {"risk_level": "critical"}, "on"),
        (0, {"risk_level": "low"}, "off"),
        (0, {"risk_level": None, "risk_score": None}, "on"),
        (HOLD, {"ended_at": "2026-09-21T07:07:00Z"}, "on"),
        (HOLD + 1, {"ended_at": "2026-09-21T07:07:00Z"}, "off"),
        (HOLD + 1, {"ended_at": None}, "on"),
    ],
)
def test_there_is_activity_while_an_event_worth_a_look_goes_on(
    ago: int, data: Mapping[str, Any], activity: str
) -> None:
    assert of_front(known(event(ago=ago, **data)), "activity").state == activity


def test_the_end_of_an_event_ends_its_activity() -> None:
    begins = event(1, ago=HOLD + 60_000)
    ends = event(1, ago=HOLD + 1, ended_at="2026-09-21T07:07:00Z")
    assert of_front(known(begins), "activity").state == "on"
    assert of_front(known(ends), "activity").state == "off"


@pytest.mark.parametrize(
    ("status", "connectivity"),
    [("online", "on"), ("offline", "off"), ("error", "off"), ("unknown", UNKNOWN)],
)
def test_whether_a_camera_answers_is_shown_and_since_when(status: Any, connectivity: str) -> None:
    since = datetime(2026, 9, 21, 7, 0, tzinfo=UTC)
    answers = of_front(known(cameras={"front_door": at_front(status, since)}), "connectivity")
    assert answers.state == connectivity
    assert answers.attributes["since"] == "2026-09-21T07:00:00.000Z"
    assert of_front(known(cameras={}), "connectivity") == Shown(UNKNOWN, {})


def test_texts_are_no_longer_than_home_assistant_takes() -> None:
    what = known(event(summary="x" * 10_000, started_at="y" * 10_000, image_url="/" + "z" * 9000))
    assert len(of_front(what, "last_event").state) == 255
    long = HomeVerdict(state="look", title="Worth a look", detail="x" * 100_000)
    assert len(of_home(known(verdict=long), "verdict").attributes["detail"]) == 1000
    alerts = [alert("host_disk", "warning", "x" * 5000)] * 1000
    assert of_home(known(alerts=alerts), "alerts").state == "1000"


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=3,
)
_NAMES = ("event_id", "id", "camera_id", "risk_level", "risk_score", "summary", "started_at")


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from((*_NAMES, "ended_at", "image_url", "clip_url")), _JSON))
def test_whatever_an_event_holds_home_assistant_takes_what_is_made_of_it(
    data: dict[str, Any],
) -> None:
    given_event = Arrived(NOW, data, f"{NOW}-1")
    camera = Camera(id=str(data.get("camera_id", "")), name="", listed=False)
    found = shown(known(events=(given_event,), latest={camera.id: given_event}), camera)
    for what in happenings(given_event, None, NOW):
        topic = TOPICS.event(camera.slug)
        found.receives(topic, event_message(what, given_event, "", URL), retained=False)
    assert len(found.told) == 1


def test_pictures_are_told_only_where_home_assistant_can_find_them() -> None:
    assert address("/a.jpg", URL) == "https://home.example/a.jpg"
    assert address("/a.jpg", "") is None
    assert address("http://nvr/a.jpg", "") == "http://nvr/a.jpg"
    for wrong in ("ftp://x/a", "javascript:alert(1)", "a.jpg", "", "/a\nb", None, 3):
        assert address(wrong, URL) is None


def told_of(*messages: Arrived, now: int | None = NOW) -> list[list[str]]:
    """Return what each message makes `event` entities tell, one after the other."""
    told: Told | None = None
    found: list[list[str]] = []
    for message in messages:
        found.append([*happenings(message, told, now)])
        told = told_by(message, told)
    return found


def test_an_event_is_told_once_when_it_becomes_graver_and_when_it_ends() -> None:
    assert told_of(
        event(1, ago=5, risk_level="medium"),
        event(2, ago=4, risk_level="medium"),
        event(3, ago=3, risk_level="critical"),
        event(4, ago=2, risk_level="low"),
        event(5, ago=1, risk_level="high", ended_at="2026-09-21T07:07:00Z"),
        event(6, ago=0, risk_level="high", ended_at="2026-09-21T07:07:00Z"),
    ) == [["medium"], [], ["critical"], [], ["ended"], []]


def test_an_event_that_is_over_when_it_is_told_is_told_once() -> None:
    over = event(1, ended_at="2026-09-21T07:07:00Z")
    assert told_of(over, over) == [["high"], []]


def test_an_event_that_ends_as_a_graver_one_is_told_as_both() -> None:
    first = event(1, ago=9, risk_level="low")
    last = event(2, risk_level="critical", ended_at="2026-09-21T07:07:00Z")
    assert told_of(first, last) == [["low"], ["critical", "ended"]]


def test_a_message_that_comes_again_tells_nothing() -> None:
    message = event(2)
    told = told_by(message, None)
    assert happenings(message, told, NOW) == []
    assert happenings(event(1, ago=1, risk_level="low"), told, NOW) == []  # Nor one of before.


def test_what_is_told_too_late_is_missed_and_no_news() -> None:
    assert told_of(event(ago=RECENT)) == [["high"]]
    assert told_of(event(ago=RECENT + 1)) == [["missed"]]
    assert told_of(event(ago=RECENT + 1), now=None) == [["high"]]


def test_an_event_without_a_level_is_told_as_such() -> None:
    assert told_of(event(risk_level=None, risk_score=None)) == [["unrated"]]
    assert told_of(event(risk_level=None, risk_score=90)) == [["critical"]]


def test_the_payload_of_an_event_says_which_it_is_and_tells_a_repetition_by_its_cursor() -> None:
    payload = json.loads(event_message("high", event(7), "Front door", URL))
    assert payload["event_type"] == "high"
    assert payload["camera"] == "Front door"
    assert payload["camera_id"] == "front_door"
    assert payload["summary"] == "Person at the door"
    assert (payload["event_id"], payload["cursor"]) == (7, f"{NOW}-7")


def test_states_of_unchanged_facts_are_the_same_bytes() -> None:
    what = known(event())
    assert states(TOPICS, what, (FRONT,), URL) == states(TOPICS, what, (FRONT,), URL)


def alert(metric: str, severity: Any, message: str) -> RaisedAlertData:
    return RaisedAlertData(
        id=metric,
        metric=metric,
        severity=severity,
        value=92,
        unit="C",
        threshold=90,
        clears=78,
        peak=92,
        since=datetime.now(UTC) - timedelta(minutes=1),
        ended=None,
        unknown_since=None,
        message=message,
    )


def states_of(found: HomeAssistant) -> Sequence[str]:
    return [name for name, entity in found.entities.items() if entity["platform"] != "event"]
