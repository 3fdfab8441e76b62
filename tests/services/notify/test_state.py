"""What is known of a target, as it is kept."""

import msgspec

from services.notify.state import Cooldown, State, Told, tallied
from tests.services.notify.test_messages import message


def test_a_state_is_the_same_after_it_was_kept() -> None:
    state = State(
        told={"7 front_door": Told("high", 1.0)},
        cooldowns={"events front_door": Cooldown("high", 60.0, [message()], 3)},
        waiting=[message(source=b"{}")],
        late=tallied(None, message()),
        tries=2,
        first_tried=5.0,
    )
    kept = msgspec.json.encode(state)
    assert msgspec.json.decode(kept, type=State) == state
    assert msgspec.json.encode(State()) == b"{}"


def test_a_tally_knows_the_gravest_and_the_latest() -> None:
    first, gravest, last = (message(level=level) for level in ("low", "critical", "medium"))
    tally = None
    for one in (first, gravest, last):
        tally = tallied(tally, one, due=9.0)
    assert tally
    assert (tally.count, tally.gravest, tally.latest, tally.due) == (3, gravest, last, 9.0)
    assert tally.since == first.at
