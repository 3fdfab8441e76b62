"""A program of somebody who uses hsi, for type checkers; test_types.py shows it to two of them."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import assert_never, assert_type

from hsi import (
    Consumer,
    InvalidMessageError,
    JobLogEmitter,
    Published,
    Publisher,
    PublishError,
    SyncPublisher,
    record_latency,
    timed,
)
from hsi.client import Received, RefusedError, State, Stream, SyncStream
from hsi.consumer import Entry, Gap
from hsi.joblogs import JobLogHandler
from hsi.schemas import (
    CameraStatus,
    ChannelMessage,
    Event,
    EventData,
    EventSeen,
    JobEnd,
    Log,
    PerformanceUpdate,
    RaisedAlert,
    Resumed,
    ServiceStatus,
    SystemStatus,
)

REDIS = "redis://127.0.0.1:6379/0"
SERVER = "ws://127.0.0.1:8080"


def event(summary: str) -> Event:
    """Return an event with this summary."""
    data = EventData(
        id=124,
        event_id=124,
        batch_id="batch-7",
        camera_id="front_door",
        risk_score=75,
        risk_level="high",
        summary=summary,
        started_at=datetime.now(UTC),
    )
    return Event(data=data)


async def publish() -> None:
    """Publish with history and without."""
    async with Publisher(REDIS, patience=5) as publisher:
        try:
            published = await publisher.publish("security_events", event("Person"), key="batch-7")
        except (InvalidMessageError, PublishError) as error:
            print(error)
        else:
            assert_type(published, Published)
            assert_type(published.cursor, str)
            assert_type(published.receivers, int)
        assert_type(await publisher.publish_live("security_events", b"{}"), int)


def publish_without_asyncio() -> None:
    """Publish from a script."""
    with SyncPublisher(REDIS) as publisher:
        assert_type(publisher.publish("security_events", event("Person")), Published)
        assert_type(publisher.publish_live("security_events", event("Person")), int)


def summary(message: ChannelMessage | Resumed | None) -> str:  # noqa: C901, PLR0911 (one a type)
    """Return a message in a few words; a checker sees that no type of message is left out."""
    match message:
        case Event(data=data):
            return assert_type(data.summary, str)
        case EventSeen(data=mark):
            return f"{mark.id} by {mark.by}"
        case SystemStatus(data=status):
            return ", ".join(status.services)
        case ServiceStatus(data=change):
            return f"{change.service}: {change.status}"
        case CameraStatus(data=camera):
            return f"{camera.name}: {camera.status}"
        case PerformanceUpdate(data=figures):
            return f"{len(figures.alerts)} alerts"
        case RaisedAlert(data=alert):
            return alert.message
        case Log(data=line):
            return line.message
        case JobEnd(data=end):
            return end.status
        case Resumed(data=resumed):
            return f"{resumed.replayed} missed"
        case None:
            return ""
        case _:
            assert_never(message)


async def follow() -> None:
    """Follow a stream, and go on from a cursor."""

    def on_state(state: State, why: str) -> None:
        print(state is State.LIVE, why)

    stream = Stream(f"{SERVER}/ws/events", since=None, tail=20, api_key="", on_state=on_state)
    assert_type(stream.messages(), AsyncGenerator[Received, None])
    try:
        async with aclosing(stream.messages()) as messages:
            async for received in messages:
                assert_type(received.text, str)
                print(summary(received.message), stream.cursor)
    except RefusedError as error:
        print(assert_type(error.code, int), error.reason)


def follow_without_asyncio() -> None:
    """Follow a stream from a script."""
    with SyncStream(f"{SERVER}/ws/events", tail=20) as stream:
        assert_type(stream.messages(), Generator[Received, None, None])
        for received in stream.messages():
            print(summary(received.message))


async def consume() -> None:
    """Follow a channel from a cursor in Redis."""
    async with Consumer(REDIS, "notifier", "security_events") as consumer:
        async for received in consumer.messages():
            match received:
                case Entry(cursor=cursor, message=message):
                    print(assert_type(cursor, str), summary(message))
                case Gap(after=after):
                    print(assert_type(after, str))
                case _:
                    assert_never(received)
            await consumer.acknowledge(received)


async def job() -> None:
    """Stream a job's log."""
    async with JobLogEmitter(REDIS, "nightly-42") as emitter:
        await emitter.info("Processing batch 2/3", batch_id="abc123")
        handler = assert_type(emitter.handler(logging.INFO), JobLogHandler)
        logging.getLogger().addHandler(handler)
        assert_type(emitter.flush(), bool)


def job_without_asyncio() -> None:
    """Stream a job's log from a script."""
    with JobLogEmitter(REDIS, "nightly-43") as emitter:
        emitter.error("No camera answers", cameras=3)


@timed("pipeline")
async def analyze(batch: str) -> int:
    """Analyze a batch; `timed` keeps what it takes and returns."""
    return len(batch)


@timed("yolo26")
def detect(image: bytes) -> list[str]:
    """Detect what is in an image."""
    record_latency("nemotron", 45.2)
    return [str(image)]


async def timings() -> None:
    """Call what is timed."""
    assert_type(await analyze("batch-7"), int)
    assert_type(detect(b""), list[str])
    with timed("pipeline"):
        await asyncio.sleep(0)
