"""How a client that wants older messages comes to where its topic is: one page after the other.

Meanwhile the client is held: what its topic broadcasts waits in the client's own queue. Each page
is sent when the one before has been taken, since all may be more than may wait for a client; and
when its address may be sent more of histories: what it was sent is charged to it.
"""

import asyncio

from hsi.schemas.close_codes import CloseCode
from hsi.schemas.cursor import BEGINNING, Cursor
from hsi_service.bus.continuity import Replay, has_gone_back, resumed
from hsi_service.bus.intake import Message
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.peer import Peer
from hsi_service.fanout.shared_page import Part
from hsi_service.fanout.topic import OrderedTopic

PAGE_COST = 300e-6
"""Seconds, about, that it takes to write a page to a client, most of them the kernel's.

All who wait for the same page have it at once, and would be written it before anything else.
"""


MAX_AT_ONCE = 64 * 1024
"""Bytes of a history that a client is sent in one go with the answer to its handshake."""


def resume_at_once(topic: OrderedTopic, peer: Peer, since: str) -> bool:
    """Do what `resume` does, where nothing has to be waited for: in a storm, for most clients.

    Returns:
        Whether it did. If not, nothing has happened.

    """
    cursor = Cursor.parse(since)
    if (
        cursor is None
        or not topic.is_ready()
        or topic.position.is_before(cursor)
        or not topic.pages.had(topic.history, cursor)
        or peer.account.replays.wait(asyncio.get_running_loop().time())
    ):
        return False
    replay = Replay(since=since, until=topic.position.head, confirmed=topic.position.confirmed)
    passing = _count_at_once(topic, replay.after, replay.until) if topic.only else None
    batches: list[Batch] = []
    size = 0
    while not replay.done:
        part = topic.pages.find(topic.history, replay.after, replay.until)
        if part is None or size > MAX_AT_ONCE:
            return False
        step = replay.page(part.page, passing=passing)
        if replay.outrun:
            return False
        more = _batches(topic, peer, part, step.upto, step.told)
        size += sum(batch.size for batch in more)
        batches += more
    topic.join(peer)
    _charge(peer, size)
    peer.send_batches(*batches)
    peer.release()
    return True


async def resume(topic: OrderedTopic, peer: Peer, since: str) -> None:
    """Bring a held client from its cursor to the topic's position, and let it join.

    Waits for Redis as long as it takes.

    Args:
        topic: What the client listens to.
        peer: The client.
        since: The cursor of the last message that it has, as it sent it.

    """
    await topic.ready()
    lost = False
    if cursor := Cursor.parse(since):
        await topic.reached(cursor)
        lost = cursor != BEGINNING and not await topic.pages.has(topic.history, cursor)
        if lost:
            head = topic.position.head  # Of now: it goes on while Redis is asked.
            if has_gone_back(await topic.history.last(), head):
                # Wiped or rolled back: let the topic find out before this client joins it, or the
                # client would be told of the same loss twice.
                topic.feed.compare(None, differs=True)
                await topic.caught_up()
    until = topic.position.head
    replay = Replay(since=since, until=until, confirmed=topic.position.confirmed)
    topic.join(peer)
    passing = None
    if topic.only:
        passing = await _count(topic, peer, replay.after, until, lost=lost)
    while not replay.done and not peer.closing:
        await _turn(peer)
        part = await topic.pages.after(topic.history, replay.after, until, lost=lost)
        await topic.pages.turns.turn(PAGE_COST)
        step = replay.page(part.page, passing=passing)
        if replay.outrun:
            peer.close(CloseCode.TOO_SLOW, "slower than the history is long: come back")
            return
        _send(topic, peer, part, step.upto, step.told)
        lost = False
        del part  # It would stay in memory while the client takes it.
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
        await _turn(peer)
        after, cost = await topic.pages.before_the_last(topic.history, head, count, topic.only)
        _charge(peer, cost)
        sent: Cursor | None = None
        while (after is None or after < head) and not peer.closing:
            await _turn(peer)
            part = await topic.pages.after(topic.history, after, head)
            await topic.pages.turns.turn(PAGE_COST)
            page, missing = part.page, None
            if sent and not page.found:
                # Trimmed faster than the client could follow: what is missing is missing here.
                missing = resumed(recovered=False, replayed=page.remaining, since=sent)
            upto = page.upto(head)
            _send(topic, peer, part, upto, missing)
            if not upto:
                break
            sent = after = page.entries[upto - 1].cursor
            del part, page  # They would stay in memory while the client takes them.
            await peer.drained()
    if heartbeat:
        peer.send(heartbeat.text)
    peer.release()


async def _count(
    topic: OrderedTopic, peer: Peer, after: Cursor | None, until: Cursor | None, *, lost: bool
) -> int:
    """Count what a client's filter lets through: it is told before the first of them.

    The pages are kept for a while, so that to send them reads few of them again.
    """
    count = 0
    while until and (after is None or after < until) and not peer.closing:
        await _turn(peer)
        part = await topic.pages.after(topic.history, after, until, lost=lost)
        await topic.pages.turns.turn(PAGE_COST)
        _charge(peer, part.cost)
        lost = False
        upto = part.page.upto(until)
        if not upto:
            break
        count += part.passing(upto, topic.only)
        after = part.page.entries[upto - 1].cursor
    return count


def _count_at_once(topic: OrderedTopic, after: Cursor | None, until: Cursor | None) -> int:
    """Count the same, of the pages that are there."""
    count = 0
    while until and (after is None or after < until):
        part = topic.pages.find(topic.history, after, until)
        upto = part.page.upto(until) if part else 0
        if part is None or not upto:
            break
        count += part.passing(upto, topic.only)
        after = part.page.entries[upto - 1].cursor
    return count


async def _turn(peer: Peer) -> None:
    """Wait until a client's address may be sent more of histories."""
    clock = asyncio.get_running_loop().time
    while True:
        pause = peer.account.replays.wait(clock())
        if not pause:
            return
        await asyncio.sleep(pause)


def _charge(peer: Peer, size: int) -> None:
    peer.account.charge(size, asyncio.get_running_loop().time())


def _send(topic: OrderedTopic, peer: Peer, part: Part, count: int, told: Message | None) -> None:
    """Send a client what it is told, and the first entries of a part; charge it for them."""
    batches = _batches(topic, peer, part, count, told)
    _charge(peer, part.cost + sum(batch.size for batch in batches))
    peer.send_batches(*batches)


def _batches(
    topic: OrderedTopic, peer: Peer, part: Part, count: int, told: Message | None
) -> list[Batch]:
    batches = [Batch([told.text])] if told else []
    if count and (batch := topic.pages.batch(part, count, topic.only, deflated=peer.deflates)):
        batches.append(batch)
    return batches
