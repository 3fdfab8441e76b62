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
    Numberings,
    Published,
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
