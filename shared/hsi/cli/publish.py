"""`hsi publish`: messages from a file or a pipe, checked and sent byte for byte."""

import asyncio
import sys
from collections.abc import Iterable
from typing import BinaryIO

import click

from hsi.cli.options import producer_settings
from hsi.cli.settings import ProducerSettings
from hsi.publisher import Publisher, PublishError
from hsi.schemas import (
    ChannelMessage,
    Event,
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


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
def publish(file: BinaryIO) -> None:
    """Publish the message in FILE (JSON), checked against its schema, sent byte for byte.

    Without FILE: one message per line of standard input, as the lines come. Redis is REDIS_URL,
    the channel of events REDIS_EVENT_CHANNEL.
    """
    settings = producer_settings()
    lines = file if file is sys.stdin.buffer else [file.read()]
    asyncio.run(_publish(settings, lines))


async def _publish(settings: ProducerSettings, payloads: Iterable[bytes]) -> None:
    async with Publisher(
        settings.redis_url, history_length=settings.history_length, patience=PATIENCE
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
        case SystemStatus() | ServiceStatus():
            return channels.SYSTEM_STATUS
        case PerformanceUpdate() | RaisedAlert():
            return channels.PERFORMANCE_UPDATE
        case Log():
            raise InvalidMessageError("a log line belongs to a job, and says not to which")
        case JobEnd():
            raise InvalidMessageError("a job's end is its emitter's to say")
