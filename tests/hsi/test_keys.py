"""API keys: how they travel, and what is kept of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.keys import SCOPES, KeyEntry, digest, includes, key_protocol


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


DIGEST = digest(b"a key").hex()


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        (DIGEST, KeyEntry(DIGEST[:8], "read", DIGEST)),
        (DIGEST.upper(), KeyEntry(DIGEST[:8], "read", DIGEST)),
        (f"kitchen tablet:act:{DIGEST}", KeyEntry("kitchen tablet", "act", DIGEST)),
        (f" pipeline : publish : {DIGEST} ", KeyEntry("pipeline", "publish", DIGEST)),
        (f"Zoë's phone:admin:{DIGEST}", KeyEntry("Zoë's phone", "admin", DIGEST)),
    ],
)
def test_an_entry_has_a_name_and_a_scope_and_a_bare_digest_may_read(
    text: str, entry: KeyEntry
) -> None:
    assert KeyEntry.parse(text) == entry
    assert KeyEntry.parse(str(entry)) == entry


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hunter2", "is not a SHA-256 digest"),
        (f"{DIGEST}hunter2", "is not a SHA-256 digest"),
        ("hunter2:read:hunter2", "is not a SHA-256 digest"),
        (f"hunter2:{DIGEST}", "is neither a digest nor name:scope:digest"),
        (f"a:b:read:{DIGEST}", "is neither a digest nor name:scope:digest"),
        (f":read:{DIGEST}", "has a name that cannot be one"),
        (f"hunter2\n:read:{DIGEST}x", "is not a SHA-256 digest"),
        (f"{'hunter2' * 10}:read:{DIGEST}", "has a name that cannot be one"),
        (f"hunter\x1b2:read:{DIGEST}", "has a name that cannot be one"),
        (f"kitchen:hunter2:{DIGEST}", "has a scope that does not exist: there are read, act"),
        (f"kitchen:READ:{DIGEST}", "has a scope that does not exist"),
    ],
)
def test_what_is_no_entry_is_refused_without_being_quoted(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        KeyEntry.parse(text)
    assert "hunter2" not in str(caught.value)


def test_a_scope_includes_what_stands_before_it_and_publish_is_its_own() -> None:
    assert {(has, needed) for has in SCOPES for needed in SCOPES if includes(has, needed)} == {
        ("read", "read"),
        ("act", "read"),
        ("act", "act"),
        ("admin", "read"),
        ("admin", "act"),
        ("admin", "admin"),
        ("publish", "publish"),
    }
