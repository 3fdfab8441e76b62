"""What the key of the cameras holds, and what a message says of one."""

import msgspec
import pytest

from hsi.schemas import CameraStatus
from hsi_service.home.cameras import CameraAt, camera_of, cameras_in
from tests.clients import golden

AT = "2024-01-15T10:30:00Z"
CAMERA = {"id": "front_door", "name": "Front door", "status": "offline", "since": AT}


def test_a_message_and_the_key_say_the_same_of_a_camera() -> None:
    change = msgspec.json.decode(golden("camera_status"), type=CameraStatus)
    found = cameras_in(msgspec.json.encode({"at": AT, "cameras": [CAMERA]}))
    assert found.cameras == [camera_of(change.data)]
    assert isinstance(found.cameras[0], CameraAt)


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"{}", b"\xff", b'{"at":1,"cameras":[]}', b'{"at":' + b"[" * 100_000],
    ids=lambda value: value[:12],
)
def test_what_is_no_list_of_cameras_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (msgspec's own is one)
        cameras_in(value)


def test_a_status_that_nobody_knows_spoils_the_key() -> None:
    with pytest.raises(ValueError, match="Invalid enum value"):
        cameras_in(msgspec.json.encode({"at": AT, "cameras": [{**CAMERA, "status": "asleep"}]}))
