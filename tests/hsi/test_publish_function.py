"""The function in Redis that publishes: any language may call it, and nobody spoils a channel."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from hsi import redis_functions
from hsi.publishing import FUNCTION, LIBRARY
from hsi.schemas import channels
from hsi.schemas.cursor import Cursor
from tests.clients import golden
from tests.servers import ROOT

V1 = (ROOT / "shared/hsi/publish_v1.lua").read_text()
LINES_V1 = Path(__file__).with_name("joblogs").joinpath("publish_lines_v1.lua").read_text()
EVENT = golden("event")
GREATEST = 2**64 - 1


class Channel:
    """A channel, and the function called by hand."""

    def __init__(self, redis: "Redis", name: str) -> None:
        self.redis, self.name = redis, name
        self.history, self.number = channels.history(name), channels.number(name)

    def publish(self, *texts: str, length: Any = "", size: Any = "", ttl: Any = "") -> list[str]:
        return self._call([], texts, length, size, ttl, "")[2:]

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
        messages = [json.dumps({"type": "event", "data": {"text": text}}) for text in texts]
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
    here.redis.xadd(here.history, {"m": '{"type":"event","data":{"text":"by hand"}}'})
    assert parsed(here.publish("two")[0]).number == 2
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


@pytest.mark.parametrize(
    ("library", "digest"),
    [
        (V1, "f4279532c7055400"),
        (LINES_V1, "48bc078b99b79a17"),
        (LIBRARY, "9334e546fc76200f"),
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
