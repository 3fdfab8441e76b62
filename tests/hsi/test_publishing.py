"""The two publishers' common part: what goes to Redis, and what comes back. Pure."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from hsi.publishing import FUNCTION, Published, call_of, new_key, payload_of, published_of
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
    assert call_of("c", EVENT, key="k", history_length=7) == (
        FUNCTION,
        3,
        "{c}:history",
        "{c}:number",
        "{c}:once:k",
        "c",
        EVENT,
        7,
    )
    assert new_key() != new_key()


@pytest.mark.parametrize("cursor", ["1-2", b"1-2"])
def test_a_reply_is_read_as_text_or_as_bytes(cursor: str | bytes) -> None:
    assert published_of([cursor, 3, 0]) == Published(cursor="1-2", receivers=3)


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
