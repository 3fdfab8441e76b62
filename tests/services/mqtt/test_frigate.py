import json
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from services.mqtt.frigate import (
    MAX_PAYLOAD,
    InvalidPayloadError,
    Sighting,
    number_of,
    read_event,
    read_review,
    summary_of,
)
from tests.services.mqtt.stories import EVENTS, REVIEWS, changed, story

EVENT = story("events", "0.17")[1]
REVIEW = story("reviews", "0.17")[-1]


@pytest.mark.parametrize("version", EVENTS)
def test_a_tracked_object_of_every_version_is_read_from_its_beginning_to_its_end(
    version: str,
) -> None:
    sightings = [read_event(payload) for payload in story("events", version)]
    assert len({sighting.id for sighting in sightings}) == 1
    assert [sighting.ended is not None for sighting in sightings] == [False] * 4 + [True]
    assert sightings[0].image_path is None
    assert sightings[-1].image_path == f"/api/events/{sightings[0].id}/snapshot.jpg"
    assert sightings[-1].clip_path == f"/api/events/{sightings[0].id}/clip.mp4"
    assert {sighting.began for sighting in sightings} == {sightings[0].began}
    assert sightings[0].began.tzinfo is UTC


@pytest.mark.parametrize("version", REVIEWS)
def test_a_review_of_every_version_is_read_from_its_beginning_to_its_end(version: str) -> None:
    sightings = [read_review(payload) for payload in story("reviews", version)]
    assert [sighting.severity for sighting in sightings] == ["detection"] + ["alert"] * 3
    last = sightings[-1]
    assert last.labels == ("car", "person")
    assert last.name == "Ada"
    assert last.ended
    assert last.image_path
    assert last.image_path.startswith("/clips/review/thumb-front_door-")
    assert last.clip_path
    assert last.clip_path.startswith("/api/front_door/start/")
    assert sightings[0].clip_path is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"entered_zones": []}, "Person seen by front door"),
        ({"entered_zones": ["driveway"]}, "Person in the driveway (front door)"),
        (
            {"entered_zones": ["front_yard", "the_porch"]},
            "Person in the front yard and the porch (front door)",
        ),
        (
            {"entered_zones": ["a", "b", "c", "d", "e"]},
            "Person in the a, the b, the c and 2 more (front door)",
        ),
        ({"entered_zones": ["porch"], "sub_label": ["Ada", 0.9]}, "Ada in the porch (front door)"),
        ({"entered_zones": ["porch"], "sub_label": "Ada"}, "Ada in the porch (front door)"),
        (
            {"entered_zones": [], "label": "car", "recognized_license_plate": ["AB12", 0.9]},
            "Car (AB12) seen by front door",
        ),
        ({"entered_zones": [], "label": "\u202efire\n_alarm"}, "Fire alarm seen by front door"),
        ({"entered_zones": [], "label": "x" * 500}, f"X{'x' * 63} seen by front door"),
    ],
)
def test_a_summary_is_plain_english(fields: dict[str, object], expected: str) -> None:
    plain: dict[str, object] = {
        "current_zones": [],
        "sub_label": None,
        "recognized_license_plate": None,
    }
    assert summary_of(read_event(changed(EVENT, **plain | fields))) == expected


def test_a_review_names_what_was_seen_and_what_was_only_heard() -> None:
    assert summary_of(read_review(REVIEW)) == "Car and person (Ada) in the driveway (front door)"
    data = {"objects": [], "audio": ["scream"], "detections": []}
    assert summary_of(read_review(changed(REVIEW, data=data))) == "Scream heard by front door"
    data = {"objects": [], "detections": []}
    assert summary_of(read_review(changed(REVIEW, data=data))) == "Something seen by front door"


def test_an_end_without_a_time_is_an_end() -> None:
    payload = changed(EVENT, type="end", end_time=None)
    assert read_event(payload).ended == read_event(payload).began


def test_an_event_has_one_number_which_javascript_can_hold() -> None:
    assert number_of("1607123955.475377-mxklsc") == number_of("1607123955.475377-mxklsc")
    assert number_of("1607123955.475377-mxklsc") != number_of("1607123955.475377-mxklsd")
    assert 0 < number_of("1607123955.475377-mxklsc") < 2**53


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"[" * 10_000,
        b"null",
        b"{}",
        b'{"after": {}}',
        changed(EVENT, start_time=1e300),
        changed(EVENT, start_time=-1),
        changed(EVENT, start_time="now"),
        changed(EVENT, id="../../etc/passwd"),
        changed(EVENT, id="a\n"),
        changed(EVENT, camera="c" * 1000),
        b'{"after": {"id": "%s"}}' % (b"x" * MAX_PAYLOAD),
    ],
)
def test_what_is_not_frigates_is_refused_in_one_short_line(payload: bytes) -> None:
    for read in (read_event, read_review):
        with pytest.raises(InvalidPayloadError) as refused:
            read(payload)
        assert len(str(refused.value)) <= 200
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"top_score": "0.87", "score": None}, {"score": 0.87}),
        ({"top_score": {}, "score": "?"}, {"score": 0.0}),
        ({"top_score": 10**400, "score": True}, {"score": 0.0}),
        ({"entered_zones": [None, "drive"], "current_zones": 7}, {"zones": ("drive",)}),
        ({"entered_zones": "drive", "current_zones": None}, {"zones": ("drive",)}),
        ({"has_snapshot": 0, "has_clip": "false"}, {"image_path": None, "clip_path": None}),
        ({"false_positive": "false"}, {"is_false_positive": False}),
        ({"false_positive": "true"}, {"is_false_positive": True}),
        ({"type": None, "end_time": None}, {"ended": None}),
        ({"end_time": "soon"}, {"ended": None}),
        ({"end_time": 1e300}, {"ended": None}),
        ({"id": 17}, {"id": "17"}),
        ({"camera": 3, "label": 4}, {"camera": "3", "labels": ("4",)}),
        ({"label": None, "current_zones": None}, {"labels": ()}),
        ({"sub_label": {"name": "Ada"}, "recognized_license_plate": 7}, {"name": ""}),
    ],
)
def test_an_odd_field_of_a_tracked_object_costs_itself_alone(
    fields: dict[str, object], expected: dict[str, object]
) -> None:
    sighting = read_event(changed(EVENT, **fields))
    assert {name: getattr(sighting, name) for name in expected} == expected


@pytest.mark.parametrize("flag", [True, 1, "true"])
def test_a_flag_may_be_a_number_or_text(flag: object) -> None:
    sighting = read_event(changed(EVENT, has_snapshot=flag, has_clip=flag))
    assert sighting.image_path
    assert sighting.clip_path


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"severity": None}, {"severity": "detection"}),
        ({"severity": 3, "thumb_path": ["x"]}, {"severity": "detection", "image_path": None}),
        ({"data": None}, {"labels": (), "zones": (), "name": ""}),
        (
            {"data": {"objects": ["dog", None], "sub_labels": 7, "zones": "yard", "audio": {}}},
            {"labels": ("dog",), "zones": ("yard",), "name": ""},
        ),
    ],
)
def test_an_odd_field_of_a_review_costs_itself_alone(
    fields: dict[str, object], expected: dict[str, object]
) -> None:
    sighting = read_review(changed(REVIEW, **fields))
    assert {name: getattr(sighting, name) for name in expected} == expected


def test_an_id_that_cannot_be_one_is_said_without_a_pattern() -> None:
    with pytest.raises(InvalidPayloadError, match="Expected text of another form - at"):
        read_event(changed(EVENT, id="a b"))


def test_a_path_that_is_not_a_thumbnail_of_a_review_is_no_picture() -> None:
    for path in ("/etc/passwd", "/media/frigate/clips/review/../../x", "", None):
        assert read_review(changed(REVIEW, thumb_path=path)).image_path is None


def test_fields_that_a_version_adds_or_leaves_out_change_nothing() -> None:
    least = {
        "after": {"id": "1.5-a", "camera": "c", "label": "person", "start_time": 1.5},
        "new_in_1.0": [1],
    }
    assert read_event(json.dumps(least).encode()).began == datetime.fromtimestamp(1.5, UTC)


@settings(max_examples=30)
@given(
    some.recursive(
        some.none() | some.booleans() | some.floats(allow_nan=False) | some.text(max_size=8),
        lambda inner: (
            some.dictionaries(
                some.sampled_from(
                    [
                        "after",
                        "id",
                        "camera",
                        "label",
                        "start_time",
                        "end_time",
                        "sub_label",
                        "data",
                    ]
                ),
                inner,
            )
            | some.lists(inner, max_size=3)
        ),
    )
)
def test_any_json_is_a_sighting_or_refused(value: object) -> None:
    payload = msgspec.json.encode({"after": value})
    for read in (read_event, read_review):
        try:
            sighting = read(payload)
        except InvalidPayloadError:
            continue
        assert isinstance(sighting, Sighting)
        assert summary_of(sighting)
