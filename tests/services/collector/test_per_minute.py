"""How fast a counter grows."""

from services.collector.per_minute import PerMinute


def test_a_rate_needs_two_readings_of_one_counter() -> None:
    rate = PerMinute()
    assert rate.rate(1000, 10.0) is None
    assert rate.rate(1100, 20.0) == 600
    assert rate.rate(1100, 20.0) is None  # no time went by
    assert rate.rate(50, 30.0) is None  # reset
    assert rate.rate(60, 40.0) == 60
    assert rate.rate(None, 50.0) is None
    assert rate.rate(70, 60.0) is None
