"""A path and a query lead to the same session past Litestar and through it."""

import random
from typing import Any
from urllib.parse import unquote

import pytest
from litestar import Litestar, WebSocket, websocket
from litestar.params import FromPath, FromQuery

from hsi_service.skeleton.streams import Streams, serves

Asked = dict[str, str | list[str] | None]
PIECES = ["ws", "jobs", "logs", "events", "WS", "a", "b.c", "%2F", "a%2Fb", "%C3%A9", "..", "", "%"]
VALUES = ["1-0", "", "a+b", "%2B", "%C3%A9", "%FF", "x=y", "1;2", "é", "%", "a%26b", " "]
NAMES = [
    "since",
    "tail",
    "cameras",
    "cameras",
    "level",
    "job_id",
    "socket",
    "maker",
    "sin%63e",
    "other",
    "",
]


class Maker:
    """A part of an application that says what it was asked for."""

    def session(self, **asked: str | None) -> Any:
        return asked


def application(heard: list[Asked]) -> Litestar:
    @websocket("/ws/events", opt=serves("maker"))
    async def events(
        socket: WebSocket[Any, Any, Any],
        since: FromQuery[str | None] = None,
        tail: FromQuery[str | None] = None,
        cameras: FromQuery[list[str] | None] = None,
    ) -> None:
        heard.append({"since": since, "tail": tail, "cameras": cameras})
        await socket.close()

    @websocket("/ws/jobs/{job_id:str}/logs", opt=serves("maker"))
    async def logs(
        socket: WebSocket[Any, Any, Any],
        job_id: FromPath[str],
        since: FromQuery[str | None] = None,
        level: FromQuery[str | None] = None,
    ) -> None:
        heard.append({"job_id": job_id, "since": since, "level": level})
        await socket.close()

    app = Litestar([events, logs], logging_config=None)
    app.state.maker = Maker()
    return app


async def through(app: Litestar, path: str, query: bytes) -> None:
    """Ask for a WebSocket by ASGI."""

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(_: Any) -> None:
        pass

    scope: Any = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [(b"host", b"home")],
        "subprotocols": [],
        "extensions": {},
    }
    await app(scope, receive, send)


async def test_five_hundred_paths_and_queries_lead_to_the_same_either_way() -> None:
    heard: list[Asked] = []
    app = application(heard)
    streams = Streams.of(app)
    chance = random.Random(22)
    served = 0
    for _ in range(500):
        path = chance.choice(
            ["/ws/events", "//ws//events/", f"/ws/jobs/{chance.choice(PIECES)}/logs", None]
        ) or "/" + "/".join(chance.choices(PIECES, k=chance.randint(0, 5)))
        pairs = [
            f"{chance.choice(NAMES)}={chance.choice(VALUES)}" for _ in range(chance.randint(0, 4))
        ]
        path, query = unquote(path), "&".join(pairs).encode()
        heard.clear()
        await through(app, path, query)
        session: Any = streams.session(path, query)
        assert session == (heard[0] if heard else None), (path, query)
        served += session is not None
    assert 100 < served < 400


def test_a_route_that_does_not_say_who_makes_its_sessions_is_refused_at_start() -> None:
    @websocket("/ws/lost")
    async def lost(socket: WebSocket[Any, Any, Any]) -> None: ...

    with pytest.raises(ValueError, match="/ws/lost does not say"):
        Streams.of(Litestar([lost], logging_config=None))
