"""How a client that wants older messages comes to where its topic is: one page after the other.

Meanwhile the client is held: what its topic broadcasts waits in the client's own queue. Each page
is read when the one before has been sent, since it may be more than may wait for a client.
"""

from hsi.schemas.close_codes import CloseCode
from hsi.schemas.cursor import BEGINNING, Cursor
from hsi_service.bus.continuity import Replay, has_gone_back, resumed
from hsi_service.bus.history import next_count
from hsi_service.bus.intake import Message
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.topic import OrderedTopic


async def resume(topic: OrderedTopic, peer: Peer, since: str) -> None:
    """Bring a held client from its cursor to the topic's position, and let it join.

    Waits for Redis as long as it takes.

    Args:
        topic: What the client listens to.
        peer: The client.
        since: The cursor of the last message that it has, as it sent it.

    """
    await topic.ready()
    if cursor := Cursor.parse(since):
        await topic.reached(cursor)
        if cursor != BEGINNING and not await topic.history.has(cursor):
            head = topic.position.head  # Of now: it goes on while Redis is asked.
            if has_gone_back(await topic.history.last(), head):
                # Wiped or rolled back: let the topic find out before this client joins it, or the
                # client would be told of the same loss twice.
                topic.subscribed()
                await topic.caught_up()
    replay = Replay(since=since, until=topic.position.head)
    topic.join(peer)
    count = 1
    while not replay.done:
        page = await topic.history.read(replay.after, count)
        count = next_count(page.entries)
        _send(topic, peer, replay.page(page))
        if replay.outrun:
            peer.close(CloseCode.TOO_SLOW, "slower than the history is long: come back")
            return
        await peer.drained()
    peer.release()


async def begin_with_the_last(topic: OrderedTopic, peer: Peer, count: int) -> None:
    """Send a held client the last messages and a first heartbeat, and let it join.

    Args:
        topic: What the client listens to.
        peer: The client.
        count: How many messages at most, of those that its filter lets through.

    """
    await topic.ready()
    topic.join(peer)
    head, heartbeat = topic.position.head, topic.heartbeat()
    if head and count:
        # The beginning is found on the way back; the messages are sent on the way forth.
        after, size = await _before_the_last(topic, head, count), 1
        sent: Cursor | None = None
        while after is None or after < head:
            page = await topic.history.read(after, size)
            if sent and not page.found:
                # Trimmed faster than the client could follow: what is missing is missing here.
                missing = resumed(recovered=False, replayed=page.remaining, since=sent)
                peer.send(missing.text)
            entries = [entry for entry in page.entries if entry.cursor <= head]
            if not entries:
                break
            _send(topic, peer, [Message(entry.text) for entry in entries])
            sent = after = entries[-1].cursor
            size = next_count(entries)
            await peer.drained()
    peer.send(heartbeat.text)
    peer.release()


async def _before_the_last(topic: OrderedTopic, head: Cursor, count: int) -> Cursor | None:
    """Return the cursor before the last `count` messages for a client; None: there is none."""
    first, size = Cursor(head.milliseconds, head.number + 1), 1
    while count >= 0:
        entries = await topic.history.before(first, size)
        if not entries:
            return None
        for entry in entries:
            first = entry.cursor
            if topic.only is None or topic.only(Message(entry.text)):
                count -= 1
            if count < 0:
                break
        size = next_count(entries)
    return first


def _send(topic: OrderedTopic, peer: Peer, messages: list[Message]) -> None:
    peer.send(*(message.text for message in filter(topic.only, messages)))
