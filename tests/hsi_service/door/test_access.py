"""Who gets in, by credential and by origin."""

import hashlib
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.door import keys
from hsi_service.door.access import Access, Handshake, Request
from hsi_service.settings import Settings

KEY, OTHER_KEY, TOKEN = "key-1_of.two", "key-2", "a token/with+odd=chars%&? of 32 or more"
HERE = ("127.0.0.1", 8000)


def hexdigest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def access_with_keys(**settings: Any) -> Access:
    digests = (hexdigest(OTHER_KEY), hexdigest(KEY).upper())
    return Access(Settings(api_keys=digests, websocket_token=TOKEN, **settings))


@pytest.mark.parametrize(
    "handshake",
    [
        Handshake(query=f"api_key={KEY}".encode()),
        Handshake(query=f"since=1-1&api_key={OTHER_KEY}&tail=3".encode()),
        Handshake(query=f"api%5Fkey={quote(KEY)}".encode()),
        Handshake(query=f"token={quote(TOKEN, safe='')}".encode()),
        Handshake(query=f"token={quote_plus(TOKEN)}".encode()),
        Handshake(query=f"token={quote(TOKEN, safe='+')}".encode()),
        Handshake(subprotocols=[f"api-key.{KEY}"]),
        Handshake(subprotocols=["chat", f"api-key.{KEY}"]),
        Handshake(subprotocols=["api-key.wrong", f"api-key.{KEY}"]),
        # Any one is enough, whatever the others are.
        Handshake(query=f"api_key=wrong&token=wrong&api_key={KEY}".encode()),
        Handshake(query=b"api_key=wrong", subprotocols=[f"api-key.{KEY}"]),
        Handshake(query=f"token={quote(TOKEN)}".encode(), subprotocols=["api-key.wrong"]),
    ],
)
def test_any_one_valid_credential_lets_in(handshake: Handshake) -> None:
    assert access_with_keys().judge(handshake).code is None


@pytest.mark.parametrize(
    ("handshake", "why"),
    [
        (Handshake(), "no credential"),
        (Handshake(query=b"api_key=&token="), "no credential"),
        (Handshake(query=b"since=1-1"), "no credential"),
        (Handshake(subprotocols=["api-key."]), "no credential"),
        (Handshake(subprotocols=[KEY]), "no credential"),
        (Handshake(query=b"api_key=wrong"), "no valid credential"),
        (Handshake(query=f"api_key={KEY}x".encode()), "no valid credential"),
        (Handshake(query=f"api_key={KEY.upper()}".encode()), "no valid credential"),
        (Handshake(query=f"api_key={hexdigest(KEY)}".encode()), "no valid credential"),
        (Handshake(query=f"api_key={quote(TOKEN, safe='')}".encode()), "no valid credential"),
        (Handshake(query=f"token={KEY}".encode()), "no valid credential"),
        (Handshake(query=b"api_key=%ff%00&token=\xff"), "no valid credential"),
        (Handshake(subprotocols=[f"api-key.{TOKEN}"]), "no valid credential"),
        (Handshake(subprotocols=["api-key.\u20ac\xff"]), "no valid credential"),
    ],
)
def test_nothing_else_does_and_the_reason_says_which(handshake: Handshake, why: str) -> None:
    decision = access_with_keys().judge(handshake)
    assert decision.code == 4401
    assert decision.reason.startswith(why)
    assert len(decision.reason.encode()) <= 123  # of a close frame
    assert "wrong" not in decision.reason


@given(st.binary(), st.lists(st.text()), st.lists(st.text(), max_size=2), st.text())
def test_no_handshake_is_too_odd_to_be_judged(
    query: bytes, subprotocols: list[str], origins: list[str], host: str
) -> None:
    names = [*subprotocols, *(f"api-key.{name}" for name in subprotocols)]
    assert access_with_keys().judge(Handshake(query, names, origins, host)).code in {4401, 4403}


@pytest.mark.parametrize(
    ("offered", "echoed"),
    [
        ([], None),
        (["chat"], None),
        (["API-KEY.x"], None),
        (["api-key."], "api-key."),
        (["chat", "api-key.wrong"], "api-key.wrong"),
        (["api-key.wrong", f"api-key.{KEY}"], f"api-key.{KEY}"),
    ],
)
def test_an_offered_key_is_echoed_whether_it_is_good_or_not(
    offered: list[str], echoed: str | None
) -> None:
    # Without the echo, Chromium would see a failed handshake instead of 4401.
    assert access_with_keys().judge(Handshake(subprotocols=offered)).subprotocol == echoed


def test_a_service_that_asks_for_no_key_echoes_one_all_the_same() -> None:
    decision = Access(Settings(auth_disabled=True)).judge(
        Handshake(subprotocols=["chat", "api-key.any"])
    )
    assert (decision.code, decision.subprotocol) == (None, "api-key.any")


def test_without_credentials_everybody_who_reaches_it_gets_in() -> None:
    here: dict[str, Any] = {"host": "localhost:8000", "server": HERE}
    assert Access(Settings()).judge(Handshake(**here)).code is None
    assert Access(Settings()).judge(Handshake(query=b"api_key=any", **here)).code is None
    assert Access(Settings()).judge_request(Request(**here)).code is None


def allows(settings: Settings, origins: list[str], host: str) -> bool:
    access = Access(settings)
    code = access.judge(Handshake(origins=origins, host=host, server=HERE)).code
    request = Request(origins=origins, host=host, server=HERE)
    assert access.judge_request(request).code == code
    assert code in {None, 4403}
    return code is None


ABROAD = Settings(
    auth_disabled=True,
    host="0.0.0.0",
    allowed_origins=("https://home.example", "http://dash.example:3000", "app://dashboard"),
)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "hsi.example"),
        (None, ""),
        ("http://hsi.example", "hsi.example"),
        ("https://hsi.example", "hsi.example"),
        ("https://HSI.example", "hsi.Example:443"),
        ("https://hsi.example:8443", "hsi.example:8443"),
        ("http://[2001:DB8::1]:80", "[2001:db8::1]"),
        ("http://192.0.2.1:8080", "192.0.2.1:8080"),
        ("https://home.example", "hsi.example"),
        ("https://home.example:443", "hsi.example"),
        ("http://dash.example:3000", "hsi.example"),
        ("app://dashboard", "hsi.example"),
    ],
)
def test_a_page_of_this_host_or_of_an_allowed_origin_may_connect(
    origin: str | None, host: str
) -> None:
    assert allows(ABROAD, [] if origin is None else [origin], host)


@pytest.mark.parametrize(
    ("origins", "host"),
    [
        (["null"], "hsi.example"),
        (["null"], "null"),
        ([""], ""),
        (["https://"], ""),
        (["evil"], "evil"),
        (["https://evil.example"], "hsi.example"),
        (["https://evil.example"], ""),
        (["https://hsi.example.evil.example"], "hsi.example"),
        (["https://evilhsi.example"], "hsi.example"),
        (["https://hsi.example@evil.example"], "hsi.example"),
        (["https://evil.example/hsi.example"], "hsi.example"),
        (["https://evil.example#hsi.example"], "hsi.example"),
        (["http://home.example"], "hsi.example"),
        (["https://home.example:444"], "hsi.example"),
        (["http://dash.example"], "hsi.example"),
        (["https://hsi.example", "https://evil.example"], "hsi.example"),
        (["https://hsi.example https://evil.example"], "hsi.example"),
        (["https://evil.example"], "evil.example, hsi.example"),
    ],
)
def test_a_page_of_any_other_origin_may_not(origins: list[str], host: str) -> None:
    assert not allows(ABROAD, origins, host)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_a_service_for_this_machine_alone_trusts_pages_of_this_machine_alone(name: str) -> None:
    home = Settings()
    assert allows(home, [f"http://{name}:5173"], f"{name}:8080")
    # A site of a stranger, whose name its owner has made to mean 127.0.0.1.
    assert not allows(home, ["http://rebound.example:8080"], "rebound.example:8080")
    named = Settings(allowed_origins=("http://dash.example:8080",))
    assert allows(named, ["http://dash.example:8080"], f"{name}:8080")
    # Its Host is a stranger's all the same.
    assert not allows(named, ["http://dash.example:8080"], "dash.example:8080")


def test_a_wrong_origin_is_no_better_for_a_valid_key() -> None:
    handshake = Handshake(f"api_key={KEY}".encode(), [], ["https://evil.example"], "hsi.example")
    assert access_with_keys().judge(handshake).code == 4403
    for query in (b"", b"api_key=wrong"):
        decision = access_with_keys().judge(handshake._replace(query=query))
        assert (decision.code, decision.is_guess) == (4403, False)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request(keys=[KEY]), None),
        (Request(authorizations=[f"Bearer {KEY}"]), None),
        (Request(authorizations=[f"bearer  {KEY}"]), None),
        (Request(keys=["wrong"], authorizations=[f"Bearer {KEY}"]), None),
        (Request(keys=["wrong", KEY]), None),
        (Request(), 4401),
        (Request(keys=[""]), 4401),
        (Request(keys=["wrong"]), 4401),
        (Request(keys=[TOKEN]), 4401),
        (Request(keys=[hexdigest(KEY)]), 4401),
        (Request(authorizations=["Bearer"]), 4401),
        (Request(authorizations=[KEY]), 4401),
        (Request(authorizations=[f"Basic {KEY}"]), 4401),
        (Request(keys=[KEY], origins=["https://evil.example"], host="hsi.example"), 4403),
    ],
)
def test_under_api_a_key_comes_in_a_header(request_: Request, code: int | None) -> None:
    assert access_with_keys().judge_request(request_).code == code


def test_a_token_alone_opens_no_api() -> None:
    access = Access(Settings(websocket_token=TOKEN))
    assert access.judge_request(Request()).code == 4401
    assert access.judge_request(Request(keys=[TOKEN])).code == 4401


# Few credentials a request.


def in_query(count: int) -> Handshake:
    return Handshake(query="&".join(f"token=guess-{number}" for number in range(count)).encode())


def in_names(count: int) -> Handshake:
    return Handshake(subprotocols=[f"api-key.guess-{number}" for number in range(count)])


@pytest.mark.parametrize(
    "many",
    [
        in_query(670),
        in_names(48_000),
        Handshake(query=b"api_key=1&token=2&api_key=3", subprotocols=["api-key.4", "api-key.5"]),
        Request(keys=[f"guess-{number}" for number in range(75_000)]),
        Request(keys=["1", "2"], authorizations=["Bearer 3", "Bearer 4", "Bearer 5"]),
        Request(keys=[KEY, "2", "3", "4", "5"]),
        Handshake(query=f"api_key=1&api_key=2&api_key=3&api_key=4&api_key={KEY}".encode()),
    ],
)
def test_of_more_than_four_credentials_none_is_tried(
    many: Handshake | Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = access_with_keys()
    monkeypatch.delattr(keys, "digest")
    judge = access.judge if isinstance(many, Handshake) else access.judge_request
    decision = judge(many)  # type: ignore[arg-type]  # each has its own
    assert (decision.code, decision.reason) == (
        4401,
        "more than 4 credentials: none of them was tried",
    )
    assert decision.is_guess


@pytest.mark.parametrize("number", range(4))
def test_four_credentials_are_tried_wherever_the_good_one_stands(number: int) -> None:
    given = ["wrong"] * 4
    given[number] = KEY
    query = "&".join(f"api_key={key}" for key in given).encode()
    assert access_with_keys().judge(Handshake(query=query)).code is None
    assert access_with_keys().judge_request(Request(keys=given)).code is None


@pytest.mark.parametrize(
    ("handshake", "is_guess"),
    [
        (Handshake(), False),
        (Handshake(query=b"since=1-1"), False),
        (Handshake(query=b"token=wrong"), True),
        (Handshake(subprotocols=["api-key.wrong"]), True),
        (Handshake(query=f"api_key={KEY}".encode()), False),
        (Handshake(query=f"token=wrong&api_key={KEY}".encode()), False),
    ],
)
def test_only_a_wrong_credential_is_a_guess(handshake: Handshake, *, is_guess: bool) -> None:
    assert access_with_keys().judge(handshake).is_guess is is_guess


# Without credentials, only this machine.

LOOPBACK_HOSTS = [
    "localhost",
    "LocalHost:8080",
    "127.0.0.1",
    "127.0.0.1:8000",
    "127.8.7.6:80",
    "[::1]",
    "[::1]:8080",
    "[0:0:0:0:0:0:0:1]:80",
]
FOREIGN_HOSTS = [
    "",
    "evil.example",
    "evil.example:8080",
    "EVIL.example.",
    "localhost.evil.example",
    "localhost.evil.example:8080",
    "127.0.0.1.evil.example",
    "evil-localhost",
    "localhost@evil.example",
    "localhost, evil.example",
    "localhost, localhost",
    "0.0.0.0",
    "0.0.0.0:8080",
    "192.168.1.5",
    "[::]",
    "[fe80::1]",
    "[::1].evil.example",
    "[::1",
    "::1",
    "http://localhost/",
    "localhost:80:80",
    "localhost:evil",
    "127.0.0.1 evil.example",
    "\xff",
]


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_a_loopback_host_is_answered_without_credentials(host: str) -> None:
    assert Access(Settings()).judge_place(HERE, host) == ""


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_any_other_host_is_not(host: str) -> None:
    access = Access(Settings())
    why = "without credentials this service answers to localhost and loopback addresses alone"
    assert access.judge_place(HERE, host) == why
    assert access.judge(Handshake(host=host, server=HERE)).reason == why
    assert access.judge_request(Request(host=host, server=HERE)).code == 4403
    assert len(why.encode()) <= 123  # of a close frame


@given(st.text(max_size=60))
def test_no_name_but_our_own_passes_for_this_machine(host: str) -> None:
    if Access(Settings()).judge_place(HERE, host) == "":
        assert host.lower().startswith(("localhost", "127.", "[::1]", "[0", "[::ffff"))


@pytest.mark.parametrize(
    "server",
    [
        ("127.0.0.1", 8000),
        ["127.0.0.1", 8000],
        ("127.9.9.9", 1),
        ("::1", 8000),
        ("::ffff:127.0.0.1", 8000),
        ("/run/hsi.sock", None),
    ],
)
def test_without_credentials_what_arrives_on_loopback_is_answered(server: Any) -> None:
    assert Access(Settings()).judge_place(server, "localhost") == ""


@pytest.mark.parametrize(
    "server",
    [None, (), ("192.168.1.5", 8000), ("0.0.0.0", 80), ("fe80::1%eth0", 80), ("", 0), ("::", 1)],
)
def test_without_credentials_what_arrives_elsewhere_is_not(server: Any) -> None:
    access = Access(Settings())
    why = access.judge_place(server, "localhost")
    assert why.startswith("without credentials this service answers on loopback alone")
    assert access.judge(Handshake(host="localhost", server=server)).reason == why
    assert len(why.encode()) <= 123  # of a close frame


@pytest.mark.parametrize("open_", [{"auth_disabled": True}, {"api_keys": (hexdigest(KEY),)}])
def test_with_credentials_or_told_so_it_answers_everywhere(open_: dict[str, Any]) -> None:
    assert Access(Settings(**open_)).judge_place(None, "evil.example") == ""
