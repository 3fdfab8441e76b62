"""A client that listens over plain HTTP: an answer of server-sent events that does not end.

It is let in by the same door as a WebSocket, counted with them, and served by the same session.
"""

import asyncio
import contextlib
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import ValidationException
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from hsi_service.door.door import Admission, Refusal
from hsi_service.door.http import client_of, error_of, request_of
from hsi_service.door.limits import NoRoomError
from hsi_service.fanout.server_sent import MEDIA_TYPE
from hsi_service.fanout.sse_peer import SsePeer
from hsi_service.skeleton.lasting import LastingConnection, lasting_connection_of
from hsi_service.skeleton.session import Session, prepare, running, wait_until_ready

_HEADERS = {
    # nginx, and who follows it, would collect what comes before passing it on.
    "X-Accel-Buffering": "no",
}
_FULL = "this replica has no descriptor for another client: come back"
_FULL_RETRY = 10


class EventStream(Response[bytes]):
    """What a route returns that streams server-sent events to one client."""

    def __init__(self, session: Session, *, comes_back: bool) -> None:
        """Answer nothing yet.

        Args:
            session: What serves the client.
            comes_back: The client was here before: it is one that comes back by itself, until it is
                told to end (204).

        """
        super().__init__(b"", media_type=MEDIA_TYPE)
        self._session = session
        self._comes_back = comes_back

    def to_asgi_response(self, request: Request[Any, Any, Any], **_: Any) -> ASGIResponse:  # type: ignore[override]  # Litestar passes what routes may set of an answer, and this one has nothing of it
        """Return what streams."""
        return _Streaming(self._session, request, comes_back=self._comes_back)


class _Streaming(ASGIResponse):
    def __init__(
        self, session: Session, request: Request[Any, Any, Any], *, comes_back: bool
    ) -> None:
        is_head = request.method == "HEAD"
        super().__init__(media_type=MEDIA_TYPE, headers=_HEADERS, is_head_response=is_head)
        self.headers["Content-Type"] = f"{MEDIA_TYPE}; charset=utf-8"
        self.headers.pop("content-length", None)
        if request.scope["http_version"].startswith("1") and not is_head:
            # It ends with the stream: nobody waits behind one that does not end.
            self.headers["Connection"] = "close"
        self._session = session
        self._request = request
        self._comes_back = comes_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until either side ends it.

        Raises:
            HTTPException: The client is turned away.

        """
        session, door = self._session, self._session.service.door
        request = request_of(self._request)._replace(query=scope["query_string"])
        client = client_of(self._request)
        forwarded_for = self._request.headers.get("x-forwarded-for", "")
        admission = door.examine(request, client, forwarded_for=forwarded_for)
        if isinstance(admission, Refusal):
            if self._comes_back and admission.status == HTTPStatus.UNAUTHORIZED:
                await ASGIResponse(status_code=HTTPStatus.NO_CONTENT)(scope, receive, send)
                return
            raise error_of(admission.status, admission.reason, admission.retry_after)
        peer = SsePeer(_address(scope), send)
        with contextlib.ExitStack() as leaving:
            leaving.callback(session.gone, peer)
            leaving.callback(session.leave, peer)
            connection = None if self.is_head_response else lasting_connection_of(scope)
            self._enter(peer, admission, connection)
            if self.is_head_response:
                await super().__call__(scope, receive, send)
                return
            await wait_until_ready(session, peer)
            # First, so that it hears what is published once it sees an answer.
            session.begin_in_background(peer)
            await self._stream(peer, receive, send, connection)

    def _enter(
        self, peer: SsePeer, admission: Admission, connection: LastingConnection | None
    ) -> None:
        """Take the client in.

        Raises:
            HTTPException: It asks for too much, or for what makes no sense.

        """
        session, client = self._session, client_of(self._request)
        try:
            prepare(session, peer, admission)
            if connection and not connection.stay():
                raise error_of(503, _FULL, _FULL_RETRY)
        except NoRoomError as error:
            session.service.door.turn_away(error.excess, client)
            excess = error.excess
            raise error_of(excess.status, excess.reason, excess.retry_after) from error
        except ValueError as error:
            raise ValidationException(str(error)) from error

    async def _stream(
        self, peer: SsePeer, receive: Receive, send: Send, connection: LastingConnection | None
    ) -> None:
        try:
            await self.start_response(send)
            await send(peer.begin())
            async with running(peer.run(), _left(receive)) as tasks:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        except OSError:  # It left; or it does not even take why it has to.
            if connection:
                connection.cut_off()


async def _left(receive: Receive) -> None:
    """Wait until the client has left; what it sends is not looked at."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _address(scope: Scope) -> str:
    return ":".join(map(str, scope.get("client") or ("unknown",)))
