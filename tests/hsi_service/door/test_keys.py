"""Whose keys are good now, and what those who came with them are worth."""

import pytest

from hsi.keys import KeyEntry, Scope, digest
from hsi_service.door.access import Access, Handshake, Request
from hsi_service.door.keys import Identity, KeyRing
from hsi_service.settings import Settings


def entry(name: str, scope: Scope) -> KeyEntry:
    """Return the entry of a key that is called like its secret."""
    return KeyEntry(name, scope, digest(name.encode()).hex())


READ, ACT, ADMIN, PUBLISH = (
    entry(f"a key for {scope}", scope) for scope in ("read", "act", "admin", "publish")
)
ALL = [READ, ACT, ADMIN, PUBLISH]


def with_keys(*entries: KeyEntry) -> Access:
    return Access(Settings(api_keys=tuple(map(str, entries))))


@pytest.mark.parametrize("key", ALL)
def test_who_comes_is_known_by_the_name_and_scope_of_its_key(key: KeyEntry) -> None:
    decision = with_keys(*ALL).judge_request(Request(keys=[key.name]), key.scope)
    assert decision.who == Identity(key.name, key.scope, key.digest[:16])


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("needed", ["read", "act", "admin", "publish"])
def test_a_route_is_for_those_whose_scope_includes_its_own(key: KeyEntry, needed: Scope) -> None:
    decision = with_keys(*ALL).judge_request(Request(keys=[key.name]), needed)
    order: list[Scope] = ["read", "act", "admin"]
    may = (
        key.scope == needed
        if "publish" in {key.scope, needed}
        else order.index(key.scope) >= order.index(needed)
    )
    assert (decision.code is None) is may
    assert decision.lacks_scope is not may
    assert not decision.is_guess


def test_a_key_that_publishes_opens_no_stream_but_another_beside_it_does() -> None:
    access = with_keys(PUBLISH, READ)
    alone = access.judge(Handshake(subprotocols=[f"api-key.{PUBLISH.digest}"]))
    assert alone.is_guess  # the digest is no key
    alone = access.judge(Handshake(query=b"api_key=a+key+for+publish"))
    assert (alone.code, alone.reason) == (
        4401,
        "this key's scope does not include read, which is needed here",
    )
    both = access.judge(Handshake(query=b"api_key=a+key+for+publish&api_key=a+key+for+read"))
    assert both.who is not None
    assert both.who.name == "a key for read"


def test_the_token_of_websockets_is_a_key_that_reads() -> None:
    token = "0123456789" * 4
    access = Access(Settings(websocket_token=token))
    who = access.judge(Handshake(query=f"token={token}".encode())).who
    assert who is not None
    assert (who.name, who.scope) == ("token", "read")
    assert access.why_out(who) == ""


def test_clients_of_one_key_share_one_object() -> None:
    access = with_keys(READ)
    handshake = Handshake(query=b"api_key=a+key+for+read")
    assert access.judge(handshake).who is access.judge(handshake).who


def test_a_key_that_is_taken_away_is_worth_nothing_and_one_that_is_narrowed_less() -> None:
    ring = KeyRing([ADMIN])
    (who,) = ring.of_keys([ADMIN.name.encode()])
    assert ring.now(who) is who
    assert KeyRing([READ]).now(who) is None
    narrowed = KeyRing([ADMIN._replace(scope="read")]).now(who)
    assert narrowed is not None
    assert narrowed.scope == "read"
    assert KeyRing([ADMIN._replace(scope="publish")]).now(who) is None
    widened = Identity("x", "read", ADMIN.beginning, 1.0)
    assert ring.now(widened) == widened


def test_those_inside_stay_as_long_as_their_key_may_read() -> None:
    access = Access(Settings(api_keys_file="x"), [ADMIN])
    who = access.judge(Handshake(query=b"api_key=a+key+for+admin")).who
    assert who is not None
    for scope, stays in (("act", True), ("read", True), ("publish", False)):
        access.use([ADMIN._replace(scope=scope)])  # type: ignore[arg-type]  # a Scope
        assert (access.why_out(who) == "") is stays
    access.use([])
    assert access.why_out(who) == "this key or session is no longer valid here: sign in again"
    assert access.judge(Handshake(query=b"api_key=a+key+for+admin")).code == 4401
    assert access.why_out(None) == ""


def test_the_later_of_two_entries_of_a_key_counts() -> None:
    access = Access(Settings(api_keys=(READ.digest,)), [READ._replace(scope="admin")])
    assert access.judge_request(Request(keys=[READ.name]), "admin").code is None
    assert len(access.ring.identities) == 1
