"""Pages that clients share: as few reads as there are pages, and the same answers as without."""

import asyncio
import json
from bisect import bisect_right
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from hsi.publisher import Publisher
from hsi.schemas import Log, channels
from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import PAGE_SIZE, Entry, Page
from hsi_service.bus.history import ChannelHistory, History
from hsi_service.bus.intake import Filter, Message, examined
from hsi_service.fanout import pages as module
from hsi_service.fanout.pages import Pages
from hsi_service.fanout.shared_page import Part
from tests.clients import golden


class Counted(ChannelHistory):
    """A history that counts how often Redis is asked."""

    reads = 0
    asked = 0

    async def read(self, after: Cursor | None, count: int) -> Page:
        self.reads += 1
        return await super().read(after, count)

    async def has(self, cursor: Cursor) -> bool:
        self.asked += 1
        return await super().has(cursor)

    async def before(self, cursor: Cursor, count: int) -> list[Entry]:
        self.reads += 1
        return await super().before(cursor, count)


@pytest.fixture
async def history(redis_url: str, channel: str) -> AsyncIterator[Counted]:
    source = History(redis_url, name="test")
    yield Counted(source, channel)
    await source.aclose()


async def publish(redis_url: str, channel: str, numbers: range, size: int = 100) -> list[Cursor]:
    """Publish lines of a log; every tenth is an error."""
    messages = []
    for number in numbers:
        line = json.loads(golden("log"))
        line["data"] |= {"level": "INFO" if number % 10 else "ERROR", "message": "x" * size}
        messages.append(json.dumps(line).encode())
    cursors: list[Cursor] = []
    async with Publisher(redis_url) as publisher:
        for one in await publisher.publish_many(channel, messages):
            cursor = Cursor.parse(one.cursor)
            assert cursor
            cursors.append(cursor)
    return cursors


async def walk(
    pages: Pages, history: ChannelHistory, after: Cursor | None, until: Cursor
) -> list[Cursor]:
    """Return what a client is sent from one page after the other."""
    found: list[Cursor] = []
    while after is None or after < until:
        part = await pages.after(history, after, until)
        entries = part.page.entries[: part.page.upto(until)]
        if not entries:
            break
        found += [entry.cursor for entry in entries]
        after = found[-1]
    return found


def errors(message: Message) -> bool:
    body = examined(message).body
    return isinstance(body, Log) and body.data.level == "ERROR"


def frames(pages: Pages, part: Part) -> object:
    return pages.batch(part, len(part.page.entries), None)


async def test_however_many_replay_a_history_each_page_is_read_once_and_framed_once(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(300), size=5000)
    pages = Pages()
    walks = [walk(pages, history, None, cursors[-1]) for _ in range(200)]
    assert all(found == cursors for found in await asyncio.gather(*walks))
    assert history.reads <= 300 * 5300 // PAGE_SIZE + 3
    parts = [await pages.after(history, cursors[99], cursors[-1]) for _ in range(3)]
    assert len({id(frames(pages, part)) for part in parts}) == 1


async def test_clients_that_were_cut_off_at_about_the_same_time_share_what_they_missed(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(200))
    pages = Pages()
    assert await walk(pages, history, cursors[50], cursors[-1]) == cursors[51:]
    reads = history.reads
    for number in range(50, 200):
        assert await walk(pages, history, cursors[number], cursors[-1]) == cursors[number + 1 :]
    # The one that has everything asks whether there is more.
    assert history.reads - reads <= 1


async def test_while_messages_come_a_page_is_read_again_once_for_all_and_stays_whole(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(20))
    pages = Pages()
    for _ in range(20):
        cursors += await publish(redis_url, channel, range(3))
        for since in (5, 15, len(cursors) - 2, len(cursors) - 5):
            found = await walk(pages, history, cursors[since], cursors[-1])
            assert found == cursors[since + 1 :]
    # Not a row of tiny pages, one for each of those who asked.
    parts, after = 0, cursors[5]
    while after < cursors[-1]:
        part = await pages.after(history, after, cursors[-1])
        after = part.page.entries[-1].cursor
        parts += 1
    assert parts <= 3
    assert history.reads <= 20 * 2 + 2


async def test_a_page_is_no_larger_than_it_should_be_unless_its_one_message_is(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(50), size=10)
    for size in (200_000, 100_000, 60_000, 60_000, 60_000, 250_000, 10):
        cursors += await publish(redis_url, channel, range(1), size=size)
    pages = Pages()
    assert await walk(pages, history, None, cursors[-1]) == cursors
    after = None
    while after is None or after < cursors[-1]:
        part = await pages.after(history, after, cursors[-1])
        after = part.page.entries[-1].cursor
        size = sum(len(entry.text) for entry in part.page.entries)
        assert size <= PAGE_SIZE or len(part.page.entries) == 1


async def test_pages_take_no_more_memory_than_they_may_and_none_when_they_are_old(
    redis_url: str, channel: str, history: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 2 * 1024 * 1024)
    cursors = await publish(redis_url, channel, range(400), size=10_000)
    pages = Pages()
    after = None
    while after is None or after < cursors[-1]:
        part = await pages.after(history, after, cursors[-1])
        frames(pages, part)
        pages.batch(part, len(part.page.entries), errors)
        assert 0 < pages.size <= module.MAX_BYTES
        after = part.page.entries[-1].cursor
    pages.expire(asyncio.get_running_loop().time() + module.MAX_AGE + 1)
    assert pages.size == 0


async def test_a_page_counts_what_is_deflated_of_it_once(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(4), size=1000)
    pages = Pages()
    part = await pages.after(history, None, cursors[-1])
    frames(pages, part)
    plain = pages.size
    batches = {pages.batch(part, 4, None, deflated=True) for _ in range(3)}
    (batch,) = batches
    assert batch
    assert batch.deflated
    assert pages.size == plain + batch.deflated.memory


async def test_a_filter_looks_at_each_message_once_for_all_clients(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(200))
    looked = 0

    def counted(message: Message) -> bool:
        nonlocal looked
        looked += 1
        return errors(message)

    pages = Pages()

    async def filtered() -> list[str]:
        texts: list[str] = []
        after = None
        while after is None or after < cursors[-1]:
            part = await pages.after(history, after, cursors[-1])
            batch = pages.batch(part, len(part.page.entries), counted)
            texts += batch.texts if batch else []
            after = part.page.entries[-1].cursor
        return texts

    results = await asyncio.gather(*(filtered() for _ in range(100)))
    assert all(len(texts) == 20 and '"ERROR"' in texts[0] for texts in results)
    assert looked == 200


@pytest.mark.parametrize("only", [None, errors])
async def test_where_the_last_messages_begin_is_found_once_and_then_only_counted_on(
    redis_url: str, channel: str, history: Counted, only: Filter | None
) -> None:
    cursors = await publish(redis_url, channel, range(500))
    pages = Pages()

    def expected(count: int, head: Cursor) -> Cursor | None:
        upto = bisect_right(cursors, head)
        passing = [c for n, c in enumerate(cursors[:upto]) if only is None or n % 10 == 0]
        return passing[-count - 1] if len(passing) > count else None

    async def found(count: int, head: Cursor) -> Cursor | None:
        cursor, _ = await pages.before_the_last(history, head, count, only)
        return cursor

    many = await asyncio.gather(*(found(30, cursors[-1]) for _ in range(100)))
    assert set(many) == {expected(30, cursors[-1])}
    reads = history.reads
    assert reads <= 4
    for _ in range(10):
        cursors += await publish(redis_url, channel, range(10))
        for count in (1, 10, 30, 31):
            assert await found(count, cursors[-1]) == expected(count, cursors[-1])
            # One that asks for where its topic was a moment ago is told of then.
            assert await found(count, cursors[-4]) == expected(count, cursors[-4])
    assert history.reads - reads <= 2 * 10
    for count in (200, 1000, 64, 63):
        assert await found(count, cursors[-1]) == expected(count, cursors[-1])


async def test_what_was_known_of_a_history_that_was_wiped_answers_nobody(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(5))
    pages = Pages()
    await walk(pages, history, None, cursors[-1])
    await pages.before_the_last(history, cursors[-1], 3, None)
    await pages.verify(history)
    reads = history.reads
    assert await walk(pages, history, None, cursors[-1]) == cursors
    assert history.reads == reads
    async with Redis.from_url(redis_url) as redis:
        await redis.delete(channels.history(channel), channels.number(channel))
    later = await publish(redis_url, channel, range(9))
    await pages.verify(history)
    assert await walk(pages, history, None, later[-1]) == later
    cursor, _ = await pages.before_the_last(history, later[-1], 3, None)
    assert cursor == later[5]


async def test_a_history_that_ends_before_its_topic_does_is_told_to_all_and_kept_for_nobody(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(9))
    async with Redis.from_url(redis_url) as redis:
        await redis.delete(channels.history(channel), channels.number(channel))
    later = await publish(redis_url, channel, range(2))
    pages = Pages()
    parts = await asyncio.gather(*(pages.after(history, None, cursors[-1]) for _ in range(5)))
    assert {part.page.last for part in parts} == {later[-1]}
    parts = [await pages.after(history, None, cursors[-1])]
    assert {part.page.last for part in parts} == {later[-1]}
    assert pages.size == 0


async def test_a_cursor_that_was_trimmed_is_lost_whatever_was_read_before(
    redis_url: str, channel: str, history: Counted
) -> None:
    cursors = await publish(redis_url, channel, range(9))
    pages = Pages()
    assert await walk(pages, history, cursors[1], cursors[-1]) == cursors[2:]
    async with Redis.from_url(redis_url) as redis:
        await redis.xtrim(channels.history(channel), maxlen=5, approximate=False)
    parts = [await pages.after(history, cursors[1], cursors[-1], lost=True) for _ in range(3)]
    assert [part.page.found for part in parts] == [False] * 3
    assert [entry.cursor for entry in parts[0].page.entries] == cursors[4:]
    reads = history.reads
    assert reads <= 4
    asked = [pages.has(history, cursors[1]) for _ in range(500)]
    assert set(await asyncio.gather(*asked)) == {False}
    assert history.asked == 1
