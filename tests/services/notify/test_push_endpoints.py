"""Nobody has this service post elsewhere than to the push services of browsers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.push_endpoints import HOSTS, host_of, is_host, is_known, is_public


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://fcm.googleapis.com/fcm/send/dLx:APA91bH-_x", "fcm.googleapis.com"),
        (
            "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABo-_x",
            "updates.push.services.mozilla.com",
        ),
        ("https://web.push.apple.com/QGz-_x", "web.push.apple.com"),
        (
            "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAB%2fVQ%3d%3d",
            "wns2-par02p.notify.windows.com",
        ),
        ("https://fcm.googleapis.com:443/fcm/send/x", "fcm.googleapis.com"),
    ],
)
def test_the_endpoints_of_browsers_are_known(endpoint: str, host: str) -> None:
    assert host_of(endpoint) == host
    assert is_known(host, HOSTS)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "HTTPS://fcm.googleapis.com/x",
        "https://fcm.googleapis.com",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com:0443/x",
        "https://fcm.googleapis.com:/x",
        "https://fcm.googleapis.com./x",
        "https://fcm.googleapis.com../x",
        "https://.fcm.googleapis.com/x",
        "https://me@fcm.googleapis.com/x",
        "https://me:secret@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@127.0.0.1/x",
        "https://fcm.googleapis.com#@127.0.0.1/x",
        "https://fcm.googleapis.com/x#fragment",
        "https://fcm.googleapis.com\\@127.0.0.1/x",
        "https://fcm.googleapis.com/\\127.0.0.1",
        "https:\\\\fcm.googleapis.com/x",
        "https:/fcm.googleapis.com/x",
        "https:fcm.googleapis.com/x",
        "//fcm.googleapis.com/x",
        " https://fcm.googleapis.com/x",
        "https://fcm.googleapis.com/x ",
        "https://fcm.googleapis.com/x\n",
        "https://fcm.google\tapis.com/x",
        "https://fcm.googleapis.com/x\r\nHost: evil",
        "https://fcm.googleapis.com/ü",
        "https://fcm.googleapis.c\u043em/x",
        "https://fcm\u3002googleapis.com/x",
        "https://FCM.googleapis.com/x",
        "https://fcm_.googleapis.com/x",
        "https://-fcm.googleapis.com/x",
        "https://fcm.googleapis%2ecom/x",
        "https://127.0.0.1/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
        "https://10.0.0.1/x",
        "https://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://localhost/x",
        "https://redis/x",
        "javascript:alert(1)",
        "",
        "https://fcm.googleapis.com/" + "x" * 1024,
    ],
)
def test_what_only_looks_like_an_endpoint_is_refused(endpoint: str) -> None:
    host = host_of(endpoint)
    assert host is None or not is_known(host, HOSTS)
    if not endpoint.startswith("https://0x7f"):  # A name, and not one that is known.
        assert host is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "fcm.googleapis.com.evil.com",
        "evilfcm.googleapis.com",
        "xn--fcm-.googleapis.com",
        "googleapis.com",
        "storage.googleapis.com",
        "evilpush.apple.com",
        "notify.windows.com.localhost",
    ],
)
def test_hosts_that_end_nearly_like_a_known_one_are_strange(host: str) -> None:
    assert not is_known(host, HOSTS)


@given(st.text(max_size=60))
def test_no_text_behind_the_host_leads_to_another_host(text: str) -> None:
    assert host_of(f"https://fcm.googleapis.com/{text}") in {None, "fcm.googleapis.com"}
    host = host_of(f"https://fcm.googleapis.com{text}")
    assert host is None or is_host(host)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:192.168.1.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2001:0:53aa:64c:0:1:8080:8080",
        "",
        "localhost",
        "0x7f000001",
    ],
)
def test_addresses_of_houses_and_machines_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "142.250.74.202", "2a00:1450:4001:80b::200a", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_addresses_of_the_internet_are(address: str) -> None:
    assert is_public(address)
