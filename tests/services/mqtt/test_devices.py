"""Which cameras Home Assistant has a device for."""

from services.mqtt.devices import (
    MAX_UNLISTED,
    RENEWED_AFTER,
    UNLISTED_FOR,
    Device,
    Devices,
    cameras_of,
    renewed,
    with_event,
)
from services.mqtt.discovery import Camera

NOW = 1_790_000_000_000
LISTED = {"front": "Front door", "yard": "Yard"}


def whole(devices: Devices, listed: dict[str, str], now: int | None) -> Devices:
    return renewed(devices, listed, now, is_whole=True)


def test_every_camera_of_the_list_has_a_device_under_its_name() -> None:
    assert cameras_of(whole({}, LISTED, NOW)) == [
        Camera(id="front", name="Front door", listed=True),
        Camera(id="yard", name="Yard", listed=True),
    ]


def test_a_camera_that_is_deleted_loses_its_device() -> None:
    before = whole({}, LISTED, NOW)
    assert list(whole(before, {"yard": "Yard"}, NOW)) == ["yard"]
    assert list(whole(before, {}, NOW)) == []


def test_where_the_list_is_not_known_nothing_goes() -> None:
    before = whole({}, LISTED, NOW)
    assert renewed(before, {}, NOW, is_whole=False) == before
    more = renewed(before, {"garage": "Garage"}, NOW, is_whole=False)
    assert more.keys() == {"front", "yard", "garage"}


def test_a_camera_that_only_events_tell_of_has_a_device_until_it_has_had_none_for_long() -> None:
    devices = with_event({}, "garage", NOW)
    assert cameras_of(devices) == [Camera(id="garage", name="", listed=False)]
    assert whole(devices, LISTED, NOW + UNLISTED_FOR).keys() == {"front", "yard", "garage"}
    assert "garage" not in whole(devices, LISTED, NOW + UNLISTED_FOR + 1)
    assert "garage" in whole(devices, LISTED, None)


def test_an_event_that_changes_nothing_leaves_the_devices_as_they_are() -> None:
    devices: Devices = {
        "garage": Device("", listed=False, at=NOW),
        "yard": Device("Yard", listed=True, at=0),
    }
    assert with_event(devices, "garage", NOW + RENEWED_AFTER) is devices
    assert with_event(devices, "yard", NOW) is devices
    assert with_event(devices, "", NOW) is devices
    later = NOW + RENEWED_AFTER + 1
    assert with_event(devices, "garage", later)["garage"].at == later


def test_a_camera_that_comes_into_the_list_keeps_its_device() -> None:
    devices = whole(with_event({}, "yard", NOW), LISTED, NOW)
    assert devices["yard"] == Device("Yard", listed=True, at=0)


def test_a_producer_that_invents_cameras_makes_no_more_devices_than_a_home_may_have() -> None:
    devices = whole({}, LISTED, NOW)
    for number in range(MAX_UNLISTED + 50):
        devices = with_event(devices, f"camera-{number}", NOW)
    assert len(devices) == len(LISTED) + MAX_UNLISTED
