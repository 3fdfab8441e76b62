"""A client that wants some of the events gets these, and knows as much as one that gets all."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from hsi.publisher import Publisher
from hsi_service.bus.intake import Message, examined
from hsi_service.door.limits import NoRoomError
from services.events.app import create_events_app
from services.events.filters import (
    MAX_FILTERS,
    MAX_FILTERS_OF_ADDRESS,
    Asked,
    EventFilter,
    Filters,
)
from services.events.settings import EventsSettings
from services.events.wanted import ParameterError
from tests.clients import golden, hear, http_client, publish
from tests.servers import under_uvicorn
from tests.strangers import Server, replica


def the_filter(*cameras: str, min_risk: str | None = None, types: str = "") -> EventFilter:
    found = EventFilter.parse(Asked(cameras, min_risk, [types]))
    assert found
    return found


def message(kind: str = "event", **data: Any) -> Message:
    return examined(Message(json.dumps({"type": kind, "data": data})))


def test_what_is_asked_for_in_another_order_or_case_or_twice_is_the_same_filter() -> None:
    one = the_filter("a", "b", min_risk="080", types="event,EVENT_seen")
    other = the_filter("b", "a", "b", "", min_risk="80", types=" Event_Seen,event,,event")
    assert one == other
    assert hash(one) == hash(other)
    assert str(one) == "camera_id=a&camera_id=b&min_risk=80&types=event,event_seen"
    assert the_filter("a") != the_filter("A")  # Ids are opaque.


@pytest.mark.parametrize("asked", [Asked(), Asked([""], "", [","]), Asked([], None, [])])
def test_who_asks_for_nothing_has_no_filter(asked: Asked) -> None:
    assert EventFilter.parse(asked) is None


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (Asked(min_risk="101"), "min_risk"),
        (Asked(min_risk="-1"), "min_risk"),
        (Asked(min_risk="high"), "min_risk"),
        (Asked(min_risk="9" * 5000), "min_risk"),
        (Asked(min_risk="0000000009999"), "min_risk"),
        (Asked(types=["event,*"]), "types"),
        (Asked(types=["ping"]), "types"),
        (Asked(types=[f"t{n}" for n in range(17)]), "types"),
        (Asked(camera_id=[str(n) for n in range(101)]), "camera_id"),
        (Asked(camera_id=["x" * 257]), "camera_id"),
    ],
)
def test_what_makes_no_sense_is_named(asked: Asked, name: str) -> None:
    with pytest.raises(ParameterError) as caught:
        EventFilter.parse(asked)
    assert caught.value.name == name


def test_an_event_passes_by_its_camera_and_by_what_risk_it_may_be_of() -> None:
    front = the_filter("front", "42")
    assert front(message(camera_id="front"))
    assert front(message(camera_id=42))
    assert not front(message(camera_id="back"))
    risky = the_filter(min_risk="60")
    for passing in (
        {"risk_score": 60},
        {"risk_level": "high"},
        {"risk_score": 1, "risk_level": "critical"},
    ):
        assert risky(message(**passing))
    assert not risky(message(risk_score=59))
    assert not risky(message(risk_level="low"))
    both = the_filter("front", min_risk="60")
    assert both(message(camera_id="front", risk_score=90))
    assert not both(message(camera_id="back", risk_score=90))
    assert not both(message(camera_id="front", risk_score=9))


def test_an_event_that_does_not_say_what_is_asked_about_passes() -> None:
    both = the_filter("front", min_risk="60")
    assert both(message())
    assert both(message(camera_id="front", risk_score="?"))
    assert both(message(camera_id=None, risk_level="odd"))
    assert not both(message("motion"))  # It is no event.
    assert the_filter("front")(message("motion", camera_id="front"))


def test_a_mark_and_what_the_service_says_pass_whatever_the_camera_and_the_risk() -> None:
    narrow = the_filter("front", min_risk="60", types="event")
    for kind in ("ping", "pong", "resumed", "error", "unreadable"):
        assert narrow(Message("{}", kind))
    assert not narrow(message("event_seen", id="1"))
    assert the_filter("front", min_risk="60")(message("event_seen", id="1"))
    assert the_filter("front", types="event,event_seen")(message("event_seen", id="1"))
    assert the_filter(types="motion")(message("Motion"))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"type":1,"data":{}}', '{"type":"event"}', "\ud83d"]
)
def test_what_is_no_message_harms_no_filter(text: str) -> None:
    assert not the_filter("front")(Message(text, ""))


def test_an_address_has_four_filters_and_a_process_sixty_four_however_many_clients() -> None:
    filters = Filters()
    some = [the_filter(str(number)) for number in range(MAX_FILTERS + 1)]
    for number in range(MAX_FILTERS):
        for _ in range(3):
            filters.enter(f"192.0.2.{number // MAX_FILTERS_OF_ADDRESS}", some[number])
    with pytest.raises(NoRoomError, match="this address has 4 different filters"):
        filters.enter("192.0.2.0", some[4])
    filters.enter("192.0.2.0", some[0])
    with pytest.raises(NoRoomError, match="this replica has 64 different filters") as caught:
        filters.enter("198.51.100.1", some[-1])
    assert (caught.value.excess.status, caught.value.excess.retry_after) == (429, 10)
    filters.enter("198.51.100.1", some[0])
    for _ in range(4):
        filters.leave("192.0.2.0", some[0])
    filters.leave("198.51.100.1", some[0])
    filters.enter("198.51.100.1", some[-1])


# At a replica.


@pytest.fixture
async def server(redis_url: str, channel: str) -> AsyncIterator[Server]:
    async with replica(redis_url, channel, heartbeat_interval=0.2) as server:
        yield server


@contextlib.asynccontextmanager
async def client_of(server: Server, query: str) -> AsyncIterator[ClientConnection]:
    url = server.url(f"/ws/events?{query}")
    async with connect(url, compression=None, ping_interval=None) as client:
        yield client


async def next_of(client: ClientConnection, *, pings: bool = False) -> Any:
    while True:
        heard = json.loads(await hear(client))
        if pings or heard["type"] != "ping":
            return heard


def event(camera: str, risk: int) -> bytes:
    made = json.loads(golden("event"))
    level = "high" if risk >= 60 else "low"
    made["data"] |= {"camera_id": camera, "risk_score": risk, "risk_level": level}
    return json.dumps(made).encode()


async def test_history_live_and_resume_hold_what_is_wanted_and_heartbeats_come_as_far_as_all(
    server: Server, redis_url: str, channel: str
) -> None:
    async with Publisher(redis_url) as publisher:
        cursors = [
            (await publisher.publish(channel, event(camera, risk))).cursor
            for camera, risk in [("front", 90), ("back", 90), ("front", 10), ("front", 80)]
        ]
        async with client_of(server, "camera_id=front&min_risk=60&tail=10") as client:
            assert [(await next_of(client))["cursor"] for _ in range(2)] == [cursors[0], cursors[3]]
            assert (await next_of(client, pings=True))["cursor"] == cursors[3]
            await publish(redis_url, channel, b'{"type":"event_seen","data":{"id":"1"}}')
            assert (await next_of(client))["type"] == "event_seen"
            quiet = [(await publisher.publish(channel, event("back", 90))).cursor for _ in range(3)]
            while (await next_of(client, pings=True))["cursor"] != quiet[-1]:
                pass  # Nothing came through, and still it is as far.
            wanted = (await publisher.publish(channel, event("front", 60))).cursor
            assert (await next_of(client))["cursor"] == wanted
        for _ in range(2):  # The second one is answered from what the first one had read.
            async with client_of(
                server, f"camera_id=front&min_risk=60&since={cursors[0]}"
            ) as again:
                told = {"recovered": True, "replayed": 2, "since": cursors[0]}
                assert (await next_of(again))["data"] == told
                assert [(await next_of(again))["cursor"] for _ in range(2)] == [cursors[3], wanted]
        async with client_of(server, f"camera_id=front&since={quiet[-1]}") as again:
            assert (await next_of(again))["data"]["replayed"] == 1


async def test_a_gap_is_told_whatever_is_wanted(
    server: Server, redis_url: str, channel: str
) -> None:
    async with Publisher(redis_url) as publisher, client_of(server, "camera_id=nobody") as client:
        await publisher.publish(channel, event("front", 10))
        async with Redis.from_url(redis_url) as redis:
            for key in ("history", "number"):
                await redis.delete(f"{{{channel}}}:{key}")
        await publisher.publish(channel, event("front", 10))
        heard = await next_of(client)
        assert heard["type"] == "resumed"
        assert not heard["data"]["recovered"]


async def test_a_query_that_makes_no_sense_is_400_and_a_filter_too_many_429_with_the_reason(
    server: Server,
) -> None:
    for query, why in (
        ("min_risk=x", "min_risk: expected a number from 0 to 100"),
        ("min_risk=101", "min_risk: expected a number from 0 to 100"),
        ("min_risk=0000000009999", "min_risk: expected a number from 0 to 100"),
        (f"min_risk=000000000{'9' * 4500}", "min_risk: expected a number from 0 to 100"),
        ("tail=-1", "tail: expected a number from 0 to 1000"),
        ("tail=", "tail: expected a number from 0 to 1000"),
        (f"tail={'9' * 4500}", "tail: expected a number from 0 to 1000"),
        ("types=ping", "types: ping comes in any case"),
    ):
        assert (await refusal(server, query))[:2] == (400, why)
        url = server.url("").replace("ws", "http")
        async with http_client(url) as http:  # The same by the other door.
            paths = ["/api/events/stream"] + ["/api/events"] * query.startswith("min_risk")
            for path in paths:
                answer = await http.get(f"{path}?{query}")
                assert (answer.status_code, answer.json()["detail"]) == (400, why)
    async with contextlib.AsyncExitStack() as stack:
        for number in range(4):
            await stack.enter_async_context(client_of(server, f"camera_id={number}"))
        await stack.enter_async_context(client_of(server, "camera_id=3&camera_id=3"))
        await stack.enter_async_context(client_of(server, "types="))
        status, why, retry = await refusal(server, "camera_id=4")
        assert (status, retry) == (429, "10")
        assert why == "this address has 4 different filters, and may have no more"
        assert server.refused(429) == 1
        async with http_client(server.url("").replace("ws", "http")) as http:
            channels = (await http.get("/status")).json()["channels"]
        shown = {one.get("filter"): one["listeners"] for one in channels}
        expected: dict[str | None, int] = {f"camera_id={number}": 1 for number in range(3)}
        assert shown == expected | {None: 1, "camera_id=3": 2}
    async with asyncio.timeout(10):
        while True:  # They have left, and given theirs back.
            with contextlib.suppress(InvalidStatus):
                async with client_of(server, "camera_id=4"):
                    break


async def test_a_filter_too_many_is_429_by_plain_asgi_too(redis_url: str, channel: str) -> None:
    settings = EventsSettings(redis_url=redis_url, redis_event_channel=channel)
    app = create_events_app(settings)
    async with (
        under_uvicorn(app, ws="websockets-sansio") as (host, port),
        contextlib.AsyncExitStack() as stack,
    ):
        server = Server(app, host, port)
        for number in range(4):
            await stack.enter_async_context(client_of(server, f"camera_id={number}&camera_id=x"))
        status, why, retry = await refusal(server, "camera_id=4")
        assert (status, retry) == (429, "10")
        assert why == "this address has 4 different filters, and may have no more"
        assert (await refusal(server, "min_risk=x"))[0] == 400


async def refusal(server: Server, query: str) -> tuple[int, str, str | None]:
    with pytest.raises(InvalidStatus) as caught:
        async with client_of(server, query):
            pass
    response = caught.value.response
    return response.status_code, response.body.decode(), response.headers.get("Retry-After")
