"""Many dashboards at once, as light as can be, that come back and resume as ours does."""

import asyncio
import random
import re
from collections.abc import Mapping
from typing import NamedTuple

from picows import WSError as RefusedError
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

FIRST_DELAY = 1.0
"""Seconds before the first attempt to come back, up to half shorter (dashboard: backoff.ts)."""
LONGEST_DELAY = 30.0
_CURSOR = re.compile(rb'"cursor":"([0-9-]+)"')
"""First in a message; in a heartbeat, which has one too, after its type."""
_NUMBER = re.compile(rb'"(?:id|number)":\s*(\d+)')
GONE = 1006


class Break(NamedTuple):
    """A connection that was lost, and how it came back; times in seconds of the event loop."""

    code: int
    at: float
    back_at: float


class Viewer(WSListener):
    """One of them: keeps its cookie, its cursor, and the numbers of the messages that it got."""

    def __init__(self, url: str, chance: random.Random, *, start: str = "") -> None:
        self._url = url
        self._start = start
        self._chance = chance
        self.cookie = ""
        self.cursor = ""
        self.got: list[int] = []
        self.breaks: list[Break] = []
        self.complaints: list[bytes] = []
        self.frames = 0
        """Of this connection."""
        self.connected = False
        self._closed_with = GONE

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            self._closed_with = int.from_bytes(frame.get_payload_as_bytes()[:2]) or GONE
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
            return
        if frame.msg_type is not WSMsgType.TEXT:
            return
        self.frames += 1
        text = frame.get_payload_as_bytes()
        if cursor := _CURSOR.search(text):
            self.cursor = cursor[1].decode()
        if b'"resumed"' in text and b'"recovered":true' not in text:
            self.complaints.append(text)
        elif b'"type":"ping"' not in text and (number := _NUMBER.search(text)):
            self.got.append(int(number[1]))

    async def watch(self) -> None:
        """Connect, and come back for ever, twice as late each time that it does not work."""
        lost: tuple[int, float] | None = None
        delay = FIRST_DELAY
        clock = asyncio.get_running_loop().time
        while True:
            try:
                transport = await self._connect()
            except (RefusedError, OSError, TimeoutError):
                pass
            else:
                if lost:
                    self.breaks.append(Break(*lost, clock()))
                self.connected, delay = True, FIRST_DELAY
                try:
                    await transport.wait_disconnected()
                finally:
                    transport.disconnect()
                    await transport.wait_disconnected()
                self.connected = False
                lost = (self._closed_with, clock())
            await asyncio.sleep(delay * self._chance.uniform(0.5, 1))
            delay = min(delay * 2, LONGEST_DELAY)

    async def _connect(self) -> WSTransport:
        self.frames, self._closed_with = 0, GONE
        query = f"since={self.cursor}" if self.cursor else self._start
        transport, _ = await ws_connect(
            lambda: self,
            f"{self._url}?{query}" if query else self._url,
            extra_headers={"Cookie": self.cookie} if self.cookie else None,
            use_aiofastnet=False,  # its transports are not closed when a loop ends
        )
        self.cookie = _cookie(transport.response.headers) or self.cookie
        return transport


def _cookie(headers: Mapping[str, str]) -> str:
    return headers.get("Set-Cookie", "").partition(";")[0]
