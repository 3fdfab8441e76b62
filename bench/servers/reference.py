"""The reference: one `socket.send` of a ready frame per delivery, and as little else as can be.

No asyncio transport, no protocol object: what Python cannot go below while it makes one system
call per delivery. It keeps what a full socket did not take, or it would lose messages.
"""

import asyncio
import socket

import uvloop
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from bench.servers.redis_channel import PORT, messages

clients: dict[socket.socket, None] = {}
unsent: dict[socket.socket, bytearray] = {}


async def welcome(client: socket.socket) -> None:
    """Answer a handshake, then take the client in."""
    loop = asyncio.get_running_loop()
    protocol = ServerProtocol()
    while not (requests := protocol.events_received()):
        received = await loop.sock_recv(client, 4096)
        if not received:
            client.close()
            return
        protocol.receive_data(received)
    for request in requests:
        if isinstance(request, Request):
            protocol.send_response(protocol.accept(request))
    for answer in protocol.data_to_send():
        await loop.sock_sendall(client, answer)
    clients[client] = None
    loop.add_reader(client, hear, client)


def hear(client: socket.socket) -> None:
    """Let what a client says pass, and let it go when it goes."""
    try:
        if client.recv(4096):
            return
    except BlockingIOError:
        return
    except OSError:
        pass
    drop(client)


def drop(client: socket.socket) -> None:
    """Forget a client."""
    loop = asyncio.get_running_loop()
    loop.remove_reader(client)
    loop.remove_writer(client)
    clients.pop(client, None)
    unsent.pop(client, None)
    client.close()


def later(client: socket.socket, rest: bytes) -> None:
    """Keep what a socket did not take until it does."""
    if client not in unsent:
        unsent[client] = bytearray()
        asyncio.get_running_loop().add_writer(client, go_on, client)
    unsent[client] += rest


def go_on(client: socket.socket) -> None:
    """Send what was kept."""
    rest = unsent[client]
    try:
        del rest[: client.send(rest)]
    except BlockingIOError:
        return
    except OSError:
        drop(client)
        return
    if not rest:
        del unsent[client]
        asyncio.get_running_loop().remove_writer(client)


def send_to_all(frame: bytes) -> None:
    """Send a frame to every client."""
    size = len(frame)
    for client in list(clients):
        if client in unsent:
            later(client, frame)
            continue
        try:
            sent = client.send(frame)
        except BlockingIOError:
            sent = 0
        except OSError:
            drop(client)
            continue
        if sent != size:
            later(client, frame[sent:])


async def accept(server: socket.socket) -> None:
    """Take clients, for ever."""
    loop = asyncio.get_running_loop()
    coming: set[asyncio.Task[None]] = set()
    while True:
        client, _ = await loop.sock_accept(server)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.create_task(welcome(client))
        coming.add(task)
        task.add_done_callback(coming.discard)


async def main() -> None:
    """Serve, and send to all what Redis brings."""
    with socket.create_server(("127.0.0.1", PORT), backlog=1024) as server:
        server.settimeout(0)
        accepting = asyncio.create_task(accept(server))
        async for message in messages():
            send_to_all(Frame(Opcode.TEXT, message).serialize(mask=False))
        accepting.cancel()


if __name__ == "__main__":
    uvloop.run(main())
