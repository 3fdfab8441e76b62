"""The cookie says who came, and nobody but a service can make one."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.keys import KeyEntry, Scope, digest
from hsi_service.door.access import Access, Handshake, Request
from hsi_service.door.keys import Identity
from hsi_service.door.session_cookie import COOKIE, seal, set_cookie, unseal, values_in
from hsi_service.settings import Settings

SECRET = "a secret of the services, for tests"
KEY = KeyEntry("kitchen tablet", "act", digest(b"a key").hex())
WHO = Identity(KEY.name, "act", KEY.beginning, 2_000.0)
HOST = "hsi.example"
PAGE = ["https://hsi.example"]


def access_at(now: Callable[[], float], *keys: KeyEntry, secret: str = SECRET) -> Access:
    settings = Settings(api_keys_file="x", session_secret=secret, allowed_origins=("app://hsi",))
    return Access(settings, keys, clock=now)


def cookie(who: Identity = WHO, secret: str = SECRET) -> list[str]:
    return [f"theme=dark; {COOKIE}={seal(who, secret)}"]


@given(st.text(max_size=64), st.sampled_from(["read", "act", "admin"]), st.floats(0, 1e11))
def test_what_is_sealed_is_read_again(name: str, scope: Scope, expires: float) -> None:
    who = Identity(name, scope, KEY.beginning, expires)
    value = seal(who, SECRET)
    assert unseal(value, SECRET) == who
    assert list(values_in([f"{COOKIE}={value}"])) == [value]
    assert unseal(value, SECRET + "!") is None


@given(st.integers(0, 300), st.characters(codec="ascii"))
def test_a_cookie_that_was_changed_is_nobodys(place: int, character: str) -> None:
    value = seal(WHO, SECRET)
    place %= len(value)
    changed = value[:place] + character + value[place + 1 :]
    if changed != value:
        found = unseal(changed, SECRET)
        # The last character of base64 has bits that mean nothing.
        assert found is None or (found == WHO and place in {value.index(".") - 1, len(value) - 1})


@given(st.text())
def test_no_text_is_too_odd_to_be_refused(value: str) -> None:
    assert unseal(value, SECRET) is None


@pytest.mark.parametrize(
    ("headers", "values"),
    [
        ([], []),
        (["hsi_session"], []),
        (["hsi_session="], []),
        (["other=1; hsi_session=a.b"], ["a.b"]),
        (['hsi_session="a.b"; x=y'], ["a.b"]),
        (["hsi_session=1;hsi_session=2", "hsi_session=3"], ["1", "2", "3"]),
        (["nothsi_session=1; hsi_session2=2"], []),
    ],
)
def test_it_is_found_among_others(headers: list[str], values: list[str]) -> None:
    assert list(values_in(headers)) == values


def test_no_script_and_no_other_site_has_it_and_where_the_page_is_https_no_wire() -> None:
    plain = "hsi_session=v; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000"
    assert set_cookie("v", secure=False) == plain
    assert set_cookie("v", secure=True) == f"{plain}; Secure"
    assert set_cookie("", max_age=0, secure=False).endswith("Max-Age=0")


def test_a_page_of_an_allowed_origin_gets_in_by_its_cookie() -> None:
    access = access_at(lambda: 1_000, KEY)
    for origins in (PAGE, ["app://hsi"]):
        handshake = Handshake(cookies=cookie(), origins=origins, host=HOST)
        assert access.judge(handshake).who == WHO
        request = Request(cookies=cookie(), origins=origins, method="POST", host=HOST)
        assert access.judge_request(request, "act").who == WHO
        assert access.judge_request(request, "admin").lacks_scope
    assert access.judge_request(Request(cookies=cookie(), host=HOST)).who == WHO


@pytest.mark.parametrize("origins", [[], ["https://evil.example"], ["null"], PAGE * 2])
def test_any_other_page_does_not(origins: list[str]) -> None:
    access = access_at(lambda: 1_000, KEY)
    assert access.judge(Handshake(cookies=cookie(), origins=origins, host=HOST)).code == 4403
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        request = Request(cookies=cookie(), origins=origins, method=method, host=HOST)
        assert access.judge_request(request).code == 4403


def test_a_session_ends_by_the_clock_and_with_its_key() -> None:
    now = 1_000.0
    access = access_at(lambda: now, KEY)
    handshake = Handshake(cookies=cookie(), origins=PAGE, host=HOST)
    assert access.why_out(access.judge(handshake).who) == ""
    access.use([KEY._replace(scope="read")])
    narrowed = access.judge(handshake).who
    assert narrowed is not None
    assert narrowed.scope == "read"
    access.use([])
    taken = access.judge(handshake)
    assert (taken.code, taken.is_guess) == (4401, False)
    assert taken.reason == access.why_out(WHO) != ""
    access.use([KEY])
    now = 2_000.0
    ended = access.judge(handshake)
    assert (ended.code, ended.is_guess) == (4401, False)
    assert ended.reason == access.why_out(WHO) == "this session has ended: sign in again"


def test_a_cookie_that_no_service_made_lets_nobody_in_and_is_no_guess() -> None:
    """Nobody guesses its seal; and after a new SESSION_SECRET, all open tabs have such a one."""
    access = access_at(lambda: 1_000, KEY)
    forged = access.judge(Handshake(cookies=cookie(secret=KEY.digest), origins=PAGE, host=HOST))
    assert (forged.code, forged.is_guess) == (4401, False)
    assert forged.reason.startswith("no valid credential")
    many = Handshake(cookies=[f"{COOKIE}=a; " * 5], origins=PAGE, host=HOST)
    assert access.judge(many).reason.startswith("more than 4 credentials")


def test_without_a_secret_of_the_services_a_cookie_is_nothing() -> None:
    access = access_at(lambda: 1_000, KEY, secret="")
    for made in (cookie(), cookie(secret="")):
        decision = access.judge(Handshake(cookies=made, origins=PAGE, host=HOST))
        assert (decision.code, decision.is_guess) == (4401, False)
        assert decision.reason.startswith("no credential")
