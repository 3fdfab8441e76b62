"""Origins and hosts, as browsers write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.origins import Origin, name_of


@given(st.text(max_size=50))
def test_what_is_no_origin_is_none(text: str) -> None:
    assert Origin.parse(text) is None or "://" in text
    assert not set(name_of(text)) & set(" /@?#")


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://Home.Example", Origin("https", "home.example", 443)),
        ("http://home.example:8080", Origin("http", "home.example", 8080)),
        ("http://home.example:80", Origin("http", "home.example", 80)),
        ("HTTP://[::1]:3000", Origin("http", "[::1]", 3000)),
        ("capacitor://localhost", Origin("capacitor", "localhost", None)),
    ],
)
def test_the_same_origin_has_one_form(text: str, origin: Origin) -> None:
    assert Origin.parse(text) == origin


@pytest.mark.parametrize(
    "text",
    ["", "null", "home.example", "https://", "https://a.example/", "https://a@b.example", "//a"],
)
def test_anything_else_is_not_an_origin(text: str) -> None:
    assert Origin.parse(text) is None


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Home.Example:8080", "home.example"),
        ("home.example", "home.example"),
        ("[::1]:80", "[::1]"),
        ("127.0.0.1:", "127.0.0.1"),
        ("", ""),
        ("::1", ""),
        ("a b", ""),
        ("home.example/path", ""),
    ],
)
def test_a_host_header_has_a_name_without_its_port(host: str, name: str) -> None:
    assert name_of(host) == name
