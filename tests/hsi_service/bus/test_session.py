"""What was asked over one pub/sub connection, and to what an error is the answer."""

import pytest
from redis.exceptions import (
    BusyLoadingError,
    MasterDownError,
    NoPermissionError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError

from hsi_service.bus.session import Session

MISCONF = ResponseError("MISCONF Redis is configured to save RDB snapshots")


@pytest.mark.parametrize(
    "error",
    [MISCONF, MasterDownError("Link down"), BusyLoadingError("loading"), ResponseError("?")],
)
def test_an_error_in_the_place_of_a_pong_says_only_that_pings_are_refused(
    error: RedisError,
) -> None:
    session = Session()
    session.subscribing([b"a", b"b"])
    session.confirm(b"a", 1.0)
    session.confirm(b"b", 1.0)
    session.pinging(2.0)
    assert session.refused(error) == 2.0
    assert session.ping_refused is error
    session.pinging(4.0)
    assert session.ponged() == 4.0
    assert session.ping_refused is None


def test_an_error_is_a_subscribes_where_that_was_asked_first() -> None:
    session = Session()
    session.subscribing([b"a", b"b"])
    session.pinging(2.0)
    assert session.refused(NoPermissionError("no")) is None
    session.confirm(b"a", 1.0)
    assert session.refused(NoPermissionError("no")) is None


def test_an_error_is_an_unsubscribes_where_that_was_asked_first() -> None:
    session = Session()
    session.unsubscribing([b"a"])
    session.pinging(2.0)
    assert session.refused(MISCONF) is None
    session.left()
    assert session.refused(MISCONF) == 2.0


def test_an_error_is_a_pings_where_the_channels_came_after_it() -> None:
    session = Session()
    session.pinging(2.0)
    session.subscribing([b"a"])
    assert session.refused(MISCONF) == 2.0
    assert session.refused(MISCONF) is None


def test_a_connection_that_is_lost_is_no_answer() -> None:
    session = Session()
    session.pinging(2.0)
    assert session.refused(RedisConnectionError("closed")) is None


def test_it_is_as_old_as_what_redis_confirmed_first() -> None:
    session = Session()
    assert session.age(9.0) == 0.0
    session.subscribing([b"a"])
    session.confirm(b"a", 3.0)
    assert session.age(9.0) == 6.0
