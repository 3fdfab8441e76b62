"""The heart, as a model: any mix of faults, and no client loses, doubles or reorders anything.

The oracle is a plain list: what was published, in order. Redis' history, its pub/sub, two replicas
and their clients are played out step by step around the real `Position` and `Replay`.
"""

import json
import time
from collections import deque
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from hsi.schemas.cursor import BEGINNING, Cursor, cursor_of, stamped, unstamped
from hsi_service.bus import continuity
from hsi_service.bus.continuity import Entry, Page
from hsi_service.bus.intake import Message

PAGE = 3


def texts_of(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


class Position(continuity.Position):
    """A position that is fed texts, and gives texts."""

    def hears(self, text: str) -> list[str]:
        return texts_of(self.hear(Message(text)))

    def catches_up(self, page: Page) -> list[str]:
        return texts_of(self.catch_up(page))


class Replay(continuity.Replay):
    """A replay that gives texts."""

    def replays(self, page: Page) -> list[str]:
        step = self.page(page)
        told = [step.told.text] if step.told else []
        return told + [entry.text for entry in page.entries[: step.upto]]


class Redis:
    """A history, and who is subscribed."""

    def __init__(self) -> None:
        self.clock = 1_000
        self.history: list[Entry] = []
        self.trimmed = False
        self.saved: list[Entry] = []

    def publish(self, body: str) -> Entry:
        self.clock += 1
        number = self.history[-1].cursor.number + 1 if self.history else 1
        cursor = Cursor(self.clock, number)
        entry = Entry(cursor, stamped(cursor, body))
        self.history.append(entry)
        return entry

    def read(self, after: Cursor | None) -> Page:
        cursors = [entry.cursor for entry in self.history]
        if after is None:
            found, start = not cursors or cursors[0].number == 1, 0
        elif after in cursors:
            found, start = True, cursors.index(after) + 1
        else:
            found, start = False, 0
        last = cursors[-1] if cursors else None
        return Page(found, self.history[start : start + PAGE], last)


class Client:
    """What a dashboard does: keep what arrives, remember the cursor."""

    def __init__(
        self, *, cursor: str | None, origin: Cursor | None, known: list[str] | None = None
    ) -> None:
        self.got: list[str] = known or []
        self.cursor = cursor
        self.origin = origin
        """After which it is owed everything; None once it was told that something is missing."""
        self.held: list[str] | None = None
        self.replay: Replay | None = None

    def take(self, texts: list[str]) -> None:
        for text in texts:
            message = json.loads(text)
            if message["type"] == "resumed":
                if not message["data"]["recovered"]:
                    self.got = []
                    self.cursor = self.origin = None
            else:
                self.got.append(text)
                self.cursor = message.get("cursor", self.cursor)


class Replica:
    """A process: its position, what Redis has sent it and it has not read yet, its clients."""

    def __init__(self) -> None:
        self.position = Position()
        self.connected = False
        self.inbox: deque[str | None] = deque()
        self.clients: list[Client] = []
        self.asked: tuple[Cursor | None] | None = None

    def send(self, texts: list[str]) -> None:
        for client in self.clients:
            if client.held is None:
                client.take(texts)
            else:
                client.held += texts


class System(RuleBasedStateMachine):
    """Two replicas, one Redis."""

    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.redis = Redis()
        self.published: list[str] = []
        self.replicas = [Replica(), Replica()]
        self.lost: set[str] = set()
        """Acknowledged, and then lost by Redis itself: nobody can be owed them."""
        self.number = 0

    replica = st.integers(0, 1)

    @initialize(target=clients)
    def begin_well(self) -> Any:
        """Faults are found by what they do to clients that are there, on replicas that are live."""
        for index, replica in enumerate(self.replicas):
            self.subscribe(index)
            replica.position.begin_read()
            replica.send(replica.position.catches_up(self.redis.read(None)))
        return multiple(*(self.connect_to(replica) for replica in self.replicas))

    def connect_to(self, replica: Replica) -> Client:
        heartbeat = replica.position.cursor()
        assert heartbeat
        client = Client(cursor=heartbeat, origin=Cursor.parse(heartbeat))
        replica.clients.append(client)
        return client

    def body(self) -> str:
        self.number += 1
        return f'{{"type":"event","data":{{"number":{self.number}}}}}'

    def deliver(self, text: str) -> None:
        self.published.append(text)
        for replica in self.replicas:
            if replica.connected:
                replica.inbox.append(text)

    # What producers do.

    @rule(count=st.integers(1, 5))
    def publish(self, count: int) -> None:
        for _ in range(count):
            self.deliver(self.redis.publish(self.body()).text)

    @rule()
    def publish_plainly(self) -> None:
        self.deliver(self.body())

    @rule(ahead=st.integers(0, 3))
    def make_up_a_cursor(self, ahead: int) -> None:
        """A plain PUBLISH, as somebody may write it who may publish: the next number, about now."""
        number = self.redis.history[-1].cursor.number + 1 if self.redis.history else 1
        text = stamped(Cursor(self.redis.clock + ahead, number), self.body())
        if text not in self.lost:
            self.lost.add(text)
            self.deliver(text)

    # What life does to Redis.

    @rule(keep=st.integers(0, 6))
    def trim(self, keep: int) -> None:
        if keep:  # a stream never forgets its last entry by trimming
            self.redis.history = self.redis.history[-keep:]

    @rule()
    def save(self) -> None:
        self.redis.saved = list(self.redis.history)

    @rule(wipe=st.booleans())
    def restart_with_less(self, wipe: bool) -> None:
        self.redis.history = kept = [] if wipe else list(self.redis.saved)
        # All that came after what is left, also what had been trimmed before.
        after = self.published.index(kept[-1].text) + 1 if kept else 0
        self.lost.update(text for text in self.published[after:] if cursor_of(text))
        for replica in self.replicas:
            self.disconnect(replica)

    def disconnect(self, replica: Replica) -> None:
        replica.connected = False
        replica.inbox.clear()

    # What replicas do.

    @rule(index=replica)
    def lose_connection(self, index: int) -> None:
        self.disconnect(self.replicas[index])

    @rule(index=replica)
    def subscribe(self, index: int) -> None:
        replica = self.replicas[index]
        if not replica.connected:
            replica.connected = True
            replica.position.mark_stale()

    @rule(index=replica, count=st.integers(1, 8))
    def hear(self, index: int, count: int) -> None:
        replica = self.replicas[index]
        for _ in range(min(count, len(replica.inbox))):
            text = replica.inbox.popleft()
            assert text is not None
            replica.send(replica.position.hears(text))

    @rule(index=replica)
    def compare(self, index: int) -> None:
        """As the hub does, which looks every few seconds."""
        replica = self.replicas[index]
        if replica.connected and not replica.position.catching_up:
            last = self.redis.read(None).last
            replica.position.confirm(last)
            if last != replica.position.head:
                replica.position.mark_stale(differs=True)

    @rule(index=replica)
    def lose_a_message(self, index: int) -> None:
        """No system should; ours finds out at the next one."""
        if self.replicas[index].inbox:
            self.replicas[index].inbox.pop()

    @rule(index=replica, read_late=st.booleans(), count=st.integers(0, 3))
    def catch_up_a_page(self, index: int, read_late: bool, count: int) -> None:
        replica = self.replicas[index]
        if not replica.position.catching_up or not replica.connected:
            return
        after = replica.position.begin_read()
        if read_late:
            self.hear(index, count)
            self.publish(1)
        page = self.redis.read(after)
        if not read_late:
            self.publish(1)
            self.hear(index, count)
        replica.send(replica.position.catches_up(page))

    # What clients do.

    @rule(target=clients, index=replica)
    def connect(self, index: int) -> Any:
        replica = self.replicas[index]
        if replica.position.cursor() is None:
            return multiple()
        return self.connect_to(replica)

    @rule(target=clients, client=consumes(clients), index=replica)
    def reconnect(self, client: Client, index: int) -> Client:
        """To any replica, also while its last replay still runs."""
        for replica in self.replicas:
            if client in replica.clients:
                replica.clients.remove(client)
        replica = self.replicas[index]
        # A plain message may come again from a replica that hears it later; nothing numbers it.
        known = [text for text in client.got if cursor_of(text)]
        again = Client(cursor=client.cursor, origin=client.origin, known=known)
        if client.cursor is None:
            if replica.position.cursor():
                again.got = []
                again.cursor = replica.position.cursor()
                again.origin = Cursor.parse(str(again.cursor))
                replica.clients.append(again)
            return again
        since = Cursor.parse(client.cursor)
        assert since is not None
        head = replica.position.head
        behind = head is None or since > head
        if not replica.position.known or (behind and self.redis.read(since).found):
            return client  # It waits until this replica is there: model it as coming later.
        again.held = []
        confirmed = replica.position.confirmed
        again.replay = Replay(since=client.cursor, until=head, confirmed=confirmed)
        replica.clients.append(again)
        return again

    @rule(client=clients, steps=st.integers(1, 3))
    def replay(self, client: Client, steps: int) -> None:
        for _ in range(steps):
            self.replay_a_page(client)

    def replay_a_page(self, client: Client) -> None:
        replay = client.replay
        if replay is None:
            return
        client.take(replay.replays(self.redis.read(replay.after)))
        if replay.done:
            client.replay = None
            held, client.held = client.held or [], None
            if replay.outrun:
                for replica in self.replicas:
                    if client in replica.clients:
                        replica.clients.remove(client)
            else:
                client.take(held)

    def place_of(self, text: str) -> int:
        """Return when a text was published, with or without a cursor that is in no history now."""
        if text in self.published:
            return self.published.index(text)
        lost = {unstamped(given): given for given in self.lost}
        return self.published.index(lost[text])

    # What must hold.

    @invariant()
    def what_a_client_has_is_a_part_of_what_was_published_in_order(self) -> None:
        for replica in self.replicas:
            for client in replica.clients:
                for kind in (True, False):
                    places = [
                        self.place_of(text)
                        for text in client.got
                        if (cursor_of(text) is not None) is kind
                    ]
                    assert places == sorted(set(places))

    @invariant()
    def nothing_with_a_cursor_is_missing_between_the_first_and_the_last(self) -> None:
        for replica in self.replicas:
            for client in replica.clients:
                with_cursor = [text for text in client.got if cursor_of(text)]
                if with_cursor:
                    start = self.published.index(with_cursor[0])
                    end = self.published.index(with_cursor[-1])
                    due = [
                        text
                        for text in self.published[start : end + 1]
                        if cursor_of(text) and (text in with_cursor or text not in self.lost)
                    ]
                    assert with_cursor == due

    def teardown(self) -> None:
        """In the end all are well again: every client has everything that is in the history."""
        for index, replica in enumerate(self.replicas):
            self.subscribe(index)
            self.hear(index, 100)
            for _ in range(200):
                self.hear(index, 100)
                if not replica.position.catching_up:
                    if self.redis.read(None).last == replica.position.head:
                        break
                    replica.position.mark_stale(differs=True)  # As the hub does.
                after = replica.position.begin_read()
                replica.send(replica.position.catches_up(self.redis.read(after)))
            assert not replica.position.catching_up
            for client in list(replica.clients):
                for _ in range(200):
                    self.replay_a_page(client)
                if client not in replica.clients or client.origin is None:
                    continue
                history = self.redis.history
                whole = not history or history[0].cursor.number == 1
                origins = [entry.cursor for entry in history] + ([BEGINNING] if whole else [])
                if client.origin in origins:
                    due = [entry.text for entry in history if entry.cursor > client.origin]
                    # What Redis has lost since may have come all the same, from the channel.
                    got = [
                        text
                        for text in client.got
                        if cursor_of(text) and (text in due or text not in self.lost)
                    ]
                    assert got == due


TestContinuity = System.TestCase
TestContinuity.settings = settings(
    max_examples=2 * settings().max_examples,  # 200; fewer in `make unit`
    stateful_step_count=60,
    deadline=None,
    derandomize=True,
)


def entries(*numbers: int) -> list[Entry]:
    return [
        Entry(cursor, stamped(cursor, f'{{"type":"event","data":{{"n":{cursor.number}}}}}'))
        for cursor in (Cursor(1000 + number, number) for number in numbers)
    ]


def caught_up(*, upto: int) -> Position:
    position = Position()
    position.mark_stale()
    position.begin_read()
    assert position.catches_up(Page(found=True, entries=[], last=entries(upto)[0].cursor)) == []
    assert not position.catching_up
    return position


PLAIN = '{"type":"plain","data":{}}'


def test_plain_messages_keep_their_places_between_the_others_through_a_catch_up() -> None:
    position = caught_up(upto=1)
    two, three, four = (entry.text for entry in entries(2, 3, 4))
    assert [text for heard in (two, PLAIN) for text in position.hears(heard)] == [two, PLAIN]
    position.mark_stale()
    for heard in (three, PLAIN, four):
        assert position.hears(heard) == []
    assert position.begin_read() == Cursor(1002, 2)
    page = Page(found=True, entries=entries(3, 4), last=Cursor(1004, 4))
    assert position.catches_up(page) == [three, PLAIN, four]
    assert not position.catching_up


def test_a_missed_message_is_noticed_at_the_next_one() -> None:
    position = caught_up(upto=1)
    two, three = entries(2, 3)
    assert position.hears(three.text) == []
    assert position.catching_up
    position.begin_read()
    page = Page(found=True, entries=[two, three], last=three.cursor)
    assert position.catches_up(page) == [two.text, three.text]


def test_what_is_heard_twice_is_sent_once() -> None:
    position = caught_up(upto=1)
    (two,) = entries(2)
    assert position.hears(two.text) == [two.text]
    assert position.hears(two.text) == []


def test_what_has_a_cursor_that_is_in_no_history_goes_on_without_it() -> None:
    """Somebody published a frame that they had received, by a plain PUBLISH."""
    position = caught_up(upto=1)
    (stranger,) = entries(9)
    assert position.hears(stranger.text) == []
    position.begin_read()
    page = Page(found=True, entries=[], last=Cursor(1001, 1))
    assert position.catches_up(page) == [unstamped(stranger.text)]
    assert not position.catching_up
    (two,) = entries(2)
    assert position.hears(two.text) == [two.text]


def test_a_wiped_history_is_told_and_the_old_position_filters_nothing() -> None:
    position = caught_up(upto=7)
    position.mark_stale()
    position.begin_read()
    earlier = Entry(Cursor(5, 1), '{"cursor":"5-1","type":"event","data":{}}')  # a clock set back
    resumed, text = position.catches_up(Page(found=False, entries=[earlier], last=earlier.cursor))
    assert json.loads(resumed)["data"] == {"recovered": False, "replayed": 1, "since": "1007-7"}
    assert text == earlier.text
    later = '{"cursor":"6-2","type":"event","data":{}}'
    assert position.hears(later) == [later]


def test_a_history_that_was_wiped_empty_is_told_once() -> None:
    position = caught_up(upto=7)
    position.mark_stale()
    position.begin_read()
    (resumed,) = position.catches_up(Page(found=False, entries=[], last=None))
    assert json.loads(resumed)["data"] == {"recovered": False, "replayed": 0, "since": "1007-7"}
    assert not position.catching_up
    first = Entry(Cursor(2000, 1), '{"cursor":"2000-1","type":"event","data":{}}')
    assert position.hears(first.text) == []  # is it in this history?
    assert position.begin_read() is None
    page = Page(found=True, entries=[first], last=first.cursor)
    assert position.catches_up(page) == [first.text]


def test_what_another_database_counts_is_noticed_at_its_first_message() -> None:
    """Pub/sub knows no databases: what one of them publishes is heard by those of all."""
    position = Position()
    position.begin_read()
    nothing = Page(found=True, entries=[], last=None)
    position.catches_up(nothing)
    assert (position.cursor(), position.elsewhere) == ("0-0", False)
    for entry in entries(1, 2, 3):
        assert position.hears(entry.text) == []
        position.begin_read()
        assert position.catches_up(nothing) == [unstamped(entry.text)]
        assert (position.cursor(), position.elsewhere) == (None, True)
    (own,) = entries(1)
    position.hears(own.text)
    position.begin_read()
    page = Page(found=True, entries=[own], last=own.cursor)
    assert position.catches_up(page) == [own.text]
    assert (position.cursor(), position.elsewhere) == (str(own.cursor), False)


def test_what_becomes_stale_while_the_history_is_read_is_read_again() -> None:
    position = caught_up(upto=1)
    two, three = entries(2, 3)
    position.mark_stale()
    position.begin_read()
    position.mark_stale()  # Subscribed anew: the page may be older than what was missed.
    page = Page(found=True, entries=[two], last=two.cursor)
    assert position.catches_up(page) == [two.text]
    assert position.catching_up
    assert position.begin_read() == two.cursor
    assert position.catches_up(Page(found=True, entries=[three], last=three.cursor)) == [three.text]
    assert not position.catching_up


def test_a_gap_that_opens_while_the_history_is_read_is_read_again() -> None:
    position = caught_up(upto=1)
    two, three, four = entries(2, 3, 4)
    position.mark_stale()
    position.begin_read()
    assert position.hears(four.text) == []  # and the third was lost, after the page was read
    assert position.catches_up(Page(found=True, entries=[two], last=two.cursor)) == [two.text]
    assert position.catching_up
    position.begin_read()
    page = Page(found=True, entries=[three, four], last=four.cursor)
    assert position.catches_up(page) == [three.text, four.text]
    assert not position.catching_up


def test_a_replay_that_is_slower_than_the_history_is_long_has_to_come_back() -> None:
    two, three, nine = entries(2, 3, 9)
    replay = Replay(since="1001-1", until=nine.cursor)
    resumed, *texts = replay.replays(Page(found=True, entries=[two, three], last=nine.cursor))
    assert json.loads(resumed)["data"]["recovered"] is True
    assert texts == [two.text, three.text]
    assert not replay.done
    assert replay.replays(Page(found=False, entries=[nine], last=nine.cursor)) == []
    assert replay.done
    assert replay.outrun


def test_waiting_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hsi_service.bus.continuity.MAX_WAITING", 200)
    position = caught_up(upto=1)
    history = entries(*range(2, 30))
    position.mark_stale()
    position.begin_read()
    for entry in history:
        position.hears(entry.text)
    sent: list[str] = []
    while position.catching_up:
        after = position.begin_read()
        rest = [entry for entry in history if after is None or entry.cursor > after][:PAGE]
        sent += position.catches_up(Page(found=True, entries=rest, last=history[-1].cursor))
    assert sent == [entry.text for entry in history]


def test_a_history_that_was_wiped_after_a_client_joined_is_not_said_to_be_recovered() -> None:
    replay = continuity.Replay(since=str(BEGINNING), until=Cursor(1001, 1))
    told, upto = replay.page(Page(found=True, entries=[], last=None))
    assert told is not None
    assert upto == 0
    assert json.loads(told.text)["data"]["recovered"] is False
    assert replay.done


FAR = round(time.time() * 1000) + 10**10


@pytest.mark.parametrize("is_first", [True, False])
def test_a_cursor_that_somebody_made_up_goes_to_no_client_and_makes_nothing_seem_old(
    is_first: bool,
) -> None:
    redis, position = Redis(), Position()
    if not is_first:
        redis.publish('{"n":0}')
    position.catches_up(redis.read(position.begin_read()))
    forged = stamped(Cursor(FAR, 1 if is_first else 2), '{"n":1}')
    sent = position.hears(forged)
    while position.catching_up:
        sent += position.catches_up(redis.read(position.begin_read()))
    assert sent == ['{"n":1}']
    entry = redis.publish('{"n":2}')
    sent = position.hears(entry.text)
    while position.catching_up:
        sent += position.catches_up(redis.read(position.begin_read()))
    assert sent == [entry.text]


def test_a_history_emptied_of_entries_of_the_future_goes_on_at_once() -> None:
    redis, position = Redis(), Position()
    redis.history.append(Entry(Cursor(FAR, 7), "by hand"))
    position.catches_up(redis.read(position.begin_read()))
    redis.history.clear()
    entry = redis.publish('{"n":1}')
    assert position.hears(entry.text) == []
    sent = position.catches_up(redis.read(position.begin_read()))
    assert json.loads(sent[0])["data"]["recovered"] is False
    assert sent[1:] == [entry.text]


def catch_up(position: Position, redis: Redis) -> list[str]:
    """Read the history until the position is the channel's, as its feed does."""
    sent: list[str] = []
    while position.catching_up:
        sent += position.catches_up(redis.read(position.begin_read()))
    return sent


def live(position: Position, redis: Redis, *texts: str) -> list[str]:
    """Hear texts, and catch up after each where that is due."""
    return [
        text for heard in texts for text in (*position.hears(heard), *catch_up(position, redis))
    ]


@pytest.mark.parametrize("ahead", [0, 20_000])
@pytest.mark.parametrize("forged", [1, 3])
@pytest.mark.parametrize("found_by", ["the next message", "a look"])
def test_a_made_up_cursor_that_comes_next_makes_nobody_replay_anything(
    found_by: str, forged: int, ahead: int
) -> None:
    redis, position = Redis(), Position()
    redis.clock = round(time.time() * 1000)
    for number in range(5):
        redis.publish(f'{{"n":{number}}}')
    catch_up(position, redis)
    first = [redis.publish(f'{{"n":{number}}}').text for number in (5, 6)]
    assert live(position, redis, *first) == first
    plain = [
        stamped(Cursor(redis.clock + ahead, 8 + number), '{"made":"up"}')
        for number in range(forged)
    ]
    assert live(position, redis, *plain) == plain
    later = []
    if found_by == "a look":
        position.mark_stale(differs=True)
        assert catch_up(position, redis) == []
        assert position.head == redis.history[-1].cursor
    for number in range(7, 10):
        later.append(redis.publish(f'{{"n":{number}}}').text)
        assert live(position, redis, later[-1]) == [later[-1]]
    assert position.cursor() == str(redis.history[-1].cursor)


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_history_that_lost_what_was_confirmed_is_told_once(kept: int) -> None:
    redis, position = Redis(), Position()
    for number in range(5):
        redis.publish(f'{{"n":{number}}}')
    catch_up(position, redis)
    heard = [redis.publish(f'{{"n":{number}}}').text for number in (5, 6)]
    assert live(position, redis, *heard) == heard
    position.confirm(redis.history[-1].cursor)
    del redis.history[kept:]
    position.mark_stale(differs=True)
    resumed, *rest = catch_up(position, redis)
    assert json.loads(resumed)["data"]["recovered"] is False
    assert rest == [entry.text for entry in redis.history]
    entry = redis.publish('{"n":9}')
    assert live(position, redis, entry.text) == [entry.text]


def test_a_history_that_lost_what_was_only_heard_is_told_after_a_new_subscription() -> None:
    """Redis crashed, say, before it had written its last second to disk."""
    redis, position = Redis(), Position()
    redis.publish('{"n":0}')
    catch_up(position, redis)
    heard = redis.publish('{"n":1}').text
    assert live(position, redis, heard) == [heard]
    del redis.history[1:]
    position.mark_stale()
    resumed, *_ = catch_up(position, redis)
    assert json.loads(resumed)["data"]["recovered"] is False


def test_a_client_resumes_where_its_topic_has_heard_a_made_up_cursor() -> None:
    two, three = entries(2, 3)
    replay = Replay(since="1001-1", until=Cursor(2000, 4), confirmed=two.cursor)
    resumed, *texts = replay.replays(Page(found=True, entries=[two, three], last=three.cursor))
    assert json.loads(resumed)["data"]["recovered"] is True
    assert texts == [two.text, three.text]


@pytest.mark.parametrize("found_by", ["a new subscription", "a look"])
def test_another_message_with_the_number_of_the_last_one_is_told(found_by: str) -> None:
    """Of a new primary, say, that had not got the last message of the old one."""
    redis, position = Redis(), Position()
    redis.publish('{"n":0}')
    catch_up(position, redis)
    heard = redis.publish('{"n":1}')
    assert live(position, redis, heard.text) == [heard.text]
    if found_by == "a look":
        position.confirm(heard.cursor)
    redis.history.pop()
    other = redis.publish('{"n":"other"}')
    assert other.cursor.number == heard.cursor.number
    position.mark_stale(differs=found_by == "a look")
    resumed, *texts = catch_up(position, redis)
    assert json.loads(resumed)["data"]["recovered"] is False
    assert texts == [entry.text for entry in redis.history]
