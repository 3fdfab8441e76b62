"""What a body holds, and what is wrong with it, by the field."""

import contextlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from hsi_service.publish.bodies import (
    MAX_KEY,
    BadKeyError,
    Fault,
    InvalidBodyError,
    TooManyError,
    UnreadableBodyError,
    checked_key,
    fault_in,
    items_of,
    media_type,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=20)
@given(json_values)
def test_every_json_is_one_message_or_a_list_and_keeps_its_text(value: object) -> None:
    text = b" " + msgspec.json.encode(value) + b"\n"
    if isinstance(value, list) and not value:
        with pytest.raises(InvalidBodyError, match="expected 1 to 1000, found none"):
            items_of(text, most=1000)
        return
    items, is_list = items_of(text, most=1000)
    assert is_list == isinstance(value, list)
    assert b",".join(items).replace(b" ", b"") in text.replace(b" ", b"")


@given(st.binary())
def test_bytes_that_are_not_json_are_told_so_and_nothing_else_is_raised(text: bytes) -> None:
    with contextlib.suppress(UnreadableBodyError, TooManyError, InvalidBodyError):
        items_of(text, most=5)


def test_a_list_has_no_more_messages_than_it_may() -> None:
    assert items_of(b"[1, 2]", most=2) == ([Raw(b"1"), Raw(b"2")], True)
    with pytest.raises(TooManyError, match="at most 2 in a request, found 3"):
        items_of(b"[1, 2, 3]", most=2)


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    number: int


class Outer(msgspec.Struct):
    inner: Inner


@pytest.mark.parametrize(
    ("text", "key", "why"),
    [
        ('{"inner": {"number": "x"}}', "inner.number", "expected `int`, got `str`"),
        ('{"inner": {}}', "inner.number", "is missing"),
        ('{"inner": {"number": 1, "more": 2}}', "inner.more", "is not known"),
        ("{}", "inner", "is missing"),
        ("[]", "", "expected `object`, got `array`"),
    ],
)
def test_a_fault_names_the_field(text: str, key: str, why: str) -> None:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(text, type=Outer)
    assert fault_in(raised.value) == (key, why)


def test_the_first_faults_are_told_in_one_line() -> None:
    faults = [Fault(number, "a", "is missing") for number in range(5)]
    told = "message 0: a: is missing; message 1: a: is missing; message 2: a: is missing; …"
    assert str(InvalidBodyError(faults)) == told
    assert str(Fault(None, "", "expected an object")) == "expected an object"


@pytest.mark.parametrize("values", [["k", "k"], [""], ["a b"], ["ä"], ["x" * (MAX_KEY + 1)]])
def test_what_cannot_be_an_idempotency_key_is_refused(values: list[str]) -> None:
    with pytest.raises(BadKeyError, match="1 to 128 characters"):
        checked_key(values)


def test_a_request_has_an_idempotency_key_or_none() -> None:
    assert checked_key([]) is None
    assert checked_key(['"8e03978e"']) == '"8e03978e"'


def test_a_media_type_is_known_without_its_parameters() -> None:
    assert media_type("Application/JSON; charset=utf-8") == "application/json"
