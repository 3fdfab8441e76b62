"""What was asked of Redis over one connection, and what it has confirmed. Pure, no I/O."""

from collections import Counter
from collections.abc import Iterable


class Subscriptions:
    """Knows which channels are heard, from the commands sent and the answers got."""

    def __init__(self) -> None:
        self.names: set[bytes] = set()
        """Channels asked for, heard or not yet."""
        self._unanswered: Counter[bytes] = Counter()

    def subscribing(self, names: Iterable[bytes]) -> None:
        """Take note of a SUBSCRIBE that is about to be sent."""
        self.names.update(names)
        # Counted, because a channel can be left and joined again before Redis answers: only the
        # last SUBSCRIBE's answer means that the channel is heard now.
        self._unanswered.update(names)

    def unsubscribing(self, names: Iterable[bytes]) -> None:
        """Take note of an UNSUBSCRIBE that is about to be sent."""
        self.names.difference_update(names)

    def answered(self, name: bytes) -> None:
        """Take note of Redis' answer to a SUBSCRIBE."""
        if self._unanswered[name] > 1:
            self._unanswered[name] -= 1
        else:
            del self._unanswered[name]

    def confirmed(self, name: bytes) -> bool:
        """Tell whether messages on this channel reach us."""
        return name in self.names and name not in self._unanswered

    def complete(self, wanted: Iterable[bytes]) -> bool:
        """Tell whether that is so for all of these."""
        return all(map(self.confirmed, wanted))
