"""What is known of the history of events."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.schemas.cursor import Cursor
from hsi_service.bus.known import Chain, Look, has_lost, known_since

NOW = 10_000


def look(*numbers: int, since: int | None = 100, counted: int | None = None) -> Look:
    """Return a look at a history of these messages, each at a thousand times its number."""
    cursors = [Cursor(1000 * number, number) for number in numbers]
    last = cursors[-1] if cursors else None
    counted = last.number if last and counted is None else counted
    return Look(NOW, since, counted, cursors[0] if cursors else None, last, len(cursors))


def chain(seen: Look, *numbers: int) -> Chain:
    found = Chain(seen.counted)
    for number in numbers:
        found.take(Cursor(1000 * number, number))
    return found


@pytest.mark.parametrize(
    ("seen", "since"),
    [
        (look(1, 2, 3), 100),
        (look(), 100),  # nothing was ever published
        (look(1, 2, 3, since=None), None),
        (look(since=None), None),  # an empty stream without a mark knows nothing
        (look(counted=3), None),  # all three were deleted
        (look(3, 4, 5), 3001),  # trimmed
        (look(3, 4, 5, since=4500), 4500),
        (look(1, 3), None),  # one was deleted
        (look(1, 2, counted=3), None),  # the last one was deleted
        (look(1, 2, 3)._replace(counted=None), None),  # nobody has counted
    ],
)
def test_a_history_is_known_since_its_mark_or_its_oldest_message(
    seen: Look, since: int | None
) -> None:
    assert known_since(seen, chain(seen)) == since


def test_where_one_is_missing_what_was_read_behind_it_is_known() -> None:
    seen = look(1, 3, 4, 5)
    assert known_since(seen, chain(seen, 5, 4, 3)) == 3001
    assert known_since(seen, chain(seen, 5, 4, 3, 1)) == 3001
    assert known_since(seen, chain(seen, 4, 3)) is None  # the newest was not read


def test_what_somebody_appended_by_hand_hides_nothing() -> None:
    seen = look(1, 2, 3)._replace(length=4)
    assert not seen.is_gapless()
    found = Chain(seen.counted)
    for cursor in (Cursor(3000, 3), Cursor(2500, 0), Cursor(2000, 2), Cursor(1000, 1)):
        found.take(cursor)
    assert known_since(seen, found) == 100


@pytest.mark.parametrize(
    ("seen", "known", "lost"),
    [
        (look(1, 2, 3), None, False),  # none is known
        (look(), Cursor(3000, 3), True),  # wiped
        (look(1, 2), Cursor(3000, 3), True),  # rolled back
        (look(4, 5), Cursor(3000, 3), False),  # trimmed
        (look(1, 3), Cursor(2000, 2), True),  # deleted
        (look(1, 2), Cursor(900, 7), True),  # wiped, and begun again
    ],
)
def test_what_is_missing_and_was_not_trimmed_is_lost(
    seen: Look, known: Cursor | None, *, lost: bool
) -> None:
    assert has_lost(seen, known, found=False) is lost
    assert not has_lost(seen, known, found=True)


@given(
    st.lists(st.integers(1, 8), unique=True).map(sorted),
    st.integers(0, 8),
    st.integers(0, 9000),
)
def test_nothing_is_claimed_for_a_window_in_which_a_message_is_missing(
    kept: list[int], counted: int, start: int
) -> None:
    """Whatever was deleted or trimmed, and however far somebody has read."""
    kept = [number for number in kept if number <= counted]
    missing = [number for number in range(1, counted + 1) if number not in kept]
    seen = look(*kept, counted=counted)
    for first, read in combinations_with_replacement(range(len(kept) + 1), 2):
        # A period may end before the newest message: then reading begins there.
        since = known_since(seen, chain(seen, *kept[::-1][first:read]))
        if since is not None and since <= start:
            assert not [number for number in missing if 1000 * number >= start]
