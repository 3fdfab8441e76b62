"""The way to and from Redis: a supervised subscriber and a strict publisher."""

from shared.bus.publisher import Publisher, PublishError
from shared.bus.subscriber import BusState, Subscriber, Subscription

__all__ = ["BusState", "PublishError", "Publisher", "Subscriber", "Subscription"]
