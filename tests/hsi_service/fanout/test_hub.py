"""Letting everybody go."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi_service.fanout.hub import CLOSES_PER_SECOND, paced


@given(st.integers(0, 500), st.floats(0, 30))
def test_a_drain_closes_everybody_once_evenly_over_its_window(count: int, window: float) -> None:
    peers: list[Any] = list(range(count))
    portions = list(paced(peers, window))
    assert [peer for _, portion in portions for peer in portion] == peers
    assert sum(pause for pause, _ in portions) == pytest.approx(window if count else 0)
    sizes = [len(portion) for _, portion in portions]
    assert not sizes or max(sizes) - min(sizes) <= 1
    assert len(portions) <= max(1, round(window * CLOSES_PER_SECOND))
