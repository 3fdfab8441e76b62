"""A descriptor with two owners is closed by one of them."""

import asyncio
import gc

from hsi_service.fanout.descriptors import shared_with, untaken


async def test_what_shares_a_descriptor_sends_by_it_and_leaves_it_to_the_transport() -> None:
    heard = asyncio.Queue[bytes]()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.readexactly(3))
        heard.put_nowait(await reader.readexactly(3))
        writer.close()

    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        shared = shared_with(writer.transport)  # type: ignore[arg-type]  # it reads, too
        assert shared.send(b"one") == 3
        assert await heard.get() == b"one"
        assert untaken(shared) >= 0
        shared.detach()
        del shared
        gc.collect()
        writer.write(b"two")
        assert await heard.get() == b"two"
        assert await reader.read() == b""
        writer.close()
