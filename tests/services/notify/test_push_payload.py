"""What a push carries fits, leads into the dashboard, and is for its browser alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.push_payload import (
    MAX_PAYLOAD,
    MIN_PAYLOAD,
    BrowserKeys,
    headers_of,
    path_below,
    payload_of,
    topic_of,
)
from tests.push_service import Browser, base64url
from tests.services.notify.messages import message


def keys_of(browser: Browser) -> BrowserKeys:
    keys = browser.subscription()["keys"]
    parsed = BrowserKeys.parse(keys["p256dh"], keys["auth"])
    assert parsed
    return parsed


def test_a_payload_is_what_the_pages_worker_reads() -> None:
    payload = json.loads(payload_of(message(), base="https://home.example/"))
    assert payload == {
        "title": "Front door: person",
        "body": "Somebody is at the door.",
        "tag": "124 front_door",
        "url": "/events/1764280000000-7",
        "level": "high",
    }


def test_a_browser_finds_the_event_where_nobody_has_said_where_the_dashboard_is() -> None:
    assert json.loads(payload_of(message(url="")))["url"] == "/events/1764280000000-7"
    assert json.loads(payload_of(message(url="", kind="camera")))["url"] == "/"


long = st.text(st.characters(exclude_categories=["Cs"]), max_size=3000)


@given(long, long, long, long, st.integers(MIN_PAYLOAD, MAX_PAYLOAD))
def test_whatever_is_told_fits(title: str, body: str, tag: str, url: str, most: int) -> None:
    told = message(title=title, body=body, tag=tag, url=url)
    payload = payload_of(told, most=most)
    assert len(payload) <= most
    assert json.loads(payload)["level"] == "high"


def test_the_end_of_a_long_text_is_left_out_and_the_tag_stays() -> None:
    told = message(body="\N{GRINNING FACE}" * 500, title="\0" * 120)
    payload = json.loads(payload_of(told, most=1500))
    assert payload["tag"] == told.tag
    assert payload["body"].endswith("…")
    assert payload["title"] == told.title


@pytest.mark.parametrize(
    ("url", "base", "path"),
    [
        ("https://home.example/hsi/events/1-1", "https://home.example/hsi/", "/events/1-1"),
        ("https://home.example/hsi/events/1-1", "https://home.example/hsi", "/events/1-1"),
        ("https://home.example.evil/events/1-1", "https://home.example", "/"),
        ("https://evil.example/events/1-1", "https://home.example", "/"),
        ("/events/1-1", "", "/events/1-1"),
        ("//evil.example/", "", "/"),
        ("https://home.example//evil.example", "https://home.example", "/"),
        ("javascript:alert(1)", "", "/"),
        ("", "https://home.example", "/"),
    ],
)
def test_a_push_leads_into_the_dashboard_alone(url: str, base: str, path: str) -> None:
    assert path_below(url, base) == path


def test_headers_say_how_urgent_it_is_and_what_it_replaces() -> None:
    keys = keys_of(Browser())
    urgencies = [
        headers_of(message(level=level), keys)["Urgency"]
        for level in ("low", "medium", "high", "critical", None)
    ]
    assert urgencies == ["low", "normal", "high", "high", "normal"]
    headers = headers_of(message(), keys)
    assert (headers["TTL"], headers["Content-Encoding"]) == ("86400", "aes128gcm")
    assert headers_of(message(level="low"), keys)["TTL"] == "3600"
    assert headers["Topic"] == topic_of("124 front_door", keys)


@given(st.text())
def test_a_topic_is_32_characters_and_tells_nothing_without_the_browsers_secret(tag: str) -> None:
    keys = keys_of(Browser())
    topic = topic_of(tag, keys)
    assert len(topic) == 32
    assert topic.replace("-", "").replace("_", "").isalnum()
    assert topic == topic_of(tag, keys)
    assert topic != topic_of(tag, keys_of(Browser()))


POINT = base64url(Browser().point)
SECRET = base64url(bytes(16))


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [
        ("", SECRET),
        (POINT, ""),
        (POINT[:-4], SECRET),
        (POINT, SECRET + "AAAA"),
        (base64url(b"\x04" + bytes(64)), SECRET),
        (base64url(b"\x02" + bytes(64)), SECRET),
        (POINT.replace(POINT[5], "!", 1), SECRET),
        ("ü" + POINT[1:], SECRET),
    ],
    ids=map(str, range(8)),  # The point is another one in each process that collects tests.
)
def test_keys_that_nothing_can_be_encrypted_with_are_none(p256dh: str, auth: str) -> None:
    assert BrowserKeys.parse(p256dh, auth) is None
    assert BrowserKeys.parse(POINT + "=", SECRET + "==")
