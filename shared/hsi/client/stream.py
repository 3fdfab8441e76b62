"""Follow an endpoint with asyncio, through restarts and outages."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from websockets.asyncio.client import connect
from websockets.client import process_exception
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from hsi.client.following import (
    CLOSE_TIMEOUT,
    MAX_SIZE,
    STABLE_AFTER,
    TOO_MANY_REQUESTS,
    Following,
    Received,
    State,
    delays,
    has_ended,
)


class Stream:
    """Messages of one WebSocket endpoint, through restarts and outages.

        async with contextlib.aclosing(Stream("ws://127.0.0.1:8080/ws/events").messages()) as got:
            async for received in got:
                print(received.text)

    It remembers the cursor of the last message, and goes on after it wherever it comes back to; so
    nothing is missed or doubled, or it says so. Coming back has jitter and a cap, and no end; only
    a close code that says so ends it.
    """

    def __init__(
        self,
        url: str,
        *,
        since: str | None = None,
        tail: int = 0,
        api_key: str = "",
        on_state: Callable[[State, str], None] = lambda _state, _why: None,
    ) -> None:
        """Begin without a connection; `messages` connects.

        Args:
            url: ws:// or wss://.
            since: Cursor of the last message that the caller has.
            tail: Begin with this many of the last messages.
            api_key: Sent as a subprotocol, since URLs end up in logs; empty sends none.
            on_state: Called whenever messages begin or cease to arrive, with the reason.

        Raises:
            ValueError: The key cannot be sent. The text does not quote it.

        """
        self._following = Following(url, since=since, tail=tail, api_key=api_key)
        self._on_state = on_state
        self._state: State | None = None

    @property
    def url(self) -> str:
        """The endpoint."""
        return self._following.url

    @property
    def cursor(self) -> str | None:
        """Cursor of the last message; None before the first."""
        return self._following.cursor

    async def messages(self) -> AsyncGenerator[Received]:
        """Yield messages as they arrive; heartbeats are not yielded.

        Ends when the service says that there is nothing more to come.

        Raises:
            RefusedError: The service refuses this client for good.
            websockets.exceptions.InvalidHandshake: There is no such endpoint.

        """
        following = self._following
        protocol = following.subprotocol
        pauses = delays()
        while True:
            began = time.monotonic()
            try:
                async with connect(
                    following.address(),
                    subprotocols=[Subprotocol(protocol)] if protocol else None,
                    close_timeout=CLOSE_TIMEOUT,
                    max_size=MAX_SIZE,
                    proxy=following.proxy,
                ) as socket:
                    self._tell(State.LIVE, "")
                    try:
                        async for text in socket:
                            received = following.take(str(text))
                            if received:
                                yield received
                    except ConnectionClosed:
                        pass  # close_code says why.
                    finally:
                        await socket.close()  # With 1000, also where the caller leaves its loop.
                code, reason = socket.close_code or 1006, socket.close_reason or ""
                if has_ended(code, reason):
                    return
                self._tell(State.CONNECTING, f"{code} {reason}".rstrip())
            except (OSError, TimeoutError, InvalidHandshake) as error:
                if not is_transient(error):
                    raise
                self._tell(State.CONNECTING, str(error))
            if time.monotonic() - began > STABLE_AFTER:
                pauses = delays()
            await asyncio.sleep(next(pauses))

    def _tell(self, state: State, why: str) -> None:
        if state is not self._state:
            self._state = state
            self._on_state(state, why)


def is_transient(error: Exception) -> bool:
    """Return whether it is worth while to connect again after an error."""
    if isinstance(error, InvalidStatus) and error.response.status_code == TOO_MANY_REQUESTS:
        return True
    # A connection that was lost during the handshake: only the sync client raises it then.
    return isinstance(error, ConnectionClosed) or process_exception(error) is None
