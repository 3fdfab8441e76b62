"""A job's log, as its viewers follow it: every line, and then the end."""

import asyncio
from collections.abc import Iterable

from hsi.schemas import EndStatus, JobEnd, JobEndData
from hsi.schemas.close_codes import CloseCode
from hsi.schemas.cursor import Cursor
from hsi.schemas.frames import frame_text
from hsi_service.bus.intake import Finding
from hsi_service.fanout.ordered_topic import OrderedTopic
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import Filter, Source
from services.joblogs.messages import kind_of


class JobTopic(OrderedTopic):
    """A topic that lets its clients go when the job has ended.

    A job with an id that was used before goes on in the same log; so an end is the end only while
    nothing comes after it.
    """

    def __init__(self, channel: str, only: Filter | None, source: Source) -> None:
        self.ended = False
        """The last message that was sent was the job's end."""
        self.heard_at = asyncio.get_running_loop().time()
        """When the job last said something, by the event loop's clock."""
        super().__init__(channel, only, source)

    def take(self, text: str, finding: Finding) -> None:
        """Take a message of the job."""
        self.heard_at = asyncio.get_running_loop().time()
        super().take(text, finding)

    def broadcast(self, texts: Iterable[str], *, replaces: str | None = None) -> None:
        """Send texts to every client."""
        texts = list(texts)
        super().broadcast(texts, replaces=replaces)
        for text in texts:
            kind = kind_of(text)
            if kind not in {"ping", "resumed"}:
                self.ended = kind == "end"

    def flush(self) -> None:
        """Write what this tick brought; let clients go after the end."""
        super().flush()
        if self.ended:
            for peer in self.peers:
                if not peer.held:
                    let_go(peer)

    async def has_ended(self) -> bool:
        """Tell whether the job's end is the last of what a client has been sent by now."""
        if self.ended or self.position.head is None:
            return self.ended
        head = self.position.head
        after = Cursor(head.milliseconds, head.number + 1)
        last = await self._ask(lambda: self._history.before(self.channel, after, 1))
        return bool(last) and last[0].cursor == head and kind_of(last[0].text) == "end"

    async def end_with(self, job_id: str, status: EndStatus) -> None:
        """Send what is outstanding and then an end that the job itself did not send."""
        self.position.mark_stale()
        self.catch_up_if_behind()
        while not self.is_live():
            await self._next_move().wait()
        if not self.ended and not await self.has_ended():
            self.broadcast([frame_text(JobEnd(data=JobEndData(job_id=job_id, status=status)))])
        self.ended = True
        self.flush()


def let_go(peer: Peer) -> None:
    """Close a client that has been sent everything."""
    peer.close(CloseCode.NORMAL, "the job has ended")
