"""How large a body may be: what its route says, before anything is read."""

import pytest
from litestar import Litestar, get, post
from litestar.params import FromPath

from hsi_service.skeleton.body_limits import MAX_BODY_BYTES, BodyLimits

LARGER = 1024 * 1024


@get("/api/things/{name:str}/lines", sync_to_thread=False)
def read(name: FromPath[str]) -> str:
    return name


@post("/api/things/{name:str}/lines", request_max_body_size=LARGER, sync_to_thread=False)
def write(name: FromPath[str]) -> str:
    return name


@post("/api/small", request_max_body_size=100, sync_to_thread=False)
def small() -> None: ...


@pytest.mark.parametrize(
    ("target", "limit"),
    [
        (b"/api/things/a/lines", LARGER),
        (b"/api/things/a/lines?level=INFO", LARGER),
        (b"/api/things/a/b/lines", MAX_BODY_BYTES),
        (b"/api/things//lines", MAX_BODY_BYTES),
        (b"/api/things/a/lines/more", MAX_BODY_BYTES),
        (b"/api/small", MAX_BODY_BYTES),
        (b"/", MAX_BODY_BYTES),
    ],
)
def test_a_route_may_take_more_and_no_other_path_does(target: bytes, limit: int) -> None:
    limits = BodyLimits.of(Litestar([read, write, small]))
    assert limits.bytes_for(target) == limit
