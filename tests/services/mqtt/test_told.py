from zoneinfo import ZoneInfo

import pytest

from hsi.schemas import Event
from services.mqtt.frigate import read_event, read_review
from services.mqtt.risk import DEFAULT, parse_table
from services.mqtt.told import Told, key_of
from tests.services.mqtt.stories import EVENTS, REVIEWS, changed, story

BERLIN = ZoneInfo("Europe/Berlin")
NEW, IN_DRIVEWAY, ON_PORCH, STILL, END = story("events", "0.17")


def nobody_told(url: str = "https://frigate.example/") -> Told:
    return Told(DEFAULT, BERLIN, url)


def tell(told: Told, *payloads: bytes) -> list[Event]:
    """Return what people hear of these messages."""
    heard = []
    for payload in payloads:
        if event := told.news(read_event(payload)):
            told.tell(event)
            heard.append(event)
    return heard


def test_people_hear_of_what_is_new_to_them_and_of_its_end() -> None:
    heard = tell(nobody_told(), NEW, IN_DRIVEWAY, ON_PORCH, STILL, END)
    assert [event.data.summary for event in heard] == [
        "Person seen by front door",
        "Person in the driveway (front door)",
        "Person in the driveway and the porch (front door)",
        "Ada in the driveway and the porch (front door)",
    ]
    assert len({(event.data.event_id, event.data.batch_id) for event in heard}) == 1
    assert [bool(event.data.ended_at) for event in heard] == [False, False, False, True]


@pytest.mark.parametrize("version", EVENTS)
def test_a_thing_that_stands_still_is_told_of_once(version: str) -> None:
    told = nobody_told()
    messages = story("events", version)
    tell(told, *messages[:4])
    still = messages[3]
    assert not tell(told, *(changed(still, frame_time=n, score=n / 100) for n in range(99)))


@pytest.mark.parametrize("version", REVIEWS)
def test_a_review_is_told_of_like_an_object(version: str) -> None:
    told = nobody_told()
    summaries = []
    for payload in story("reviews", version):
        if event := told.news(read_review(payload)):
            told.tell(event)
            summaries.append(event.data.summary)
    assert summaries == [
        "Car seen by front door",
        "Car and person in the driveway (front door)",
        "Car and person (Ada) in the driveway (front door)",
        "Car and person (Ada) in the driveway (front door)",
    ]


def test_a_message_that_comes_twice_or_late_tells_nothing() -> None:
    told = nobody_told()
    tell(told, NEW, IN_DRIVEWAY, ON_PORCH)
    assert not tell(told, NEW, IN_DRIVEWAY, ON_PORCH)
    tell(told, END)
    assert not tell(told, ON_PORCH, END, changed(END, end_time=1_999_999_999))


def test_a_process_that_has_the_history_alone_tells_nothing_twice() -> None:
    history = tell(nobody_told(), NEW, IN_DRIVEWAY, ON_PORCH)
    successor = nobody_told()
    for event in history:
        successor.tell(event)
    (end,) = tell(successor, NEW, ON_PORCH, END)
    assert end.data.ended_at


def test_a_false_positive_is_no_event_until_it_is_none() -> None:
    told = nobody_told()
    assert not tell(told, changed(NEW, false_positive=True), changed(END, false_positive=True))
    assert len(tell(told, NEW)) == 1
    assert [
        event.data.ended_at is not None for event in tell(told, changed(END, false_positive=True))
    ] == [True]


def test_a_risk_rises_and_never_falls_for_the_same_thing() -> None:
    table = parse_table('[{"zone": "porch", "risk": 80}, {"min_score": 0.8, "risk": 50}]')
    told = Told(table, BERLIN, "")
    porch = changed(NEW, current_zones=["porch"], entered_zones=[])
    gone = changed(NEW, current_zones=[], entered_zones=[], type="end", end_time=1_999_999_999)
    assert [event.data.risk_score for event in tell(told, NEW, porch, gone)] == [35, 80, 80]


def test_the_hour_is_the_homes() -> None:
    # 2025-01-15 21:30 UTC is 22:30 in Berlin.
    night = changed(NEW, start_time=1_736_976_600.0, top_score=0.9)
    assert tell(nobody_told(), night)[0].data.risk_level == "high"
    assert tell(Told(DEFAULT, ZoneInfo("UTC"), ""), night)[0].data.risk_level == "medium"


def test_pictures_and_clips_are_below_frigates_address_where_it_has_them() -> None:
    first, second = tell(nobody_told(), NEW, IN_DRIVEWAY)
    assert not first.data.image_url
    assert not first.data.clip_url
    path = f"https://frigate.example/api/events/{first.data.batch_id}"
    assert second.data.image_url == f"{path}/snapshot.jpg"
    assert second.data.clip_url == f"{path}/clip.mp4"
    (event,) = tell(nobody_told(""), IN_DRIVEWAY)
    assert not event.data.image_url


def test_only_so_many_things_are_remembered() -> None:
    told = Told(DEFAULT, BERLIN, "", remembered=3)
    tell(told, *(changed(NEW, id=f"{number}.5-a") for number in range(10)))
    assert len(told) == 3


def test_a_key_is_the_same_for_the_same_news_alone() -> None:
    one, other = tell(nobody_told(), NEW, IN_DRIVEWAY)
    again = nobody_told().news(read_event(NEW))
    assert again
    assert key_of(again) == key_of(one) != key_of(other)
