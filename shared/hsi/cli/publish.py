"""`hsi publish`: messages from a file or a pipe, checked and sent byte for byte."""

import asyncio
import sys
import time
import uuid
from collections.abc import Iterable
from typing import Any, BinaryIO, TextIO

import click

from hsi.cli.api import RefusedError, page_of, send
from hsi.cli.lines import plain
from hsi.cli.options import api_key, producer_settings
from hsi.cli.settings import ProducerSettings
from hsi.publisher import Publisher, PublishError
from hsi.schemas import (
    CameraStatus,
    ChannelMessage,
    Event,
    EventSeen,
    JobEnd,
    Log,
    PerformanceUpdate,
    RaisedAlert,
    ServiceStatus,
    SystemStatus,
    channels,
)
from hsi.schemas.validation import InvalidMessageError, validate

PATIENCE = 5.0
"""Seconds that a message is tried for."""
PAUSE = 0.5
"""Seconds between two attempts over HTTP."""


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--server", help="Publish events over HTTP, without Redis; ws:// or wss://.")
@click.option(
    "--api-key-file",
    type=click.File(),
    help="File that holds the API key for --server, instead of HSI_API_KEY.",
)
def publish(file: BinaryIO, server: str | None, api_key_file: TextIO | None) -> None:
    """Publish the message in FILE (JSON), checked against its schema, sent byte for byte.

    Without FILE: one message per line of standard input, as the lines come. Redis is REDIS_URL,
    the channel of events REDIS_EVENT_CHANNEL. With --server, the events service publishes: events
    alone, which may be lists, and may lack what it fills in. The key needs the scope publish.
    """
    lines = file if file is sys.stdin.buffer else [file.read()]
    if server is None:
        asyncio.run(_publish(producer_settings(), lines))
        return
    url, key = f"{page_of(server)}api/events", api_key(api_key_file)
    for payload in lines:
        if payload.strip():
            answer = _send_over_http(url, payload.strip(), key)
            click.echo(f"published: {_cursors_in(answer)}", err=True)


def _send_over_http(url: str, payload: bytes, key: str) -> dict[str, Any]:
    """Publish once, though it may have to be tried more often."""
    idempotency_key, deadline = uuid.uuid4().hex, time.monotonic() + PATIENCE
    while True:
        try:
            return send(url, payload, key, idempotency_key=idempotency_key)
        except RefusedError as error:
            if not error.passes or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE)


def _cursors_in(answer: dict[str, Any]) -> str:
    return plain(", ".join(map(str, answer.get("cursors", [answer.get("cursor")]))))


async def _publish(settings: ProducerSettings, payloads: Iterable[bytes]) -> None:
    async with Publisher(
        settings.redis_url,
        history_length=settings.history_length,
        patience=PATIENCE,
        replicas=settings.wait_for_replicas,
    ) as publisher:
        for payload in payloads:
            if not payload.strip():
                continue
            try:
                channel = _channel(validate(payload.strip()), settings)
                listeners = await _send(publisher, channel, payload.strip(), settings)
            except (InvalidMessageError, PublishError) as error:
                raise click.ClickException(str(error)) from error
            heard = f"heard by {listeners} replica{'' if listeners == 1 else 's'}"
            hint = "" if listeners else " (no dashboard is open, or REDIS_URL is another Redis)"
            click.echo(f"published to {channel}: {heard}{hint}", err=True)


async def _send(
    publisher: Publisher, channel: str, payload: bytes, settings: ProducerSettings
) -> int:
    """Publish; events are kept in the history, messages that are soon out of date are not."""
    if channel == settings.redis_event_channel:
        return (await publisher.publish(channel, payload)).receivers
    return await publisher.publish_live(channel, payload)


def _channel(message: ChannelMessage, settings: ProducerSettings) -> str:
    match message:
        case Event():
            return settings.redis_event_channel
        case EventSeen():
            raise InvalidMessageError("that an event was seen is the events service's to say")
        case SystemStatus() | ServiceStatus() | CameraStatus():
            return channels.SYSTEM_STATUS
        case PerformanceUpdate() | RaisedAlert():
            return channels.PERFORMANCE_UPDATE
        case Log():
            raise InvalidMessageError("a log line belongs to a job, and says not to which")
        case JobEnd():
            raise InvalidMessageError("a job's end is its emitter's to say")
