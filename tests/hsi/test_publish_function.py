"""The function in Redis that publishes: any language may call it, and nobody spoils a channel."""

import asyncio
import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ResponseError

from hsi import redis_functions
from hsi.appended_by_hand import AHEAD, MAX_BY_HAND
from hsi.publishing import FUNCTION, LIBRARY, MAX_BATCH_BYTES
from hsi.schemas import channels
from hsi.schemas.cursor import MAX_DIGITS, Cursor
from hsi.schemas.validation import MAX_MESSAGE_BYTES, RESERVED_TYPES
from hsi_service.bus.continuity import Position
from hsi_service.bus.history import History
from hsi_service.bus.intake import Message, examine
from tests.clients import golden
from tests.servers import ROOT

V1 = (ROOT / "shared/hsi/publish_v1.lua").read_text()
LINES_V1 = Path(__file__).with_name("joblogs").joinpath("publish_lines_v1.lua").read_text()
EVENT = golden("event")
GREATEST = 2**64 - 1
ANY = "any"


def message_of(text: str) -> str:
    return json.dumps({"type": "event", "data": {"text": text}})


class Channel:
    """A channel, and the function called by hand."""

    def __init__(self, redis: "Redis", name: str) -> None:
        self.redis, self.name = redis, name
        self.history, self.number = channels.history(name), channels.number(name)
        self.since = channels.since(name)

    def publish(self, *texts: str, length: Any = "", size: Any = "", ttl: Any = "") -> list[str]:
        return self._call([], texts, length, size, ttl, "")[2:]

    def publish_raw(self, message: str) -> list[Any]:
        keys = self.history, self.number
        reply: Any = self.redis.fcall(FUNCTION, 2, *keys, self.name, "", "", "", "", message)
        return list(reply)

    def send(self, sender: str, first: int, *texts: str) -> list[Any]:
        return self._call([channels.sender(self.name, sender)], texts, "", "", "", first)

    def publish_once(self, **texts: str) -> list[Any]:
        keys = [channels.once(self.name, key) for key in texts]
        return self._call(keys, tuple(texts.values()), "", "", "", "")

    def _call(
        self,
        more_keys: list[str],
        texts: tuple[str, ...],
        *options: Any,
    ) -> list[Any]:
        keys = [self.history, self.number, *more_keys]
        messages = [message_of(text) for text in texts]
        arguments = [self.name, *options, *messages]
        reply: Any = self.redis.fcall(FUNCTION, len(keys), *keys, *arguments)
        return list(reply)

    def bytes(self) -> int:
        return int(self.redis.memory_usage(self.history, samples=0) or 0)

    def kept(self) -> list[str]:
        entries: Any = self.redis.xrange(self.history)
        return [json.loads(fields["m"])["data"].get("text") for _, fields in entries]


@pytest.fixture
def redis(redis_url: str) -> Iterator["Redis"]:
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        redis_functions.load(redis, FUNCTION, LIBRARY)
        yield redis


@pytest.fixture
def here(redis: "Redis", channel: str) -> Channel:
    return Channel(redis, channel)


def test_any_language_can_call_it_for_instance_a_shell(here: Channel) -> None:
    """As the README shows it."""
    keys = f"{{{here.name}}}:history", f"{{{here.name}}}:number"
    reply: Any = here.redis.execute_command(  # type: ignore[no-untyped-call]
        "FCALL", FUNCTION, "2", *keys, here.name, "", "", "", "", EVENT.decode()
    )
    assert reply[:2] == [0, 0]
    assert Cursor.parse(reply[2])


@pytest.mark.parametrize("message", ["hello", "[]", "{}", "", '{x {"type":1}', "{"])
def test_it_refuses_what_is_not_a_message_and_keeps_none_of_the_call(
    here: Channel, message: str
) -> None:
    keys = here.history, here.number
    with pytest.raises(ResponseError, match="message 2 is not a JSON object"):
        here.redis.fcall(FUNCTION, 2, *keys, here.name, "", "", "", "", EVENT, message)
    with pytest.raises(ResponseError, match="expected keys"):
        here.redis.fcall(FUNCTION, 2, *keys, here.name, "", "", "", "")
    with pytest.raises(ResponseError, match="expected keys"):
        here.redis.fcall(FUNCTION, 0)
    with pytest.raises(ResponseError, match="expected keys"):
        here.redis.fcall(
            FUNCTION, 3, *keys, "a key too many", here.name, "", "", "", "", EVENT, EVENT
        )
    assert not here.redis.exists(*keys)


def test_a_sender_that_asks_again_gets_the_same_cursors_and_no_second_message(
    here: Channel,
) -> None:
    first = here.send("a", 1, "one", "two")
    assert first[1] == 0
    here.publish("somebody else's")
    assert here.send("a", 1, "one", "two") == [0, 2, *first[2:]]
    more = here.send("a", 2, "two", "three")
    assert (more[1], more[2]) == (1, first[3])
    assert here.send("a", 1, "one", "two", "three") == [0, 3, "", "", more[3]]  # long ago
    with pytest.raises(ResponseError, match=r"^GAP the sender's last known message is 3"):
        here.send("a", 5, "five")
    assert here.kept() == ["one", "two", "somebody else's", "three"]


def test_a_key_is_accepted_once_in_a_call_or_between_two(here: Channel) -> None:
    first = here.publish_once(a="one", b="two")
    again = here.publish_once(b="two", c="three")
    assert again[1:3] == [1, first[3]]
    assert here.kept() == ["one", "two", "three"]


def test_it_works_within_a_transaction(here: Channel) -> None:
    with here.redis.pipeline(transaction=True) as commands:
        for text in ("one", "two"):
            message = json.dumps({"type": "event", "data": {"text": text}})
            keys = here.history, here.number
            commands.fcall(FUNCTION, 2, *keys, here.name, "", "", "", "", message)
        cursors = [Cursor.parse(reply[2]) for reply in commands.execute()]
    assert [cursor.number for cursor in cursors if cursor] == [1, 2]
    assert here.kept() == ["one", "two"]


def test_a_history_is_bounded_in_messages_and_in_bytes(here: Channel) -> None:
    for start in range(0, 2000, 100):
        here.publish(*map(str, range(start, start + 100)), length=500)
    assert 500 <= len(here.kept()) < 700  # Redis trims in blocks
    long = "x" * 10_000
    for _ in range(300):
        here.publish(long, size=1_000_000)
        assert here.bytes() < 1_000_000 + 70 * len(long)
    here.publish("y" * 70_000, size=100_000)
    assert here.bytes() <= 100_000
    assert here.kept()[-1] == "y" * 70_000


def test_a_message_larger_than_the_bound_is_kept_alone(here: Channel) -> None:
    here.publish("one", "two")
    here.publish("x" * 70_000, size=1000)
    assert here.kept() == ["x" * 70_000]


@pytest.mark.parametrize("count", [1, 5, 132])
def test_what_is_too_large_is_refused_and_costs_no_other_its_place(
    here: Channel, count: int
) -> None:
    before = ["x" * 5000] * 20
    here.publish(*before)
    size = MAX_MESSAGE_BYTES - len(message_of(""))
    assert here.publish("y" * size)
    too_much = size + 1 if count == 1 else MAX_BATCH_BYTES // count
    with pytest.raises(ResponseError, match=r"bytes.*, more than the \d+ allowed"):
        here.publish(*["z" * too_much] * count)
    with pytest.raises(ResponseError, match="more than the 262144 allowed"):
        here.publish("z" * 33 * 2**20)
    assert here.kept() == [*before, "y" * size]


def test_a_huge_entry_by_hand_costs_itself_and_not_the_history(here: Channel) -> None:
    here.publish(*["one"] * 200)
    here.redis.xadd(here.history, {"m": "x" * 2_000_000})
    here.publish("y" * 10_000, size=1_000_000)
    kept = here.kept()
    assert kept[-1] == "y" * 10_000
    assert len(kept) > 50
    assert here.bytes() < 1_000_000


@pytest.mark.parametrize("where", ["last", "first", "between"])
@pytest.mark.parametrize("count", [2, 3, 40])
def test_huge_entries_by_hand_cost_themselves_however_many_and_wherever_they_are(
    here: Channel, where: str, count: int
) -> None:
    """Trimming by the average entry would have the others go first: they are older, or more."""
    good = [f"{number}" for number in range(1000)]
    huge: Any = {"m": "x" * (MAX_MESSAGE_BYTES * 2 + 1000)}
    first, second = (good[:500], good[500:]) if where == "between" else (good, [])
    if where == "first":
        first, second = [], good
    for texts in (first, second):
        if texts:
            here.publish(*texts)
        if texts is first:
            for _ in range(count):
                here.redis.xadd(here.history, huge)
    here.publish("y" * 2000, size=1_000_000)
    assert here.kept() == [*good, "y" * 2000]
    assert here.bytes() < 1_000_000


def test_a_user_with_earlier_rules_bounds_a_history_all_the_same(
    redis_url: str, here: Channel
) -> None:
    here.redis.acl_setuser(
        "before",
        enabled=True,
        reset=True,
        nopass=True,
        keys=["*"],
        channels=["*"],
        commands=["+@all", "-xrange"],
    )
    try:
        with Redis.from_url(
            redis_url, username="before", password=ANY, decode_responses=True
        ) as before:
            for _ in range(60):
                Channel(before, here.name).publish("x" * 20_000, size=1_000_000)
    finally:
        here.redis.acl_deluser("before")
    assert 500_000 < here.bytes() < 1_000_000


def test_of_entries_that_may_be_there_the_newest_stay_that_have_room(here: Channel) -> None:
    """As many bytes as there is room for, whatever the average entry has."""
    large = "x" * 100_000
    for _ in range(20):
        here.publish(large)
    small = [f"{number}" for number in range(1000)]
    here.publish(*small)
    here.publish("y" * 2000, size=1_000_000)
    kept = here.kept()
    assert kept[-1001:] == [*small, "y" * 2000]
    assert 5 <= kept.count(large) <= 9
    assert here.bytes() < 1_000_000


@pytest.mark.parametrize("message", ["cursor", "nested", "null"])
@pytest.mark.parametrize("has", [True, False])
def test_a_cursor_is_the_historys_to_give(here: Channel, message: str, has: bool) -> None:
    texts = {
        "cursor": '{"type":"x","data":{},"cursor":"1-1"}'
        if has
        else '{"type":"x","data":"cursor"}',
        "nested": '{"cursor":{},"type":"x","data":{}}'
        if has
        else '{"type":"x","data":{"cursor":1}}',
        "null": '{"cursor" : 0,"type":"x"}' if has else '{"cursor":null,"type":"x","data":{}}',
    }
    if has:
        with pytest.raises(ResponseError, match="message 1 has a cursor; only the history gives"):
            here.publish_raw(texts[message])
    else:
        assert here.publish_raw(texts[message])


@pytest.mark.parametrize("kind", sorted(RESERVED_TYPES))
def test_a_type_that_services_keep_to_themselves_is_refused(here: Channel, kind: str) -> None:
    assert here.publish_raw(f'{{"type":"x","data":{{"type":"{kind}"}}}}')
    with pytest.raises(ResponseError, match=f"message 1 has the type {kind}, which is reserved"):
        here.publish_raw(f'{{"data":{{}}, "type" : "{kind}"}}')


@pytest.mark.parametrize("option", range(4))
@pytest.mark.parametrize("value", ["x", "-1", "1.5", "nan", "1e3", "9" * 20])
def test_an_option_that_is_not_a_whole_number_is_refused_before_anything_is_kept(
    here: Channel, option: int, value: str
) -> None:
    options = ["", "", "", ""]
    options[option] = value
    with pytest.raises(ResponseError, match="are whole numbers"):
        here.redis.fcall(FUNCTION, 2, here.history, here.number, here.name, *options, EVENT)
    assert not here.redis.exists(here.history)


def test_the_function_and_its_readers_have_the_same_bounds() -> None:
    def constant(name: str) -> str:
        found = re.search(rf"local ([A-Z_, ]*\b{name}\b[A-Z_, ]*) = (.+)", LIBRARY)
        assert found
        names = found[1].split(", ")
        return found[2].split(", ")[names.index(name)]

    assert int(constant("MAX_DIGITS")) == MAX_DIGITS
    assert int(constant("AHEAD_MILLISECONDS")) == AHEAD
    assert int(constant("MAX_REMOVED")) == MAX_BY_HAND
    assert constant("MAX_MESSAGE_BYTES") == f"{MAX_MESSAGE_BYTES // 1024} * 1024"
    assert constant("MAX_BATCH_BYTES") == f"{MAX_BATCH_BYTES // 1024} * 1024"


def test_a_history_may_expire(here: Channel) -> None:
    here.publish("one", ttl=3600)
    here.publish("two")
    assert [3500 < here.redis.ttl(key) <= 3600 for key in (here.history, here.number)] == [True] * 2


def test_a_clock_that_steps_back_does_not_stop_publishing(here: Channel) -> None:
    here.redis.xadd(here.history, {"m": EVENT}, id=f"{10**13}-4")
    here.redis.set(here.number, 4)
    assert here.publish("one", "two") == [f"{10**13}-5", f"{10**13}-6"]


def test_a_lost_counter_does_not_stop_publishing(here: Channel) -> None:
    before = here.publish("one", "two")
    here.redis.delete(here.number)
    after = here.publish("three")
    assert here.kept() == ["one", "two", "three"]
    assert max(map(parsed, before)) < parsed(after[0])


FOREIGN = [
    f"{GREATEST}-{GREATEST}",
    f"{GREATEST}-0",
    f"{10**15}-1",
    f"{10**13}-7",
    f"1-{GREATEST}",
    f"{10**14}-{10**16}",
]


@pytest.mark.parametrize("identifier", FOREIGN)
def test_an_entry_by_hand_costs_itself_and_not_the_channel(here: Channel, identifier: str) -> None:
    if not identifier.startswith("1-"):
        here.publish("one")
    here.redis.xadd(here.history, {"m": EVENT}, id=identifier)
    after = here.publish("two", "three")
    assert here.kept()[-2:] == ["two", "three"]
    assert parsed(after[0]).milliseconds < 10**13
    assert parsed(here.publish("four")[0]).number == parsed(after[1]).number + 1


def test_many_entries_by_hand_cost_themselves_and_not_the_channel(here: Channel) -> None:
    here.publish("one")
    for number in range(250):
        here.redis.xadd(here.history, {"x": "y"}, id=f"{GREATEST}-{number}")
    here.publish("two")
    assert here.kept() == ["one", "two"]


def test_an_entry_by_hand_that_was_deleted_costs_nothing_more(here: Channel) -> None:
    for identifier in (f"{GREATEST}-{GREATEST}", f"{10**14}-1"):
        here.publish("one")
        here.redis.xadd(here.history, {"x": "y"}, id=identifier)
        here.redis.xdel(here.history, identifier)
    assert here.publish("two")
    here.redis.xadd(here.history, {"x": "y"}, id=f"{GREATEST}-1")
    here.redis.xtrim(here.history, 0)
    assert here.publish("three")
    assert here.kept() == ["three"]


def test_an_entry_by_hand_between_ours_stays(here: Channel) -> None:
    here.publish("one")
    by_hand: Any = here.redis.xadd(
        here.history, {"m": '{"type":"event","data":{"text":"by hand"}}'}
    )
    # Within the same millisecond, Redis gives it the number that was to be the next.
    assert parsed(here.publish("two")[0]).number in {2, parsed(str(by_hand)).number + 1}
    assert here.kept() == ["one", "by hand", "two"]


@pytest.mark.parametrize("key", ["history", "number", "sender", "once"])
@pytest.mark.parametrize("kind", ["text", "list"])
def test_a_key_of_a_wrong_type_is_replaced(here: Channel, key: str, kind: str) -> None:
    here.publish("one")
    names = {
        "history": here.history,
        "number": here.number,
        "sender": channels.sender(here.name, "a"),
        "once": channels.once(here.name, "b"),
    }
    here.redis.delete(names[key])
    if kind == "list":
        here.redis.rpush(names[key], "nobody's")
    elif key != "once":  # which holds a text
        here.redis.set(names[key], "nobody's")
    assert here.send("a", 1, "two")[1] == 0
    assert here.publish_once(b="three")[1] == 0
    assert here.kept()[-2:] == ["two", "three"]


def test_who_may_not_publish_keeps_nothing_either(redis_url: str, here: Channel) -> None:
    rules = f"on nopass ~{{{here.name}}}:* +@all resetchannels".split()
    here.redis.execute_command("ACL", "SETUSER", "mute", *rules)  # type: ignore[no-untyped-call]
    try:
        with Redis.from_url(redis_url.replace("://", "://mute:any@")) as mute:
            publish = Channel(mute, here.name).publish
            with pytest.raises(ResponseError, match="may not publish to the channel"):
                publish("one")
    finally:
        here.redis.acl_deluser("mute")
    assert here.kept() == []


def test_the_version_before_publishes_beside_it(here: Channel) -> None:
    for name, library in (("hsi_publish_v1", V1), ("hsi_publish_lines_v1", LINES_V1)):
        redis_functions.load(here.redis, name, library)
    keys = here.history, here.number
    senders = f"{{{here.name}}}:senders"
    numbers = []
    for round_ in range(3):
        text = json.dumps({"type": "event", "data": {"text": f"v1 {round_}"}})
        line = json.dumps({"type": "log", "data": {"text": f"lines {round_}"}})
        old: Any = here.redis.fcall("hsi_publish_v1", 2, *keys, here.name, text)
        new = here.publish(f"v2 {round_}")
        arguments = [here.name, 100, 3600, "sender", round_ + 1, line]
        lines: Any = here.redis.fcall("hsi_publish_lines_v1", 3, *keys, senders, *arguments)
        numbers += [parsed(cursor).number for cursor in (old[0], *new, lines[0])]
    assert numbers == list(range(1, 10))
    assert here.kept()[-3:] == ["v1 2", "v2 2", "lines 2"]


# Since when the history has all that was published.


def test_the_first_message_says_since_when_the_history_is_whole_and_no_later_one_does(
    here: Channel,
) -> None:
    (first,) = here.publish("one")
    assert here.redis.get(here.since) == first.partition("-")[0]
    here.publish("two")
    assert here.redis.get(here.since) == first.partition("-")[0]


def test_whoever_knew_it_earlier_is_right(here: Channel) -> None:
    here.redis.set(here.since, 5)
    here.publish("one")
    here.publish("two")
    assert here.redis.get(here.since) == "5"


@pytest.mark.parametrize("lost", ["deleted", "of another type"])
def test_a_history_that_lost_messages_is_whole_since_it_began_again(
    here: Channel, lost: str
) -> None:
    here.publish("one", "two")
    here.redis.set(here.since, 5)
    here.redis.delete(here.history)
    if lost == "of another type":
        here.redis.set(here.history, "x")
    (cursor,) = here.publish("three")
    assert (cursor, parsed(cursor).number) == (f"{here.redis.get(here.since)!s}-1", 1)


def test_it_ends_with_the_history_and_a_jobs_log_has_none(here: Channel) -> None:
    here.publish("one", ttl=100)
    assert here.redis.ttl(here.since) == here.redis.ttl(here.history) > 90
    log = Channel(here.redis, channels.job_logs(uuid.uuid4().hex))
    log.publish("a line")
    assert not here.redis.exists(log.since)


def test_a_user_without_the_right_to_it_publishes_all_the_same(
    redis_url: str, here: Channel
) -> None:
    rules = f"on nopass ~{{{here.name}}}:history ~{{{here.name}}}:number +@all &*".split()
    here.redis.execute_command("ACL", "SETUSER", "before", *rules)  # type: ignore[no-untyped-call]
    try:
        with Redis.from_url(redis_url.replace("://", "://before:any@")) as before:
            Channel(before, here.name).publish("one")
    finally:
        here.redis.acl_deluser("before")
    assert here.kept() == ["one"]
    assert not here.redis.exists(here.since)


@pytest.mark.parametrize(
    ("library", "digest"),
    [
        (V1, "f4279532c7055400"),
        (LINES_V1, "48bc078b99b79a17"),
        (LIBRARY, "e14e14f9be6a82cc"),
    ],
    ids=["hsi_publish_v1", "hsi_publish_lines_v1", FUNCTION],
)
def test_a_function_does_not_change_under_its_name(library: str, digest: str) -> None:
    """Others call it while we roll out; what it does changes with a new name only."""
    assert hashlib.sha256(library.encode()).hexdigest()[:16] == digest


def parsed(cursor: str) -> Cursor:
    found = Cursor.parse(cursor)
    assert found
    return found


# Whatever a producer's rights can put into a channel's keys, the next message is published, and
# heard once.

LARGEST = 10**MAX_DIGITS - 1
PARTS = st.sampled_from([0, 1, 7, LARGEST - 2, LARGEST - 1, LARGEST, 10**15, 10**17, GREATEST])
"""Of an id by hand, and what a counter may hold."""
TIMES = st.sampled_from([-1_000, 0, 1, 30_000, 59_000, 70_000]).map(lambda ahead: ("now", ahead))
IDS = st.tuples(TIMES | PARTS, PARTS)
TEXTS = PARTS.map(str) | st.sampled_from(
    ["-5", "1e3", "", " 1", "0x10", "x" * 99, "1-1 ", "9 9-9 x"]
)
BY_HAND = st.lists(
    st.one_of(
        st.tuples(st.just("XADD"), IDS),
        st.tuples(st.just("XSETID"), IDS),
        st.tuples(st.just("XDEL")),
        st.tuples(st.just("XTRIM")),
        st.tuples(st.just("SET"), st.sampled_from(["history", "number", "once", "sender"]), TEXTS),
        st.tuples(st.just("EXPIRE"), st.sampled_from(["history", "number", "once", "sender"])),
        st.tuples(st.just("XADD to"), st.sampled_from(["number", "once", "sender"])),
    ),
    max_size=4,
)


class ByHand:
    """Somebody with a producer's rights."""

    def __init__(self, here: Channel) -> None:
        self.here = here
        self.keys = {
            "history": here.history,
            "number": here.number,
            "once": channels.once(here.name, "a"),
            "sender": channels.sender(here.name, "a"),
        }

    def does(self, what: str, *arguments: Any) -> None:
        redis, history = self.here.redis, self.here.history
        with contextlib.suppress(ResponseError):  # An id that is too small, a key of another type.
            match what, *arguments:
                case "XADD", id_:
                    redis.xadd(history, {"m": '{"type":"x","data":{}}'}, id=self._id(*id_))
                case "XSETID", id_:
                    redis.execute_command("XSETID", history, self._id(*id_))  # type: ignore[no-untyped-call]
                case ["XDEL"]:
                    newest: Any = redis.xrevrange(history, count=1)
                    redis.xdel(history, newest[0][0] if newest else "1-1")
                case ["XTRIM"]:
                    redis.xtrim(history, 0)
                case "SET", key, text:
                    redis.set(self.keys[key], text)
                case "EXPIRE", key:
                    redis.expire(self.keys[key], 0)
                case "XADD to", key:
                    redis.expire(self.keys[key], 0)
                    redis.xadd(self.keys[key], {"x": "y"})
                case _:
                    raise ValueError(what)

    def _id(self, milliseconds: Any, number: int) -> str:
        if isinstance(milliseconds, tuple):
            seconds, micros = self.here.redis.time()
            milliseconds = seconds * 1000 + micros // 1000 + milliseconds[1]
        return f"{milliseconds}-{number}"


class Ear:
    """A listener as the services are, without the service."""

    def __init__(self, here: Channel, url: str) -> None:
        self.here = here
        self.history = History(url, name="test")
        self.position = Position()
        self.pubsub = here.redis.pubsub()  # type: ignore[no-untyped-call]
        self.pubsub.subscribe(here.name)
        assert self.pubsub.get_message(timeout=5)
        self.texts: list[str] = []

    async def catch_up(self) -> None:
        while self.position.catching_up:
            page = await self.history.read(self.here.name, self.position.begin_read(), 100)
            self._take(self.position.catch_up(page))

    async def hears(self, *cursors: str) -> None:
        """See to it that these are heard, each once and the last one last."""
        assert all(map(parsed, cursors))
        for cursor in cursors:
            heard = self.pubsub.get_message(timeout=5)
            assert heard
            message = examine(heard["data"].encode()).message
            assert message
            assert message.text.startswith(f'{{"cursor":"{cursor}",')
            self._take(self.position.hear(message))
        await self.catch_up()
        assert str(self.position.head) == cursors[-1]
        for cursor in cursors:
            assert sum(f'"cursor":"{cursor}"' in text for text in self.texts) == 1
        newest: Any = self.here.redis.xrevrange(self.here.history, count=1)
        assert newest[0][0] == cursors[-1]

    def _take(self, messages: list[Message]) -> None:
        self.texts += [message.text for message in messages]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(earlier=st.integers(0, 2), by_hand=BY_HAND, way=st.sampled_from(["plain", "once", "sender"]))
@example(earlier=1, by_hand=[("SET", "number", str(LARGEST))], way="plain")
@example(earlier=0, by_hand=[("XADD", (("now", 30_000), LARGEST - 1))], way="plain")
@example(
    earlier=1,
    by_hand=[("XADD", (("now", 30_000), LARGEST - 1)), ("SET", "number", "5")],
    way="plain",
)
@example(earlier=1, by_hand=[("SET", "once", "garbage")], way="once")
@example(earlier=0, by_hand=[("XADD", (LARGEST, LARGEST - 2))], way="plain")
def test_nothing_that_a_producer_may_write_stops_a_channel(
    redis_url: str, earlier: int, by_hand: list[Any], way: str
) -> None:
    async def run(redis: Redis) -> None:
        here = Channel(redis, f"security_events:{uuid.uuid4().hex}")
        hand = ByHand(here)
        if earlier:
            here.publish(*["before"] * earlier)
        ear = Ear(here, redis_url)
        await ear.catch_up()
        for what in by_hand:
            hand.does(*what)
        for turn in range(2):  # Twice: what is spoilt is repaired, and not stepped over once.
            if way == "once":
                cursors = here.publish_once(**{f"{'ab'[turn]}": "one", f"{'cd'[turn]}": "two"})[2:]
            elif way == "sender":
                cursors = here.send("ab"[turn], 1, "one", "two")[2:]
            else:
                cursors = here.publish("one", "two")
            await ear.hears(*cursors)
        ear.pubsub.close()
        await ear.history.aclose()

    with Redis.from_url(redis_url, decode_responses=True) as redis:
        redis_functions.load(redis, FUNCTION, LIBRARY)
        asyncio.run(run(redis))
