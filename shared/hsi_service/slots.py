"""Slots: time, cut into intervals that begin at their multiples. Pure.

By the clock that all replicas share they have the same slots, with the same numbers.
"""


def slot_of(time: float, interval: float) -> int:
    """Return the number of the slot in which a time lies; both in seconds."""
    return int(time // interval)


def due_after(now: float, interval: float) -> float:
    """Return the first moment after `now` at which a slot begins; both in seconds."""
    return (now // interval + 1) * interval
