"""What Home Assistant is told to set up, by its own rules (tests/home_assistant.py)."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mqtt.discovery import (
    Camera,
    Topics,
    camera_config,
    configurations,
    shown_name,
    slug,
)
from tests.home_assistant import HomeAssistant, check_filter

TOPICS = Topics("homeassistant", "hsi")
ANY_NAMES = [
    "Front door",
    "",
    "  ",
    "a" * 5000,
    "{{ 1/0 }}",
    '"}\n',
    "\ud800",
    "باب",
    "None",
    "日本",
]


def camera(identifier: str, name: str = "", *, listed: bool = True) -> Camera:
    return Camera(id=identifier, name=name, listed=listed)


def set_up(*cameras: Camera, topics: Topics = TOPICS, url: str = "") -> HomeAssistant:
    found = HomeAssistant(topics.prefix)
    for topic, config in configurations(topics, cameras, url).items():
        found.receives(topic, config)
    return found


def test_home_assistant_takes_every_configuration_whatever_ids_and_names_hold() -> None:
    cameras = [camera(name, name) for name in ANY_NAMES]
    assert len(set_up(*cameras, url="https://home.example").configs) == 1 + len(cameras)


@settings(max_examples=30)
@given(st.text(), st.text(), st.booleans())
def test_home_assistant_takes_a_camera_of_any_id_and_name(
    identifier: str, name: str, listed: bool
) -> None:
    set_up(camera(identifier, name, listed=listed), camera("other", name))


@given(st.text(), st.text())
def test_two_cameras_never_share_a_slug(one: str, other: str) -> None:
    assert (slug(one) == slug(other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Front Door", "front_door"),
        ("front-door", "front_door"),
        ("front__door", "front_door"),
        ("a" * 49, "a" * 50),
        ("home", "Home"),
        ("x+y", "x/y"),
    ],
)
def test_ids_that_look_alike_stay_two_cameras(one: str, other: str) -> None:
    assert len({slug(one), slug(other)}) == 2
    # Nor does an id that was made to look like another's slug take its place.
    assert slug(slug(one)) != slug(one) or slug(one) == one


def test_a_plain_id_is_its_own_slug_so_that_people_find_its_topics() -> None:
    assert slug("front_door") == "front_door"
    assert TOPICS.camera(slug("front_door")) == "hsi/camera/front_door/state"


def test_a_camera_that_is_renamed_stays_the_same_device_with_the_same_entities() -> None:
    before, after = set_up(camera("cam1", "Yard")), set_up(camera("cam1", "Garden"))
    assert before.entities.keys() == after.entities.keys()
    assert before.configs.keys() == after.configs.keys()
    config = after.configs[TOPICS.config("cam1")]
    assert config["device"]["name"] == "Garden"
    assert config["device"]["identifiers"] == ["hsi_camera_cam1"]


def test_a_camera_is_behind_the_home_which_is_told_of_first() -> None:
    configs = configurations(TOPICS, [camera("b"), camera("a")], "")
    told = [json.loads(config) for config in configs.values()]
    assert told[0]["device"]["identifiers"] == ["hsi"]
    assert [one["device"].get("via_device") for one in told] == [None, "hsi", "hsi"]


def test_no_entity_repeats_the_name_of_its_device_behind_which_it_is_shown() -> None:
    for config in set_up(camera("front_door", "Front door")).configs.values():
        name = config["device"]["name"]
        assert not any(one["name"].startswith(name) for one in config["components"].values())


def test_a_camera_has_the_entities_that_automations_are_made_of() -> None:
    entities = set_up(camera("front_door", "Front door")).entities
    assert {name for name in entities if "front_door" in name} == {
        "binary_sensor.hsi_front_door_activity",
        "binary_sensor.hsi_front_door_connectivity",
        "event.hsi_front_door_event",
        "sensor.hsi_front_door_last_event",
        "sensor.hsi_front_door_risk",
        "sensor.hsi_front_door_score",
    }


def test_of_a_camera_that_no_list_has_nothing_says_whether_it_is_online() -> None:
    entities = set_up(camera("yard", listed=False)).entities
    assert "binary_sensor.hsi_yard_connectivity" not in entities


def test_the_home_has_its_verdict_risk_alerts_figures_and_events() -> None:
    names = {name.partition(".hsi_home_")[2] for name in set_up().entities}
    assert {"verdict", "risk", "score", "alerts", "gpu_temperature", "gpu_utilization"} <= names
    assert {"detection_queue", "analysis_queue", "event", "problem", "informed"} <= names


def test_the_homes_event_entity_hears_all_cameras_and_a_cameras_its_own() -> None:
    entities = set_up(camera("yard")).entities
    assert entities["event.hsi_home_event"]["state_topic"] == "hsi/camera/+/event"
    assert entities["event.hsi_yard_event"]["state_topic"] == "hsi/camera/yard/event"
    assert entities["event.hsi_yard_event"]["event_types"][:4] == [
        *("low", "medium", "high", "critical")
    ]


def test_every_entity_is_unavailable_with_the_service_and_what_goes_stale_expires() -> None:
    for name, entity in set_up(camera("yard")).entities.items():
        assert entity["availability_topic"] == "hsi/status"
        goes_stale = entity["platform"] != "event" and not name.endswith("last_event")
        assert ("expire_after" in entity) is goes_stale


def test_links_lead_to_the_dashboard_where_its_address_is_known() -> None:
    device = camera_config(TOPICS, camera("yard"), "https://home.example/hsi")["device"]
    assert device["configuration_url"] == "https://home.example/hsi"
    assert "configuration_url" not in camera_config(TOPICS, camera("yard"), "")["device"]


def test_two_installations_at_one_broker_share_nothing() -> None:
    one = set_up(camera("yard"))
    other = set_up(camera("yard"), topics=Topics("homeassistant", "Home/Garden"))
    assert not one.configs.keys() & other.configs.keys()
    assert not one.entities.keys() & other.entities.keys()


def test_a_cameras_slug_is_read_from_the_topic_that_sets_it_up() -> None:
    check_filter(TOPICS.configs)
    assert TOPICS.slug_in(TOPICS.config("yard")) == "yard"
    assert TOPICS.slug_in(TOPICS.config(None)) is None
    assert TOPICS.slug_in("homeassistant/device/hsi/strange/config") is None


@pytest.mark.parametrize(
    ("identifier", "name", "shown"),
    [
        ("front_door", "Front door", "Front door"),
        ("front_door", "", "front door"),
        ("front_door", " \n ", "front door"),
        ("", "", slug("")),
        ("x", "a\n  b", "a b"),
    ],
)
def test_a_camera_without_a_name_is_called_by_its_id(
    identifier: str, name: str, shown: str
) -> None:
    assert shown_name(camera(identifier, name)) == shown
