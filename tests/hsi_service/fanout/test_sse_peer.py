"""What is different of a client that reads server-sent events; test_peer.py has what is not."""

import asyncio
from typing import Any

from hsi.tasks import cancel_and_wait
from hsi_service.fanout.batch import Batch
from hsi_service.fanout.sse_peer import QUIET, SsePeer
from tests.clients import until


class Written:
    """What is sent of an answer."""

    def __init__(self) -> None:
        self.body = b""

    async def send(self, message: Any) -> None:
        assert message["type"] == "http.response.body"
        self.body += message["body"]

    async def is_(self, body: bytes) -> bool:
        return self.body == body


async def test_all_clients_are_sent_the_same_bytes() -> None:
    batch = Batch(["1", "2"])
    assert batch.as_events() is batch.as_events()
    assert batch.as_events().frames == b"data: 1\n\ndata: 2\n\n"
    assert Batch(["1"], replaces="status").as_events().replaces == "status"


async def test_who_waits_for_a_history_hears_that_it_is_not_lost() -> None:
    written = Written()
    peer = SsePeer("test", written.send)
    running = asyncio.create_task(peer.run())
    now = asyncio.get_running_loop().time()
    peer.check(now + QUIET - 1)
    for _ in range(3):
        peer.check(now + QUIET)
    await until(lambda: written.is_(b": nothing yet\n\n"))
    peer.release()
    peer.check(now + 10 * QUIET)  # Heartbeats come from here on.
    peer.write(Batch(["live"]))
    await until(lambda: written.is_(b": nothing yet\n\ndata: live\n\n"))
    await cancel_and_wait(running)


async def test_clients_come_back_at_different_times() -> None:
    peer = SsePeer("test", Written().send)
    begins = {peer.begin()["body"] for _ in range(50)}  # type: ignore[typeddict-item]
    assert len(begins) > 10
    assert all(1000 <= int(begin.split()[1]) <= 4000 for begin in begins)
