"""The two publishers' common part: what goes to Redis, and what comes back. Pure."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from hsi.publishing import (
    FUNCTION,
    MAX_BATCH,
    MAX_BATCH_BYTES,
    SENDER_RESTS,
    Bounds,
    ForgedSenderError,
    Numbering,
    Numberings,
    Published,
    PublishError,
    batches,
    keyed_call,
    numbered_call,
    payload_of,
    published_of,
)
from hsi.redis_functions import is_missing
from hsi.schemas.validation import InvalidMessageError, validate
from tests.clients import golden

EVENT = golden("event")


def test_json_stays_as_it_is_and_a_struct_becomes_json() -> None:
    assert payload_of(EVENT) == EVENT
    assert validate(payload_of(validate(EVENT))) == validate(EVENT)
    with pytest.raises(InvalidMessageError, match="not valid"):
        payload_of(b'{"type":"other","data":{}}')


def test_a_call_names_the_channels_keys_and_its_idempotency_key() -> None:
    bounds = Bounds(messages=7, bytes=1000)
    keys = "{c}:history", "{c}:number"
    call = keyed_call("c", EVENT, key="k", bounds=bounds)
    assert call == (FUNCTION, 3, *keys, "{c}:once:k", "c", 7, 1000, "", "", EVENT)
    call = numbered_call("c", [EVENT, EVENT], sender="s", first=4, bounds=bounds, ttl=60)
    assert call == (FUNCTION, 3, *keys, "{c}:sender:s", "c", 7, 1000, 60, 4, EVENT, EVENT)


@pytest.mark.parametrize("cursors", [["1-2", "1-3"], [b"1-2", b"1-3"]])
def test_a_reply_is_read_as_text_or_as_bytes(cursors: list[str | bytes]) -> None:
    assert published_of([3, 0, *cursors]) == [Published("1-2", 3), Published("1-3", 3)]
    assert published_of([3, 1, *cursors]) == [Published("1-2", 0), Published("1-3", 3)]


def test_messages_are_sent_in_batches_of_bounded_number_and_size() -> None:
    small, large = [b"x"] * (MAX_BATCH + 1), [b"x" * MAX_BATCH_BYTES] * 2
    assert [len(part) for part in batches(small)] == [MAX_BATCH, 1]
    assert [len(part) for part in batches([*large, b"x"])] == [1, 1, 1]
    assert batches([]) == []


def test_a_channel_that_rests_for_long_is_numbered_again_and_forgotten_until_then() -> None:
    numberings = Numberings()
    one, other = numberings.of("one", 0), numberings.of("other", 1)
    one.advance(3)
    assert numberings.of("one", SENDER_RESTS) is one
    assert one.first == 4
    again = numberings.of("other", SENDER_RESTS + 2)
    assert (again.first, again.name == other.name) == (1, False)
    assert numberings.of("one", SENDER_RESTS + 2) is one


@pytest.mark.parametrize(
    ("error", "missing"),
    [
        (ResponseError("Function not found"), True),
        (ResponseError("ERR function not found"), True),
        (ResponseError("OOM command not allowed"), False),
        (RedisConnectionError("Function not found"), False),
    ],
)
def test_only_redis_itself_can_lack_the_function(error: Exception, *, missing: bool) -> None:
    assert is_missing(error) is missing


def test_what_is_not_an_acknowledgement_is_an_error() -> None:
    for reply in (
        7,
        None,
        b"OK",
        [],
        [1, 0],
        [1, 0, "garbage"],
        [0, 0, "1-1", "1-2"],
        ["x", 0, "1-1"],
    ):
        with pytest.raises(PublishError, match="not an acknowledgement"):
            Numbering().acknowledgements(reply, 1)
    with pytest.raises(ForgedSenderError):
        Numbering().acknowledgements([0, 1, ""], 1)


def test_an_answer_that_cannot_be_true_is_an_error() -> None:
    numbering = Numbering()
    assert numbering.acknowledgements([1, 0, "5-1", "5-2"], 2) == [("5-1", 1), ("5-2", 1)]
    with pytest.raises(ForgedSenderError):
        numbering.acknowledgements([0, 1, "5-2"], 1)
    for same in ("5-2", "4-7"):
        with pytest.raises(PublishError, match="cannot be true"):
            numbering.acknowledgements([1, 0, same], 1)
    assert numbering.acknowledgements([1, 0, "3-1"], 1)  # emptied, and the clock set back
    with pytest.raises(PublishError, match="cannot be true"):
        numbering.acknowledgements([1, 0, "6-2", "6-2"], 2)
    assert numbering.acknowledgements([0, 1, "2-9"], 1, key="a")
    assert numbering.acknowledgements([0, 1, "2-9"], 1, key="a")
    with pytest.raises(PublishError, match="cannot be true"):
        numbering.acknowledgements([0, 1, "2-9"], 1, key="b")


def test_of_messages_that_were_sent_before_redis_need_not_say_where_they_are() -> None:
    for reply in ([0, 2, "", "", "5-9"], [0, 2, "", "5-8"], [0, 2, "", ""], [0, 0, "5-8", "5-9"]):
        count = len(reply) - 2
        assert len(Numbering().acknowledgements(reply, count, tried=2)) == count
    for reply, tried in (([0, 2, "", ""], 1), ([0, 1, "6-1", "6-2"], 0), ([0, 1, ""], None)):
        with pytest.raises(ForgedSenderError):
            Numbering().acknowledgements(reply, len(reply) - 2, tried=tried)
