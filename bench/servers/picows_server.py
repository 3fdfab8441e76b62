"""picows: WebSockets in Cython."""

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

from bench.servers.redis_channel import PORT, messages

clients: set[WSTransport] = set()


class Client(WSListener):
    """Somebody to send to."""

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take it in."""
        clients.add(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Answer a close; a client says nothing else."""
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget it."""
        clients.discard(transport)


def listener(_: WSUpgradeRequest) -> WSListener:
    """Return who listens to a new client."""
    return Client()


async def main() -> None:
    """Serve, and send to all what Redis brings."""
    # Clients say little, so a small buffer to read into: picows's own advice, and less memory.
    server = await ws_create_server(
        listener, "127.0.0.1", PORT, read_buffer_init_size=1024, backlog=1024
    )
    async with server:
        async for message in messages():
            for transport in clients:
                transport.send(WSMsgType.TEXT, message)


if __name__ == "__main__":
    uvloop.run(main())
