"""A job's log, as its viewers follow it: every line, and then the end."""

import asyncio
from collections.abc import Iterable

from hsi.redis_client import look_up_again
from hsi.schemas import EndStatus, JobEnd, JobEndData
from hsi.schemas.close_codes import CloseCode
from hsi.schemas.cursor import Cursor
from hsi.schemas.frames import frame_text
from hsi_service.bus.intake import Filter, Message, examined
from hsi_service.fanout.feed import Source
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import OrderedTopic


class JobTopic(OrderedTopic):
    """A topic that lets its clients go when the job has ended.

    A job with an id that was used before goes on in the same log; so an end is the end only while
    nothing comes after it.
    """

    tells_of_redis = False

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        super().__init__(channel, only, source)
        self.ended = False
        """The last message that was sent was the job's end."""
        self.heard_at = asyncio.get_running_loop().time()
        """When the job last logged something, in seconds of the event loop's clock."""
        self._looked_at: tuple[Cursor, bool] | None = None
        """A message of the log, and whether it is the job's end."""

    def broadcast(self, messages: Iterable[Message], *, replaces: str | None = None) -> None:
        """Send messages to every client, and note whether the last one is the job's end."""
        messages = [examined(message) for message in messages]
        super().broadcast(messages, replaces=replaces)
        for message in messages:
            if message.type not in {"ping", "resumed"}:
                self.heard_at = asyncio.get_running_loop().time()
                self.ended = message.type == "end"

    def flush(self) -> None:
        """Write what waits, now; let clients go after the end."""
        super().flush()
        if self.ended:
            for peer in self.peers:
                if not peer.held:
                    let_go(peer)

    async def has_ended(self) -> bool:
        """Return whether the job's end is the last message that a client has been sent."""
        if self.ended or self.position.head is None:
            return self.ended
        head = self.position.head
        if self._looked_at and self._looked_at[0] == head:
            return self._looked_at[1]
        last = await self.history.before(Cursor(head.milliseconds, head.number + 1), 1)
        if not last or last[0].cursor != head:
            return False
        self._looked_at = head, examined(Message(last[0].text)).type == "end"
        return self._looked_at[1]

    async def end_with(self, job_id: str, status: EndStatus) -> None:
        """Send the outstanding lines, and then an end that the job itself did not send."""
        look_up_again()  # Else the state may be the new server's, and the log the old one's.
        self.subscribed()
        await self.caught_up()
        if not self.ended and not await self.has_ended():
            end = JobEnd(data=JobEndData(job_id=job_id, status=status))
            self.broadcast([Message(frame_text(end), "end", end)])
        self.ended = True
        self.flush()


def let_go(peer: Peer) -> None:
    """Close a client that has been sent everything."""
    peer.close(CloseCode.NORMAL, "the job has ended")
