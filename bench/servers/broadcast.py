"""The websockets library's `broadcast`, which writes to all and waits for none."""

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.servers.redis_channel import PORT, messages

clients: set[ServerConnection] = set()


async def handler(websocket: ServerConnection) -> None:
    """Keep a client until it leaves."""
    clients.add(websocket)
    try:
        await websocket.wait_closed()
    finally:
        clients.remove(websocket)


async def main() -> None:
    """Serve, and broadcast what Redis brings."""
    async with serve(handler, "127.0.0.1", PORT, compression=None, ping_interval=None):
        async for message in messages():
            broadcast(clients, message.decode())


if __name__ == "__main__":
    uvloop.run(main())
