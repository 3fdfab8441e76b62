"""API keys: how they travel, and what is kept of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.keys import digest, key_protocol


@given(st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", fullmatch=True))
def test_a_key_travels_as_a_subprotocol(key: str) -> None:
    assert key_protocol(key) == f"api-key.{key}"


@pytest.mark.parametrize(
    "key", ["", "a b", "a,b", 'a"b', "a/b", "a=", "a\n", "\u00fcber", "a\r\nb"]
)
def test_a_key_that_cannot_is_refused_without_being_quoted(key: str) -> None:
    with pytest.raises(ValueError, match="may hold letters, digits and") as caught:
        key_protocol(key)
    assert not key or key not in str(caught.value)


def test_what_is_kept_of_a_secret_is_its_sha_256() -> None:
    assert digest(b"abc").hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
