"""Follow an endpoint without asyncio: the twin of `Stream`."""

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Self

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from hsi.client.following import (
    CLOSE_TIMEOUT,
    MAX_SIZE,
    STABLE_AFTER,
    Following,
    Received,
    State,
    delays,
    has_ended,
)
from hsi.client.stream import is_transient


class SyncStream:
    """Messages of one WebSocket endpoint, through restarts and outages, without asyncio.

        with SyncStream("ws://127.0.0.1:8080/ws/events") as stream:
            for received in stream.messages():
                print(received.text)

    It comes back and resumes as `Stream` does. `close`, from any thread, ends it.
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
        self._closing = threading.Event()
        self._socket: ClientConnection | None = None

    @property
    def url(self) -> str:
        """The endpoint."""
        return self._following.url

    @property
    def cursor(self) -> str | None:
        """Cursor of the last message; None before the first."""
        return self._following.cursor

    def messages(self) -> Generator[Received]:
        """Yield messages as they arrive; heartbeats are not yielded.

        Ends when the service says that there is nothing more to come, and after `close`.

        Raises:
            RefusedError: The service refuses this client for good.
            websockets.exceptions.InvalidHandshake: There is no such endpoint.

        """
        following = self._following
        protocol = following.subprotocol
        pauses = delays()
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                with (
                    connect(
                        following.address(),
                        subprotocols=[Subprotocol(protocol)] if protocol else None,
                        close_timeout=CLOSE_TIMEOUT,
                        max_size=MAX_SIZE,
                        proxy=following.proxy,
                    ) as socket,
                    contextlib.closing(socket),  # With 1000, also where the caller leaves its loop.
                ):
                    self._socket = socket
                    self._tell(State.LIVE, "")
                    yield from self._listen(socket)
                code, reason = socket.close_code or 1006, socket.close_reason or ""
                if self._closing.is_set() or has_ended(code, reason):
                    return
                self._tell(State.CONNECTING, f"{code} {reason}".rstrip())
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as error:
                if not is_transient(error):
                    raise
                self._tell(State.CONNECTING, str(error))
            finally:
                self._socket = None
            if time.monotonic() - began > STABLE_AFTER:
                pauses = delays()
            self._closing.wait(next(pauses))

    def _listen(self, socket: ClientConnection) -> Generator[Received]:
        with contextlib.suppress(ConnectionClosed):  # close_code says why.
            while not self._closing.is_set():
                received = self._following.take(str(socket.recv()))
                if received:
                    yield received

    def _tell(self, state: State, why: str) -> None:
        if state is not self._state:
            self._state = state
            self._on_state(state, why)

    def close(self) -> None:
        """End the stream, from any thread: `messages` ends soon."""
        self._closing.set()
        if socket := self._socket:
            socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
