"""Writing to many without waiting for any."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.close_codes import CloseCode
from shared.hub import CLOSES_PER_SECOND, paced
from shared.peer import MAX_UNSENT, Peer


class Wire:
    """The ASGI `send` of a client that reads when told to."""

    def __init__(self, *, reads: bool = True) -> None:
        self.sent: list[Any] = []
        self.reads = asyncio.Event()
        if reads:
            self.reads.set()

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        self.sent.append(message.get("text") or message["code"])


async def test_what_was_written_before_the_close_is_sent_before_it() -> None:
    wire = Wire()
    peer = Peer(wire.send)
    peer.write(("1", "2"), 2)
    peer.write(("3",), 1)
    peer.close(CloseCode.RESTART, "restart")
    peer.write(("4",), 1)
    peer.close(CloseCode.NORMAL, "second thoughts")
    await peer.run()
    assert wire.sent == ["1", "2", "3", CloseCode.RESTART]


async def test_a_client_that_does_not_read_is_closed_as_too_slow_and_its_queue_let_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.peer.FAREWELL_TIMEOUT", 60)
    wire = Wire(reads=False)
    peer = Peer(wire.send)
    running = asyncio.create_task(peer.run())
    peer.write(("first",), 5)
    await asyncio.sleep(0)
    big = "x" * (MAX_UNSENT // 8)
    for _ in range(9):
        peer.write((big,), len(big))
    assert peer.closing is CloseCode.TOO_SLOW
    wire.reads.set()
    await running
    assert wire.sent[-1] == CloseCode.TOO_SLOW
    assert big not in wire.sent


async def test_a_server_that_has_closed_already_means_that_the_client_is_gone() -> None:
    async def send(message: Any) -> None:
        raise RuntimeError(f"Unexpected ASGI message {message['type']!r}")

    peer = Peer(send)
    peer.write(("1",), 1)
    with pytest.raises(OSError, match="closed already"):
        await peer.run()


async def test_a_client_that_reads_may_be_sent_any_amount() -> None:
    wire = Wire()
    peer = Peer(wire.send)
    running = asyncio.create_task(peer.run())
    big = "x" * (MAX_UNSENT // 4)
    for _ in range(16):
        peer.write((big,), len(big))
        await asyncio.sleep(0.001)
    peer.close(CloseCode.NORMAL, "done")
    await running
    assert wire.sent == [big] * 16 + [CloseCode.NORMAL]


@given(st.integers(0, 500), st.floats(0, 30))
def test_a_drain_closes_everybody_once_evenly_over_its_window(count: int, window: float) -> None:
    peers: list[Any] = list(range(count))
    portions = list(paced(peers, window))
    assert [peer for _, portion in portions for peer in portion] == peers
    assert sum(pause for pause, _ in portions) == pytest.approx(window if count else 0)
    sizes = [len(portion) for _, portion in portions]
    assert not sizes or max(sizes) - min(sizes) <= 1
    assert len(portions) <= max(1, round(window * CLOSES_PER_SECOND))
