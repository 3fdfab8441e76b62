"""Whatever time somebody wrote, it can be compared and told."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from hsi.schemas.moments import moment_of, seconds_of, utc

EAST, WEST = (timezone(timedelta(hours=hours)) for hours in (14, -12))


@pytest.mark.parametrize("year", [1, 1969, 2026, 9999])
@pytest.mark.parametrize("offset", [None, UTC, EAST, WEST])
def test_any_time_is_one_in_utc_and_a_number_of_seconds(year: int, offset: timezone | None) -> None:
    for at in (datetime(year, 1, 1), datetime(year, 12, 31, 23, 59, 59)):  # noqa: DTZ001 (with and without)
        at = at.replace(tzinfo=offset)  # noqa: PLW2901
        assert utc(at).tzinfo is UTC
        assert abs(utc(at).year - year) <= 1
        assert math.isfinite(seconds_of(at))
        assert utc(at) <= datetime.max.replace(tzinfo=UTC)


def test_a_time_without_an_offset_is_utc() -> None:
    assert seconds_of(datetime(1970, 1, 1, 0, 1)) == 60  # noqa: DTZ001 (that is the point)


@pytest.mark.parametrize("seconds", [math.inf, -math.inf, math.nan, 1e18, -5, 0])
def test_what_is_no_time_is_none(seconds: float) -> None:
    assert moment_of(seconds) is None
    assert moment_of(60) == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
