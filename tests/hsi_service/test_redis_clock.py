"""Redis' time: whatever the machine's clock says, and never back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.redis_clock import MAX_SLEW, MAX_SLEWED, RedisClock

YEAR = 1_700_000_000.0


class Machine:
    """A machine's two clocks, and Redis' beside them."""

    def __init__(self, *, ahead: float = 0.0) -> None:
        self.steady = 50.0
        self.ahead = ahead
        self.redis_ahead = 0.0
        self.clock = RedisClock(steady=lambda: self.steady, wall=lambda: self.wall)

    @property
    def wall(self) -> float:
        return YEAR + self.steady + self.ahead

    @property
    def redis(self) -> float:
        return YEAR + self.steady + self.redis_ahead

    def measure(self, *, there: float = 0.0, back: float = 0.0) -> None:
        """Ask Redis; the question and the answer take these seconds."""
        asked_at = self.steady
        self.steady += there
        said = self.redis
        self.steady += back
        self.clock.measured(said, asked_at=asked_at, answered_at=self.steady)

    def off(self) -> float:
        """Return how far its clock is from Redis'."""
        return self.clock() - self.redis


def test_until_it_is_measured_it_is_this_machines_time() -> None:
    machine = Machine(ahead=20)
    assert machine.clock() == machine.wall
    assert machine.clock.skew is None
    assert machine.clock.new_skew() is None


@pytest.mark.parametrize("ahead", [20.25, -20.25, 0.0, 86_400.0])
def test_a_machine_whose_clock_is_wrong_has_redis_time_from_the_first_answer_on(
    ahead: float,
) -> None:
    machine = Machine(ahead=ahead)
    machine.measure()
    assert machine.off() == pytest.approx(0, abs=1e-6)
    assert machine.clock.skew == pytest.approx(ahead, abs=1e-6)
    machine.steady += 3600
    assert machine.off() == pytest.approx(0, abs=1e-6)
    assert machine.clock.now() == datetime.fromtimestamp(machine.clock(), UTC)


def test_a_clock_of_the_machine_that_is_set_moves_nothing() -> None:
    machine = Machine()
    machine.measure()
    for ahead in (-3600.0, 3600.0):
        machine.ahead = ahead
        assert machine.off() == pytest.approx(0, abs=1e-6)
    machine.measure()
    assert machine.clock.skew == pytest.approx(3600, abs=1e-6)


@pytest.mark.parametrize("step", [1.0, -1.0, 20.0, -20.0])
def test_what_redis_clock_differs_by_later_is_slewed(step: float) -> None:
    machine = Machine()
    machine.measure()
    machine.redis_ahead = step
    machine.measure()
    assert machine.off() == pytest.approx(-step, abs=1e-6)
    before = machine.clock()
    machine.steady += 1
    gone = machine.clock() - before
    assert gone == pytest.approx(1 + (MAX_SLEW if step > 0 else -MAX_SLEW), abs=1e-6)
    machine.steady += abs(step) / MAX_SLEW
    assert machine.off() == pytest.approx(0, abs=1e-6)


def test_what_would_take_too_long_is_stepped() -> None:
    machine = Machine()
    machine.measure()
    machine.redis_ahead = -MAX_SLEWED - 1
    machine.measure()
    assert machine.off() == pytest.approx(0, abs=1e-6)


def test_without_redis_what_was_measured_last_holds() -> None:
    machine = Machine(ahead=20)
    machine.measure()
    machine.ahead = -500
    machine.steady += 7200
    assert machine.off() == pytest.approx(0, abs=1e-6)


def test_an_answer_that_took_long_moves_nothing() -> None:
    machine = Machine()
    machine.measure()
    for there, back in ((5.0, 0.0), (0.0, 5.0)):
        machine.measure(there=there, back=back)
        machine.steady += 100
        assert machine.off() == pytest.approx(0, abs=1e-6)


def test_a_first_answer_that_took_long_is_corrected_by_a_quick_one() -> None:
    machine = Machine()
    machine.measure(there=4.0)
    assert machine.off() == pytest.approx(2, abs=1e-6)
    machine.measure()
    machine.steady += 2 / MAX_SLEW
    assert machine.off() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("skews", "told"),
    [
        ([1.9, -1.9, 0.0], []),
        ([2.1, 2.2, 300.0, -40.0], [2.1]),
        ([2.1, 1.9, 2.1], [2.1]),
        ([-2.1, 0.5, 2.1], [-2.1, 2.1]),
    ],
)
def test_a_skew_is_told_once_while_it_lasts(skews: list[float], told: list[float]) -> None:
    machine = Machine()
    found = []
    for machine.ahead in skews:
        machine.measure()
        found.append(machine.clock.new_skew())
    assert [skew for skew in found if skew is not None] == pytest.approx(told, abs=1e-3)


@given(
    st.floats(-30, 30),
    st.lists(
        st.tuples(
            st.floats(0, 10),
            st.floats(-25, 25),
            st.floats(-1e6, 1e6),
            st.floats(0, 3),
            st.floats(0, 3),
        ),
        max_size=30,
    ),
)
def test_it_never_goes_back_nor_much_faster_or_slower_than_time(
    ahead: float, steps: list[tuple[float, float, float, float, float]]
) -> None:
    machine = Machine(ahead=ahead)
    machine.measure()
    steady, time = machine.steady, machine.clock()
    for pause, redis_ahead, wall_ahead, there, back in steps:
        machine.steady += pause
        machine.redis_ahead, machine.ahead = redis_ahead, wall_ahead
        machine.measure(there=there, back=back)
        passed, gone = machine.steady - steady, machine.clock() - time
        assert passed * (1 - MAX_SLEW) - 1e-5 <= gone <= passed * (1 + MAX_SLEW) + 1e-5
        steady, time = machine.steady, machine.clock()
