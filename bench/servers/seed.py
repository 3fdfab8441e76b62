"""The seed's loop: FastAPI on uvicorn, one `await ws.send_text` after the other."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from bench.servers.redis_channel import PORT, messages

logger = logging.getLogger(__name__)


class EventBroadcaster:
    """As the seed writes it (EventBroadcaster Implementation, Error Handling)."""

    def __init__(self) -> None:
        self._connections: set[WebSocket] = set()

    async def connect(self, websocket: WebSocket) -> None:
        """Register a new WebSocket connection."""
        await websocket.accept()
        self._connections.add(websocket)

    async def disconnect(self, websocket: WebSocket) -> None:
        """Unregister a WebSocket connection."""
        self._connections.discard(websocket)
        with contextlib.suppress(Exception):
            await websocket.close()

    async def listen_for_events(self) -> None:
        """Send what Redis brings to all clients."""
        async for event in messages():
            await self._send_to_all_clients(event.decode())

    async def _send_to_all_clients(self, event_data: Any) -> None:
        if not self._connections:
            return
        message = event_data if isinstance(event_data, str) else json.dumps(event_data)
        disconnected = []
        for ws in self._connections:
            try:
                await ws.send_text(message)
            except Exception as error:  # noqa: BLE001 (as the seed writes it)
                logger.warning("Failed to send to WebSocket client: %s", error)
                disconnected.append(ws)
        for ws in disconnected:
            await self.disconnect(ws)


broadcaster = EventBroadcaster()


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Listen while the application runs."""
    listener = asyncio.create_task(broadcaster.listen_for_events())
    yield
    listener.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws/events")
async def events(websocket: WebSocket) -> None:
    """Keep a client until it leaves."""
    await broadcaster.connect(websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        await broadcaster.disconnect(websocket)


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=PORT,
        loop="uvloop",
        access_log=False,
        log_level="error",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
    )
