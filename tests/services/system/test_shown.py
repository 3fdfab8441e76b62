"""No slot twice, nothing older after newer, and alone only after silence."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.system.shown import ALONE_AFTER, CERTAIN_AFTER, MAX_HELD, ShownStatuses

INTERVAL = 5.0
SLOT = 100
"""The slot in which each test begins; numbers below are intervals from its beginning on."""


class Replica:
    """What a replica's clients are shown, and at which time; both in intervals."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ahead = 0.0
        """Of Redis' clock, in intervals."""
        self.shown: list[float] = []
        self._statuses = ShownStatuses(
            INTERVAL, clock=lambda: self._moment(self.now), steady=lambda: self.now * INTERVAL
        )

    def _moment(self, at: float) -> float:
        return (SLOT + at + self.ahead) * INTERVAL

    def collects(self, at: float, *, leads: bool = False) -> bool:
        """Do one round; its status is collected at a time."""
        self.now = at
        if self._statuses.is_due(SLOT + int((at + self.ahead) // 1), leads=leads):
            self._statuses.sent(self._moment(at))
            self.shown.append(at)
            return True
        return False

    def hears(self, collected_at: float | None, *, at: float, leads: bool = False) -> bool:
        self.now = at
        moment = None if collected_at is None else self._moment(collected_at)
        if self._statuses.hears(moment, leads=leads):
            self.shown.append(at if collected_at is None else collected_at)
            return True
        return False

    def is_alone(self, *, at: float, certain: bool = True) -> bool:
        self.now = at
        return self._statuses.is_alone(certain=certain)

    def echo(self, *, at: float) -> None:
        self.now = at
        self._statuses.echoed()


def test_where_a_freeze_ends_the_slot_that_was_served_is_not_shown_twice() -> None:
    replica = Replica()
    assert replica.collects(0.1)
    assert not replica.hears(0.2, at=0.3)  # the leader's, of the same slot
    assert replica.hears(1.1, at=1.2)
    assert replica.shown == [0.1, 1.1]


def test_a_slot_that_was_heard_while_it_was_collected_is_not_sent_again() -> None:
    replica = Replica()
    assert replica.hears(0.1, at=0.2)
    assert not replica.collects(0.3)
    assert replica.collects(1.1)


def test_what_a_connection_held_is_not_shown_after_a_newer_one_and_is_no_sign_of_a_leader() -> None:
    replica = Replica()
    assert replica.collects(4.1)
    for held in (1.1, 2.1, 3.1):
        assert not replica.hears(held, at=4.2)
    assert replica.is_alone(at=5.0)  # nothing of now was heard
    assert replica.hears(5.1, at=5.2)
    assert not replica.hears(3.9, at=5.3)


def test_what_is_older_by_far_was_held_by_no_connection_and_is_shown() -> None:
    replica = Replica()
    assert replica.collects(0.1)
    assert replica.hears(-MAX_HELD / INTERVAL, at=0.2)


def test_the_leaders_of_the_same_slot_is_a_sign_of_it_even_if_it_is_a_little_older() -> None:
    replica = Replica()
    assert replica.is_alone(at=4.0, certain=False)
    assert replica.collects(4.2)
    assert not replica.hears(4.1, at=4.3)
    assert not replica.is_alone(at=5.0, certain=False)


def test_while_it_leads_other_producers_statuses_are_shown_as_they_come() -> None:
    replica = Replica()
    assert replica.collects(1.1, leads=True)
    assert replica.hears(-1e6, at=1.2, leads=True)
    assert replica.hears(1.15, at=1.3, leads=True)
    assert not replica.hears(0.9, at=1.4, leads=True)  # the last leader's, that was held
    assert replica.collects(2.1, leads=True)
    assert replica.hears(3.05, at=3.06, leads=True)
    assert replica.collects(3.1, leads=True)  # they cost it no slot
    assert not replica.collects(3.2, leads=True)


def test_who_takes_the_lead_within_a_slot_does_not_send_it_again() -> None:
    replica = Replica()
    assert replica.hears(0.1, at=0.15)
    assert not replica.collects(0.2, leads=False)  # it leads only since
    assert replica.collects(1.1, leads=True)


def test_a_status_without_a_time_is_shown() -> None:
    replica = Replica()
    replica.collects(0.1)
    assert replica.hears(None, at=0.2)


def test_a_clock_that_is_set_back_mutes_nobody() -> None:
    replica = Replica()
    replica.ahead = 6.0
    replica.collects(1.1)
    replica.ahead = 0.0
    for slot in range(2, 5):
        replica.hears(slot + 0.1, at=slot + 0.2)  # older than its own, by the clock as it was
    assert replica.is_alone(at=5.0, certain=False)
    assert replica.collects(5.1)
    assert replica.hears(6.1, at=6.2)


@pytest.mark.parametrize(
    ("certain", "since", "alone"),
    [
        (True, 0.0, False),
        (True, CERTAIN_AFTER - 0.01, False),
        (True, CERTAIN_AFTER, True),
        (False, CERTAIN_AFTER, False),
        (False, ALONE_AFTER - 0.01, False),
        (False, ALONE_AFTER, True),
    ],
)
def test_alone_is_who_heard_nothing_for_long_enough(
    certain: bool, since: float, alone: bool
) -> None:
    replica = Replica()
    replica.hears(9.9, at=10)
    assert replica.is_alone(at=10 + since, certain=certain) is alone
    replica = Replica()
    assert replica.is_alone(at=since, certain=certain) is alone  # it counts from the first client
    replica.echo(at=since)
    assert not replica.is_alone(at=since, certain=certain)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["collects", "hears"]),
            st.floats(0.01, 0.9),
            st.floats(0.0, 4.0),
            st.integers(0, 2),
        ),
        max_size=60,
    )
)
def test_whatever_is_late_no_slot_is_shown_twice_and_nothing_older_after_its_own(
    steps: list[tuple[str, float, float, int]],
) -> None:
    """A leader's statuses come late and in order; the replica serves its own now and then."""
    replica = Replica()
    slot, heard_last, own = 0, -1.0, set()
    for what, part, late, pause in steps:
        slot += pause
        now = max(replica.now, slot + part)
        slot = int(now)
        if what == "collects":
            if replica.collects(now):
                own.add(now)
        else:
            # One a slot, each later than the one before.
            collected = max(float(int(now - late)) + 0.005, 0.0)
            if int(collected) > heard_last:
                heard_last = int(collected)
                replica.hears(collected, at=now)
    for before, after in itertools.pairwise(replica.shown):
        if before in own:
            assert after > before
            assert int(after) > int(before)
