"""How a connection is ended with a last word."""

import asyncio
import contextlib

from hsi_service.skeleton.connection import MAX_DISCARDED
from tests.strangers import Server


async def test_who_was_refused_and_sends_on_is_cut_off(server: Server) -> None:
    """What it sends is dropped at first, or it would not read why; but not without end."""
    async with server.stranger(b"nonsense\r\n\r\n") as stranger:
        sent = 0
        with contextlib.suppress(OSError):
            while not stranger.writer.transport.is_closing():
                await stranger.send(b"x" * 65536)
                sent += 65536
                await asyncio.sleep(0)
        assert sent > MAX_DISCARDED
