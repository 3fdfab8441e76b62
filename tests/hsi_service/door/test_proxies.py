"""Whose word on their clients is believed."""

from hsi_service.door.proxies import NOBODY, Address, Proxies

PEER = Address("10.0.0.7", 5000)


def client(trusted: list[str], forwarded: bytes | None, peer: Address = PEER) -> Address:
    headers = {} if forwarded is None else {b"x-forwarded-for": forwarded}
    return Proxies(trusted).client_of(peer, headers)


def test_a_trusted_proxy_says_who_its_client_is() -> None:
    assert client(["10.0.0.0/8"], b"198.51.100.1").host == "198.51.100.1"
    assert client(["10.0.0.7"], b"[2001:db8::1]:99") == Address("2001:db8::1", 99)


def test_of_several_the_last_that_is_no_proxy_counts() -> None:
    """What stands before it, the client may have made up."""
    assert client(["10.0.0.0/8"], b"1.2.3.4, 198.51.100.1, 10.0.0.9").host == "198.51.100.1"


def test_nobody_else_is_believed() -> None:
    assert client([], b"198.51.100.1") == PEER
    assert client(["10.0.0.8"], b"198.51.100.1") == PEER
    assert client(["10.0.0.7"], None) == PEER
    assert client(["10.0.0.7"], b"198.51.100.1", NOBODY) == NOBODY
    assert not Proxies([]).trusts("127.0.0.1")


def test_an_address_is_shown_with_its_port_and_what_has_none_as_unknown() -> None:
    assert (str(PEER), str(NOBODY)) == ("10.0.0.7:5000", "unknown")
