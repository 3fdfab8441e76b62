"""The way to and from Redis: a supervised subscriber, a strict publisher, the history."""

from shared.bus.history import History
from shared.bus.publisher import Published, Publisher, PublishError, TooManyWaitingError
from shared.bus.subscriber import BusState, Guard, Subscriber, Subscription

__all__ = [
    "BusState",
    "Guard",
    "History",
    "PublishError",
    "Published",
    "Publisher",
    "Subscriber",
    "Subscription",
    "TooManyWaitingError",
]
