"""Limits: places, handshakes and messages, with a clock of the test's own."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hsi_service.door import limits
from hsi_service.door.limits import MAX_ADDRESSES, Bucket, Limits, Rate, address_of

UNLIMITED = {"connections": 0, "per_address": 0, "handshakes_per_minute": 0}


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("x" * 10_000, "unknown"),
    ],
)
def test_an_address_counts_as_what_one_customer_has(host: str | None, counts_as: str) -> None:
    assert address_of(host) == counts_as


@given(st.ip_addresses().map(str) | st.text() | st.none())
def test_any_host_counts_as_something_small(host: str | None) -> None:
    assert len(address_of(host)) <= 43


@given(
    st.integers(1, 10_000),
    st.lists(st.floats(min_value=0, max_value=120), max_size=300),
    st.floats(min_value=0, max_value=1e9),
)
def test_a_bucket_gives_what_its_rate_allows_and_no_less(
    count: int, pauses: list[float], start: float
) -> None:
    """Against a plain token bucket, except where that is within rounding of a token."""
    bucket = Bucket(Rate.per_minute(count))
    now, tokens = start, float(count)
    for pause in pauses:
        now += pause
        tokens = min(count, tokens + pause * count / 60)
        wait = bucket.wait(now)
        got = bucket.take(now)
        assert got == (wait == 0)
        if abs(tokens - 1) > 0.05:
            assert got == (tokens > 1)
        tokens -= got
        if not got:
            assert 0 < wait <= 60 / count + 1e-4


@pytest.mark.parametrize("count", [1, 3, 7, 600, 10_000])
def test_all_of_a_minutes_share_may_come_at_once(count: int) -> None:
    bucket = Bucket(Rate.per_minute(count))
    assert all(bucket.take(1e6) for _ in range(count))
    assert not bucket.take(1e6)
    assert not bucket.take(1e6 + 30 / count)
    assert bucket.take(1e6 + 60 / count)


def test_no_limit_is_no_limit() -> None:
    bucket = Bucket(Rate.per_minute(0))
    assert all(bucket.take(5.0) for _ in range(10_000))
    everybody = Limits(**UNLIMITED)
    assert not any(everybody.enter("192.0.2.1", 0) for _ in range(10_000))


def test_a_bucket_is_tiny() -> None:
    assert not hasattr(Bucket(Rate.per_minute(1)), "__dict__")
    assert len(Bucket.__slots__) == 2


def test_the_pod_is_asked_before_the_address_and_both_before_the_rate() -> None:
    crowd = Limits(connections=3, per_address=2, handshakes_per_minute=3)
    assert crowd.enter("a", 0) is None
    assert crowd.enter("a", 0) is None
    over = crowd.enter("a", 0)
    assert over is not None
    assert (over.status, over.reason) == (429, "too many connections from this address")
    assert crowd.enter("b", 0) is None
    over = crowd.enter("a", 0)
    assert over is not None
    assert over.status == 503
    crowd.leave("a")
    assert crowd.enter("a", 0) is None
    crowd.leave("a")
    over = crowd.enter("a", 0)
    assert over is not None
    assert (over.status, over.reason) == (429, "too many handshakes from this address")
    assert over.retry_after == 20
    assert crowd.enter("a", 20) is None


class Crowd(RuleBasedStateMachine):
    """Clients come and go; the limits hold, and nothing of them is left when all have gone."""

    MOST, MOST_PER_ADDRESS, RATE = 5, 3, 5
    addresses = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits(
            connections=self.MOST,
            per_address=self.MOST_PER_ADDRESS,
            handshakes_per_minute=self.RATE,
        )
        self.inside: list[str] = []
        self.asked: dict[str, list[float]] = {}
        self.now = 0.0

    @rule(address=addresses)
    def come(self, address: str) -> None:
        excess = self.limits.enter(address, self.now)
        if len(self.inside) == self.MOST:
            assert excess is not None
            assert excess.status == 503
        elif self.inside.count(address) == self.MOST_PER_ADDRESS:
            assert excess is not None
            assert excess.status == 429
        elif excess is None:
            self.inside.append(address)
            self.asked.setdefault(address, []).append(self.now)
        else:
            assert "handshakes" in excess.reason
            assert len(self.asked[address]) >= self.RATE
            assert 0 < excess.retry_after <= 60 / self.RATE + 1e-6

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(self.inside))
        self.inside.remove(address)
        self.limits.leave(address)

    @rule(pause=st.floats(min_value=0, max_value=30))
    def wait(self, pause: float) -> None:
        self.now += pause

    @invariant()
    def no_window_holds_more_than_a_burst_and_its_refill(self) -> None:
        for times in self.asked.values():
            assert sum(then > self.now - 60 for then in times) <= 2 * self.RATE

    def teardown(self) -> None:
        for address in self.inside:
            self.limits.leave(address)
        # The next to come finds the place empty, and whoever rested is forgotten.
        for number in range(3):
            assert self.limits.enter(f"new {number}", self.now + 120) is None
            self.limits.leave(f"new {number}")
        assert len(self.limits) <= 3


TestCrowd = Crowd.TestCase


def test_a_flood_of_addresses_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ADDRESSES", 100)
    crowd = Limits(connections=0, per_address=0, handshakes_per_minute=2)
    first = int(ipaddress.IPv6Address("2001:db8::"))
    for number in range(10_000):
        address = address_of(str(ipaddress.IPv6Address(first + (number << 64))))
        assert crowd.enter(address, 0.0) is None
        crowd.leave(address)
        assert len(crowd) <= 100
    # Whoever asks all the time is remembered through it, and stays at its limit.
    for number in range(1_000):
        crowd.enter("busy", 0.0)
        crowd.enter(f"stranger {number}", 0.0)
    over = crowd.enter("busy", 0.0)
    assert over is not None
    assert "handshakes" in over.reason


def test_who_rests_is_forgotten() -> None:
    crowd = Limits(connections=0, per_address=0, handshakes_per_minute=2)
    for number in range(MAX_ADDRESSES):
        assert crowd.enter(f"{number}", 0.0) is None
        crowd.leave(f"{number}")
    for number in range(MAX_ADDRESSES):
        assert crowd.enter("the only one", 100.0 + 60 * number) is None
        crowd.leave("the only one")
    assert len(crowd) == 1
