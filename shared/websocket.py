"""One client's connection, from handshake to close: the same for every service."""

import asyncio
from typing import Any

from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from shared.client_frames import MAX_CLIENT_MESSAGE_BYTES, answer
from shared.close_codes import CloseCode
from shared.hub import Hub
from shared.peer import Peer
from shared.service import Service

Socket = WebSocket[Any, Any, Any]

SUBSCRIBE_TIMEOUT = 2.0
"""Seconds that a handshake waits for Redis to confirm the channel.

Until then: whoever is connected hears what is published from then on. Without Redis: the client
is accepted all the same, and hears when Redis is back.
"""
RETRY_AFTER = 2
"""Seconds after which a refused client may come back."""


async def serve_client(socket: Socket, *, service: Service, channel: str) -> None:
    """Let a client listen to `channel` until either side closes.

    Args:
        socket: The client, before its handshake is answered.
        service: The replica. A draining one refuses the client, with HTTP 503 and Retry-After.
        channel: What it listens to.

    """
    hub = service.hub
    if service.lifecycle.draining:
        hub.metrics.refusals.labels("503").inc()
        await refuse(socket, 503, service.lifecycle.why_not_ready())
        return
    peer = Peer(socket.send)
    topic = hub.join(peer, channel)
    try:
        await topic.subscription.established(SUBSCRIBE_TIMEOUT)
        await socket.accept()
        await _converse(socket, peer, hub)
    except (WebSocketDisconnect, OSError):
        pass  # It left. How clients leave is nobody's trouble.
    finally:
        hub.leave(peer, topic)
        if peer.closing:
            hub.metrics.closes.labels(str(int(peer.closing))).inc()


async def _converse(socket: Socket, peer: Peer, hub: Hub) -> None:
    """Send what the hub writes and answer what the client says, until one of them ends."""
    tasks = {asyncio.create_task(peer.run()), asyncio.create_task(_listen(socket, peer, hub))}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _listen(socket: Socket, peer: Peer, hub: Hub) -> None:
    while True:
        event = await socket.receive()
        if event["type"] != "websocket.receive":
            return
        text = event.get("text")
        message = (event.get("bytes") or b"") if text is None else text
        if len(message) > MAX_CLIENT_MESSAGE_BYTES:
            # uvicorn has done this by itself; another server may have a larger limit.
            peer.close(CloseCode.TOO_BIG, "message over 64 KiB")
            continue
        reply = answer(message)
        hub.metrics.client_frames.labels(reply.frame).inc()
        if reply.text is not None:
            peer.write((reply.text,), len(reply.text))


async def refuse(socket: Socket, status: int, reason: str) -> None:
    """Answer a handshake with an HTTP status instead, as a client that should come back later.

    A server without the ASGI extension for that answers 403.
    """
    await socket.receive()
    if "websocket.http.response" not in (socket.scope.get("extensions") or {}):
        await socket.send({"type": "websocket.close", "code": CloseCode.RESTART, "reason": reason})
        return
    await socket.send(
        {
            "type": "websocket.http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"retry-after", str(RETRY_AFTER).encode()),
            ],
        }
    )
    await socket.send(
        {"type": "websocket.http.response.body", "body": reason.encode(), "more_body": False}
    )
