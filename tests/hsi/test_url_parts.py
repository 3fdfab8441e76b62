"""What can be sent, and which hosts may exist."""

import pytest

from hsi.url_parts import is_utf8, may_be_host


@pytest.mark.parametrize("url", ["redis://u:p@h", "redis://u:ü@h", "redis://u:%C3%BC@h", ""])
def test_what_is_utf8_can_be_sent(url: str) -> None:
    assert is_utf8(url)


@pytest.mark.parametrize(
    "url", ["redis://u:p\udce9@h", "redis://u:p%E9@h", "redis://h?password=%ff", "x%C3"]
)
def test_what_is_not_cannot(url: str) -> None:
    assert not is_utf8(url)


@pytest.mark.parametrize(
    "host",
    ["localhost", "redis.home.", "a_b", "10.0.0.1", "::1", "fe80::1%eth0", "bücher.de", "a" * 63],
)
def test_a_host_that_may_exist(host: str) -> None:
    assert may_be_host(host)


@pytest.mark.parametrize(
    "host",
    ["h..x", ".h", "", ".", "h..", "a" * 64, f"h.{'b' * 64}", ".".join(["abc"] * 64), "ü" * 60],
)
def test_a_host_that_cannot(host: str) -> None:
    assert not may_be_host(host)
