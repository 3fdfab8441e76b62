"""The seam between uvicorn and the hub: what travels along, and what must not remain."""

import gc
import weakref
from typing import Any

from hsi_service.fanout.direct_peer import DirectPeer
from hsi_service.fanout.takeover import TakeoverProtocol
from tests.clients import until
from tests.hsi_service.fanout.test_peer import line_through


async def test_nothing_of_the_request_remains_after_the_hand_over_without_a_collector() -> None:
    protocols: list[weakref.ref[Any]] = []

    class Watched(TakeoverProtocol):
        def hand_over(self, peer: DirectPeer) -> None:
            protocols.append(weakref.ref(self))
            protocols.append(weakref.ref(self.conn))
            super().hand_over(peer)

    gc.collect()
    gc.disable()
    try:
        async with line_through(Watched) as line:
            line.peer.release()
            line.write("live")
            assert await line.client.recv() == "live"

            async def freed() -> bool:
                return all(protocol() is None for protocol in protocols)

            await until(freed)
            assert len(protocols) == 2
    finally:
        gc.enable()
