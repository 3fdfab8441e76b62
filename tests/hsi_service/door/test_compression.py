"""What is answered to the extensions that a client offers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.headers import build_extension, parse_extension

from hsi_service.door.compression import MAX_OFFERS_BYTES, WINDOW_BITS, accepted

TERMS = b"permessage-deflate; server_no_context_takeover; client_no_context_takeover"
CHROMIUM = b"permessage-deflate; client_max_window_bits"
FIREFOX = b"permessage-deflate"


@pytest.mark.parametrize(
    "offers",
    [
        CHROMIUM,
        FIREFOX,
        b"permessage-deflate; client_no_context_takeover; server_no_context_takeover",
        b"permessage-deflate;client_max_window_bits",
        b"x-webkit-deflate-frame, permessage-deflate",
        b"permessage-deflate; server_max_window_bits=9, permessage-deflate",
        b"permessage-deflate; unknown, permessage-deflate; unknown=1, permessage-deflate",
        b", permessage-deflate ,",
    ],
)
def test_an_offer_is_taken_without_context_takeover(offers: bytes) -> None:
    assert accepted(offers) == TERMS


@pytest.mark.parametrize(
    "offers",
    [
        b"",
        b"permessage-bzip2",
        b"PerMessage-Deflated",
        b"permessage-deflate; unknown",
        b"permessage-deflate; client_max_window_bits=7",
        b"permessage-deflate; client_max_window_bits=16",
        b"permessage-deflate; client_max_window_bits=08",
        b"permessage-deflate; server_max_window_bits",
        b"permessage-deflate; server_max_window_bits=8",
        b"permessage-deflate; server_max_window_bits=11",
        b"permessage-deflate; server_max_window_bits=12; server_max_window_bits=12",
        b"permessage-deflate; server_no_context_takeover=1",
        b"permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        b"permessage-deflate; =1",
        b'permessage-deflate; client_max_window_bits="10',
        b"permessage-deflate\xff",
        b"permessage-deflate" + b"," * MAX_OFFERS_BYTES,
    ],
)
def test_what_cannot_be_taken_or_read_is_declined(offers: bytes) -> None:
    assert accepted(offers) is None


def test_a_window_of_the_client_is_answered() -> None:
    for offer in (
        b"permessage-deflate; client_max_window_bits=10",
        b'permessage-deflate; client_max_window_bits="10"',
    ):
        assert accepted(offer) == TERMS + b"; client_max_window_bits=10"


@pytest.mark.parametrize("bits", range(WINDOW_BITS, 16))
def test_a_window_that_is_large_enough_is_answered(bits: int) -> None:
    offer = f"permessage-deflate; server_max_window_bits={bits}".encode()
    assert accepted(offer) == TERMS + f"; server_max_window_bits={bits}".encode()


@given(
    st.lists(
        st.builds(
            ClientPerMessageDeflateFactory,
            st.booleans(),
            st.booleans(),
            st.none() | st.integers(8, 15),
            st.sampled_from([None, True, *range(9, 16)]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_client_of_the_library_agrees_to_what_is_answered(
    offers: list[ClientPerMessageDeflateFactory],
) -> None:
    header = build_extension([(offer.name, list(offer.get_request_params())) for offer in offers])
    can_be_met = [offer for offer in offers if (offer.server_max_window_bits or 15) >= WINDOW_BITS]
    answer = accepted(header.encode())
    assert bool(answer) is bool(can_be_met)
    if answer:
        ((_, parameters),) = parse_extension(answer.decode())
        agreed = can_be_met[0].process_response_params(parameters, ())
        assert agreed.remote_no_context_takeover
        assert agreed.local_no_context_takeover
        assert agreed.remote_max_window_bits >= WINDOW_BITS
