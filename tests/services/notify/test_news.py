"""What was published, as rules look at it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.messages import Message
from services.notify.news import News, alert_in, event_in, moment_of, seen_key, status_in, worded
from services.notify.rules import Rules, Template

CURSOR = "1768478400000-7"
PAGE = "https://home.example/hsi/"


def event(**data: Any) -> str:
    """Return an event as it is published."""
    usual = {
        "id": 7,
        "event_id": 7,
        "camera_id": "front_door",
        "risk_score": 75,
        "risk_level": "high",
        "summary": "Person at the door",
        "started_at": "2026-01-15T11:59:58Z",
    }
    return json.dumps({"type": "event", "data": usual | data})


def read(text: str) -> News:
    """Return the news of an event."""
    news = event_in(text, CURSOR, dashboard=PAGE)
    assert news
    return news


def trouble(kind: str, **data: Any) -> News:
    """Return the news in a message of the channel of statuses."""
    news = status_in(json.dumps({"type": kind, "data": data}), CURSOR, dashboard=PAGE)
    assert news
    return news


def test_an_event_is_told_in_the_words_of_the_page_and_links_to_its_page() -> None:
    message = read(event(image_url="/media/7.jpg")).message
    assert (message.title, message.body) == ("Look now: Front door", "Person at the door")
    assert message.url == "https://home.example/hsi/events/1768478400000-7"
    assert message.tag == "7 front_door"
    assert message.image_url == "/media/7.jpg"
    assert message.at == datetime(2026, 1, 15, 12, tzinfo=UTC)
    assert message.started_at == datetime(2026, 1, 15, 11, 59, 58, tzinfo=UTC)


def test_without_the_dashboards_address_there_is_no_link() -> None:
    news = event_in(event(), CURSOR, dashboard="")
    assert news
    assert not news.message.url


@pytest.mark.parametrize(
    "data",
    [
        {"risk_level": "CRITICAL"},
        {"risk_level": None, "risk_score": "97"},
        {"risk_level": "critical", "camera_id": 7, "summary": None, "started_at": "yesterday"},
    ],
)
def test_an_event_that_breaks_its_schema_is_told_as_far_as_it_can_be_read(
    data: dict[str, Any],
) -> None:
    message = read(event(**data)).message
    assert message.level == "critical"
    assert message.title.startswith("Act now")
    assert message.body


@pytest.mark.parametrize("text", ["", "[]", '{"type":"event"}', '{"type":"note","data":{}}'])
def test_what_is_no_event_is_no_news(text: str) -> None:
    assert event_in(text, CURSOR, dashboard="") is None
    assert status_in(text, CURSOR, dashboard="") is None
    assert alert_in(text, CURSOR, dashboard="") is None


@settings(max_examples=30)
@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_whatever_an_event_has_in_its_fields_it_is_told(value: Any) -> None:
    names = ("event_id", "camera_id", "risk_score", "risk_level", "summary", "image_url")
    for name in names:
        text = json.dumps({"type": "event", "data": {name: value}})
        try:
            json.loads(text, parse_constant=lambda _: 1 / 0)
        except ZeroDivisionError:
            continue  # NaN: not JSON, and nothing that is forwarded.
        assert read(text).message.body


def test_a_service_that_is_down_is_told_and_its_recovery_is_an_all_clear() -> None:
    down = trouble("service_status", service="yolo26", status="unreachable", message="No answer")
    well = trouble("service_status", service="yolo26", status="healthy", message="It answers")
    slow = trouble("service_status", service="yolo26", status="degraded", message="Slow")
    assert (down.subject, down.change, down.message.level) == ("service", "began", "high")
    assert (down.message.title, down.message.body) == ("Yolo26 is unreachable", "No answer")
    assert (well.change, well.message.kind, well.message.level) == ("ended", "all_clear", None)
    assert (slow.subject, slow.message.kind) == ("degraded", "degraded")
    assert down.about == well.about == slow.about


def test_a_camera_that_is_offline_is_told_by_its_name() -> None:
    fields = {"camera_id": "garden", "since": "2026-01-15T12:00:00Z"}
    off = trouble("camera_status", name="Back garden", status="offline", **fields)
    assert (off.subject, off.change) == ("camera", "began")
    assert (off.message.title, off.message.camera_id) == ("Back garden is offline", "garden")
    back = trouble("camera_status", name="Back garden", status="online", **fields)
    assert (back.change, back.message.title) == ("ended", "Back garden is back")


def test_a_camera_of_which_nobody_knows_is_no_news() -> None:
    data = {"camera_id": "garden", "name": "Garden", "status": "unknown", "since": None}
    text = json.dumps({"type": "camera_status", "data": data})
    assert status_in(text, CURSOR, dashboard="") is None


def alert(**data: Any) -> str:
    """Return a change of a raised alert, as its history has it."""
    usual = {
        "id": "gpu_temperature-1",
        "metric": "gpu_temperature",
        "severity": "warning",
        "value": 82.0,
        "unit": "C",
        "threshold": 75.0,
        "clears": 73.0,
        "peak": 82.0,
        "since": "2026-01-15T12:00:00Z",
        "ended": None,
        "unknown_since": None,
        "message": "GPU temperature high: 82C",
    }
    return json.dumps({"type": "alert", "timestamp": "2026-01-15T12:00:00Z", "data": usual | data})


def test_an_alert_begins_and_its_end_is_an_all_clear() -> None:
    begin = alert_in(alert(), CURSOR, dashboard=PAGE)
    worse = alert_in(alert(severity="critical"), CURSOR, dashboard=PAGE)
    end = alert_in(alert(ended="2026-01-15T12:05:00Z"), CURSOR, dashboard=PAGE)
    assert begin
    assert worse
    assert end
    assert (begin.message.kind, begin.message.level) == ("alert", "medium")
    assert begin.message.url == "https://home.example/hsi/performance"
    assert worse.message.level == "critical"
    assert (end.change, end.message.kind) == ("ended", "all_clear")
    assert begin.about == worse.about == end.about


def test_templates_are_filled_and_what_they_leave_out_is_in_the_usual_words() -> None:
    rules = Rules(
        timezone="Europe/Berlin",
        templates={"event": Template(title="{time} {camera} ({level}, {score}): {home}")},
    )
    news = read(event())
    message = worded(news.message, news.values, rules, home="All quiet")
    assert message.title == "13:00 Front door (high, 75): All quiet"
    assert message.body == "Person at the door"


def test_what_a_producer_wrote_is_never_read_as_a_template() -> None:
    rules = Rules(templates={"event": Template(body="{summary}")})
    news = read(event(summary="{url} {0.__class__}"))
    assert worded(news.message, news.values, rules).body == "{url} {0.__class__}"


def test_an_event_is_marked_as_seen_by_its_id_or_else_by_its_cursor() -> None:
    def key(text: str) -> str | None:
        return seen_key(read(text).message)

    assert key(event()) == "7"
    assert key(event(event_id=None, id=None)) == CURSOR
    down = trouble("service_status", service="yolo26", status="unhealthy", message="No")
    assert seen_key(down.message) is None


def test_an_id_of_no_time_is_of_the_beginning() -> None:
    assert moment_of("x") == moment_of("99999999999999-1") or isinstance(
        moment_of("99999999999999-1"), datetime
    )
    assert isinstance(read(event()).message, Message)
