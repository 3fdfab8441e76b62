"""Messages that are deflated, as an independent reader inflates them, and the other way round."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.door.compression import WINDOW_BITS
from hsi_service.fanout.deflate import MAX_SHARED, Inflater, deflate
from tests.hsi_service.fanout.conftest import Compressors

TAIL = b"\x00\x00\xff\xff"


@given(st.binary(max_size=3000), st.integers(1, 20))
def test_a_message_is_inflated_with_no_more_than_the_window_that_is_negotiated(
    part: bytes, times: int
) -> None:
    message = part * times
    inflated = zlib.decompressobj(-WINDOW_BITS).decompress(deflate(message) + TAIL)
    assert inflated == message


@given(st.lists(st.binary(max_size=300), min_size=1))
def test_parts_are_inflated_to_the_message_that_they_make(parts: list[bytes]) -> None:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    sent = [compressor.compress(part) + compressor.flush(zlib.Z_SYNC_FLUSH) for part in parts]
    sent[-1] = sent[-1].removesuffix(TAIL)
    inflater = Inflater()
    last = len(sent) - 1
    inflated = [inflater.inflate(part, 301, final=at == last) for at, part in enumerate(sent)]
    assert inflated == parts


def test_a_bomb_is_inflated_no_further_than_it_may_be() -> None:
    bomb = deflate(bytes(100_000_000))
    assert len(bomb) < 200_000
    assert Inflater().inflate(bomb, 65, final=True) == bytes(65)


def test_what_is_not_deflated_is_an_error() -> None:
    with pytest.raises(ValueError, match="invalid"):
        Inflater().inflate(b"\xff" * 10, 100, final=True)


def test_the_same_message_is_deflated_once_unless_it_is_large(compressors: Compressors) -> None:
    message = random.randbytes(MAX_SHARED)
    assert len({deflate(bytes(bytearray(message))) for _ in range(10)}) == compressors.made == 1
    deflate(message + b"x")
    deflate(message + b"x")
    assert compressors.made == 3
