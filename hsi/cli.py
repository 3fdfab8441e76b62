"""`hsi`: publish and watch, from a terminal or in a pipe."""

import asyncio
import contextlib
import logging
import os
import secrets
import sys
from collections.abc import Iterable
from typing import BinaryIO, TextIO

import click
from websockets.exceptions import InvalidHandshake, InvalidURI

from hsi.client import Received, RefusedError, State, Stream
from hsi.run_job import new_job_id, run
from shared import __version__, channels
from shared.access import digest
from shared.bus import Publisher, PublishError
from shared.close_codes import CloseCode
from shared.intake import InvalidMessageError, validate
from shared.job_ids import InvalidJobIdError
from shared.joblogs import JobLogEmitter
from shared.logging import redact
from shared.schemas import (
    ChannelMessage,
    Event,
    JobEnd,
    Log,
    PerformanceUpdate,
    Resumed,
    RiskLevel,
    ServiceStatus,
    SystemStatus,
)
from shared.settings import Settings, SettingsError, load

PATIENCE = 5.0
"""Seconds that `hsi publish` tries."""
_HINTS: dict[int, str] = {
    CloseCode.UNAUTHORIZED: " (set HSI_API_KEY, or give --api-key-file)",
}
_COLOURS: dict[RiskLevel, str] = {
    "low": "green",
    "medium": "yellow",
    "high": "red",
    "critical": "bright_red",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hsi")
def main() -> None:
    """Home Security Intelligence, real-time layer: publish, watch, make keys."""


@main.command()
@click.argument("file", type=click.File("rb"), default="-")
def publish(file: BinaryIO) -> None:
    """Publish the message in FILE (JSON), checked against its schema, sent byte for byte.

    Without FILE: one message per line of standard input, as the lines come. Redis is REDIS_URL,
    the channel of events REDIS_EVENT_CHANNEL.
    """
    settings = _settings()
    lines = file if file is sys.stdin.buffer else [file.read()]
    asyncio.run(_publish(settings, lines))


def _settings() -> Settings:
    try:
        return load(Settings, os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


async def _publish(settings: Settings, payloads: Iterable[bytes]) -> None:
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


async def _send(publisher: Publisher, channel: str, payload: bytes, settings: Settings) -> int:
    """Publish; events are kept in the history, what is soon out of date is not."""
    if channel == settings.redis_event_channel:
        return (await publisher.publish(channel, payload)).receivers
    return await publisher.publish_live(channel, payload)


def _channel(message: ChannelMessage, settings: Settings) -> str:
    match message:
        case Event():
            return settings.redis_event_channel
        case SystemStatus() | ServiceStatus():
            return channels.SYSTEM_STATUS
        case PerformanceUpdate():
            return channels.PERFORMANCE_UPDATE
        case Log():
            raise InvalidMessageError("a log line belongs to a job, and says not to which")
        case JobEnd():
            raise InvalidMessageError("a job's end is its emitter's to say")


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--id", "job_id", help="The job's id; by default the command's name and a number.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_job(job_id: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND as a job: its output is shown here, and streamed as the job's log.

    The job's id stands on standard error first; the exit status is the command's. What it writes to
    standard output is INFO, to standard error WARNING. Redis is REDIS_URL; the command never waits
    for it.
    """
    settings = _settings()
    logging.basicConfig(format="-- %(message)s", level=logging.WARNING)
    try:
        emitter = JobLogEmitter(settings.redis_url, job_id or new_job_id(command))
    except InvalidJobIdError as error:
        raise click.ClickException(str(error)) from error
    _say(f"job {emitter.job_id}")
    sys.exit(run(command, emitter))


@main.group()
def keys() -> None:
    """Make API keys."""


@keys.command()
def new() -> None:
    """Print a new API key and its digest.

    The key is for a client (HSI_API_KEY, for example). The digest is for the services, in API_KEYS
    with those of the other keys, separated by commas; nobody gets in with it.
    """
    key = secrets.token_urlsafe(32)
    click.echo(f"key, for the client (it is shown only now):  {key}")
    click.echo(f"digest, for the services:  API_KEYS={digest(key.encode()).hex()}")


@main.group()
def tail() -> None:
    """Watch a stream until Ctrl-C: readable on a terminal, JSON lines in a pipe."""


@tail.command()
@click.option(
    "--url",
    envvar="HSI_URL",
    default="ws://127.0.0.1:8080/ws/events",
    show_default=True,
    help="WebSocket endpoint (HSI_URL).",
)
@click.option("--since", help="Go on after the message with this cursor.")
@click.option(
    "--tail",
    "-n",
    "count",
    type=click.IntRange(0, 1000),
    default=0,
    help="Begin with the last few.",
)
@click.option(
    "--api-key-file",
    type=click.File(),
    help="File that holds the API key, instead of HSI_API_KEY.",
)
def events(url: str, since: str | None, count: int, api_key_file: TextIO | None) -> None:
    """Watch security events; what is missed while reconnecting is made up for.

    The API key, if the service asks for one, is HSI_API_KEY or in a file: a command line can be
    seen by everybody on the machine.
    """
    key = (api_key_file.read() if api_key_file else os.environ.get("HSI_API_KEY", "")).strip()
    try:
        stream = Stream(url, since=since, tail=count, api_key=key, on_state=_say_state)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_tail(stream))


async def _tail(stream: Stream) -> None:
    try:
        async with contextlib.aclosing(stream.messages()) as messages:
            async for received in messages:
                if isinstance(received.message, Resumed):
                    _say(f"messages are missing after {received.message.data.since}")
                else:
                    click.echo(_line(received) if sys.stdout.isatty() else received.text)
    except (RefusedError, InvalidHandshake, InvalidURI) as error:
        # The URL is the user's, and may hold a secret all the same.
        hint = _HINTS.get(error.code, "") if isinstance(error, RefusedError) else ""
        raise click.ClickException(f"{redact(stream.url)}: {redact(str(error))}{hint}") from error
    except BrokenPipeError:
        # Whoever read us has enough (`hsi tail events | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say_state(state: State, why: str) -> None:
    _say("live" if state is State.LIVE else f"not connected ({why}); trying again")


def _say(text: str) -> None:
    click.secho(f"-- {text}", err=True, dim=True)


def _line(received: Received) -> str:
    match received.message:
        case Event(data=event):
            risk = click.style(
                f"{event.risk_level:>8} {event.risk_score:3}", fg=_COLOURS[event.risk_level]
            )
            return f"{event.started_at:%H:%M:%S} {risk}  {_plain(event.camera_id)}: " + _plain(
                event.summary
            )
        case _:
            return _plain(received.text)


def _plain(text: str) -> str:
    """Return `text` without what could command a terminal: it comes from anybody."""
    return "".join(character if character.isprintable() else " " for character in text)
