"""Which events a replica's history tells of, and which message of each is the last.

The history is in the order of arrival, so who reads an old part of it cannot see what was told
since. All of it is read once, by the first who asks, and then what is new: a look-up answers for
every page and every period.
"""

from hsi.schemas.cursor import Cursor
from hsi_service.bus.history import next_count
from hsi_service.shared_answers import SharedAnswers
from hsi_service.skeleton.service import Service
from services.events.seam import Told

_FIRST_COUNT = 50


class Tellings:
    """What the history tells of. One per replica."""

    def __init__(self, service: Service, channel: str) -> None:
        """Read on first use.

        Args:
            service: The replica.
            channel: Of events.

        """
        self._history = service.history
        self._channel = channel
        self._told = Told()
        self._reads: SharedAnswers[None, None] = SharedAnswers()

    async def told(self, first: Cursor | None) -> Told:
        """Return which events the history tells of, as of now; one reads for all who ask meanwhile.

        Args:
            first: The history's oldest entry; None: it has none.

        Raises:
            RedisError: Redis cannot be read.
            OSError: The same.

        """
        await self._reads.ask(None, self._read)
        self._told.forget(first)
        return self._told

    async def _read(self) -> None:
        told, count = self._told, _FIRST_COUNT
        while True:
            page = await self._history.read(self._channel, told.head, count)
            if not page.found and told.head is not None:
                told.clear()
            for entry in page.entries:
                told.take(*entry)
            if page.ends:
                break
            count = next_count(page.entries)
