"""`hsi`: publish and watch, from a terminal or in a pipe."""

import asyncio
import contextlib
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, TextIO, TypeVar, get_args

import click
from msgspec import UNSET
from websockets.exceptions import InvalidHandshake, InvalidURI

from hsi import __version__
from hsi.cli.kubernetes_secrets import secret_list
from hsi.cli.lines import event_line, health_line, log_line, performance_line, plain, status_line
from hsi.cli.redis_users import RedisUsers
from hsi.cli.run_job import new_job_id, run
from hsi.cli.settings import ProducerSettings
from hsi.client import Received, RefusedError, State, Stream
from hsi.joblogs import JobLogEmitter
from hsi.keys import digest
from hsi.logs import redact
from hsi.publisher import Publisher, PublishError
from hsi.schemas import (
    ChannelMessage,
    EndStatus,
    Event,
    JobEnd,
    JobEndData,
    Log,
    LogLevel,
    PerformanceUpdate,
    Resumed,
    ServiceStatus,
    SystemStatus,
    channels,
    job_ids,
)
from hsi.schemas.base import ServiceHealth
from hsi.schemas.close_codes import CloseCode
from hsi.schemas.job_ids import InvalidJobIdError
from hsi.schemas.validation import InvalidMessageError, validate
from hsi.settings import SettingsError, check_database_url, check_redis_url, load

PATIENCE = 5.0
"""Seconds that `hsi publish` tries."""
STATUS_WITHIN = 10.0
"""Seconds that `hsi status` waits: two statuses of a service that sends one every 5 s."""
_HINTS: dict[int, str] = {
    CloseCode.UNAUTHORIZED: " (set HSI_API_KEY, or give --api-key-file)",
}
_STATUS: dict[EndStatus, int] = {"completed": 0, "failed": 1, "cancelled": 130}
"""Exit statuses of jobs that have none of their own."""
_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hsi")
def main() -> None:
    """Home Security Intelligence, real-time layer: publish, watch, make keys and secrets."""


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


def _settings() -> ProducerSettings:
    try:
        return load(ProducerSettings, os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


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
    """Publish; events are kept in the history, what is soon out of date is not."""
    if channel == settings.redis_event_channel:
        return (await publisher.publish(channel, payload)).receivers
    return await publisher.publish_live(channel, payload)


def _channel(message: ChannelMessage, settings: ProducerSettings) -> str:
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


@main.command("secrets")
@click.option("--namespace", default="hsi", show_default=True, help="Where they will be.")
@click.option(
    "--redis-host", default="redis", show_default=True, help="An outside Redis: HOST or HOST:PORT."
)
@click.option("--redis-tls", is_flag=True, help="Redis is reached by TLS.")
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    default="",
    help="An outside PostgreSQL (DATABASE_URL: a command line can be seen by everybody).",
)
def new_secrets(namespace: str, redis_host: str, *, redis_tls: bool, database_url: str) -> None:
    """Print all Secrets that deploy/k8s needs, with new passwords, for `kubectl apply -f -`.

    Each run makes all of them anew; a PostgreSQL that has its data already does not take a new
    password from there. The API key stands on standard error, once. Where REDIS_EVENT_CHANNEL,
    DETECTION_QUEUE, ANALYSIS_QUEUE or DEAD_LETTER_QUEUES is set for the services, set it here too.
    """
    redis_url = f"redis{'s' * redis_tls}://{redis_host}/0"
    try:
        check_redis_url(redis_url)
        check_database_url(database_url)
        users = RedisUsers(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    key = secrets.token_urlsafe(32)
    click.echo(
        secret_list(
            users,
            namespace=namespace,
            api_key=key,
            redis_url=redis_url,
            database_url=database_url,
        )
    )
    click.echo(f"key, for the client (it is shown only now):  {key}", err=True)


@main.group()
def tail() -> None:
    """Watch a stream until Ctrl-C: readable on a terminal, JSON lines in a pipe."""


F = TypeVar("F", bound=Callable[..., None])


def _server_options(command: F) -> F:
    """Add the options that say where the services are, and how to get in."""
    for option in (
        click.option(
            "--api-key-file",
            type=click.File(),
            help="File that holds the API key, instead of HSI_API_KEY.",
        ),
        click.option(
            "--server",
            envvar="HSI_SERVER",
            default="ws://127.0.0.1:8080",
            show_default=True,
            help="Where the services are (HSI_SERVER); ws:// or wss://.",
        ),
    ):
        command = option(command)
    return command


def _stream_options(command: F) -> F:
    """Add the options that all streams have."""
    since = click.option("--since", help="Go on after the message with this cursor.")
    return _server_options(since(command))


def _tail_option(default: int) -> Callable[[F], F]:
    return click.option(
        "--tail",
        "-n",
        "count",
        type=click.IntRange(0, 1000),
        default=default,
        show_default=True,
        help="Begin with the last few.",
    )


def _say_state(state: State, why: str) -> None:
    _say("live" if state is State.LIVE else f"not connected ({why}); trying again")


def _say(text: str) -> None:
    click.secho(f"-- {text}", err=True, dim=True)


def _stream(
    url: str,
    since: str | None,
    count: int,
    api_key_file: TextIO | None,
    on_state: Callable[[State, str], None] = _say_state,
) -> Stream:
    key = (api_key_file.read() if api_key_file else os.environ.get("HSI_API_KEY", "")).strip()
    try:
        return Stream(url, since=since, tail=count, api_key=key, on_state=on_state)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


@tail.command()
@_stream_options
@_tail_option(0)
def events(server: str, since: str | None, count: int, api_key_file: TextIO | None) -> None:
    """Watch security events; what is missed while reconnecting is made up for.

    The API key, if the service asks for one, is HSI_API_KEY or in a file: a command line can be
    seen by everybody on the machine.
    """
    stream = _stream(f"{server}/ws/events", since, count, api_key_file)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_tail(stream, _text))


@tail.command()
@_stream_options
def system(server: str, since: str | None, api_key_file: TextIO | None) -> None:
    """Watch system statuses, changes of health, and performance figures; the latest comes first."""
    stream = _stream(f"{server}/ws/system", since, 0, api_key_file)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_tail(stream, _text))


class UntoldError(click.ClickException):
    """Nobody tells how the system is."""

    exit_code = os.EX_UNAVAILABLE


@main.command()
@_server_options
def status(server: str, api_key_file: TextIO | None) -> None:
    """Tell how everything is, once: the latest system status.

    The exit status is 0 if every service is healthy, 1 if one is not, and 69 if nobody tells, for
    10 seconds at most. Readable on a terminal, JSON in a pipe.
    """
    troubles = ["no answer"]
    url = f"{server}/ws/system"

    def note(_: State, why: str) -> None:
        troubles.append(why or "no status came")

    try:
        stream = _stream(url, None, 0, api_key_file, note)
        line, services = asyncio.run(_latest_status(stream))
    except TimeoutError as error:
        raise UntoldError(f"{redact(url)}: {redact(troubles[-1])}") from error
    except click.ClickException as error:
        raise UntoldError(error.message) from error
    click.echo(line)
    sys.exit(any(health != "healthy" for health in services.values()))


@tail.command()
@click.argument("job_id")
@click.option(
    "--level",
    type=click.Choice(get_args(LogLevel), case_sensitive=False),
    help="This level and above.",
)
@_stream_options
@_tail_option(1000)
def job(  # noqa: PLR0917 (click passes them by name)
    job_id: str,
    level: str | None,
    server: str,
    since: str | None,
    count: int,
    api_key_file: TextIO | None,
) -> None:
    """Follow the log of job JOB_ID to its end; the exit status is the job's.

    On a terminal with time and level; in a pipe the lines alone, as the job wrote them. A job that
    failed without an exit status of its own gives 1, a cancelled one 130. If the job says nothing
    until the service lets us go, it is 69.
    """
    try:
        url = f"{server}/ws/jobs/{job_ids.check(job_id)}/logs"
    except job_ids.InvalidJobIdError as error:
        raise click.ClickException(str(error)) from error
    stream = _stream(url + (f"?level={level}" if level else ""), since, count, api_key_file)
    ends: list[JobEndData] = []

    def text(received: Received) -> str | None:
        match received.message:
            case Log(data=line):
                return log_line(line) if sys.stdout.isatty() else line.message
            case JobEnd(data=data):
                ends.append(data)
                return None
            case _:
                return plain(received.text)

    try:
        asyncio.run(_tail(stream, text))
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    if not ends:
        _say("the job says nothing, and has not ended")
        sys.exit(os.EX_UNAVAILABLE)
    end = ends[-1]
    _say(f"job {job_id} {end.status}")
    sys.exit(_STATUS[end.status] if end.exit_code is UNSET else end.exit_code)


async def _tail(stream: Stream, text: Callable[[Received], str | None]) -> None:
    """Print what a stream brings.

    Args:
        stream: What to follow.
        text: Returns what to print for a message; None: nothing.

    """
    try:
        with _refusals(stream):
            async with contextlib.aclosing(stream.messages()) as messages:
                async for received in messages:
                    if isinstance(received.message, Resumed):
                        _say(f"messages are missing after {received.message.data.since}")
                    elif (line := text(received)) is not None:
                        # Colours that are in it are a job's, and stay, wherever they go.
                        click.echo(line, color=True)
    except BrokenPipeError:
        # Whoever read us has enough (`hsi tail events | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _latest_status(stream: Stream) -> tuple[str, dict[str, ServiceHealth]]:
    """Return what to print of the next status, and how each service is."""
    with _refusals(stream):
        async with (
            asyncio.timeout(STATUS_WITHIN),
            contextlib.aclosing(stream.messages()) as messages,
        ):
            async for received in messages:
                if isinstance(received.message, SystemStatus):
                    return _text(received), received.message.data.services
    raise TimeoutError  # the service let us go, and said nothing


@contextlib.contextmanager
def _refusals(stream: Stream) -> Iterator[None]:
    """Say on the terminal why a service does not let us in."""
    try:
        yield
    except (RefusedError, InvalidHandshake, InvalidURI) as error:
        # The URL is the user's, and may hold a secret all the same.
        hint = _HINTS.get(error.code, "") if isinstance(error, RefusedError) else ""
        raise click.ClickException(f"{redact(stream.url)}: {redact(str(error))}{hint}") from error


def _text(received: Received) -> str:
    return _line(received) if sys.stdout.isatty() else received.text


def _line(received: Received) -> str:
    match received.message:
        case Event() as event:
            return event_line(event)
        case SystemStatus() as status:
            return status_line(status)
        case ServiceStatus(data=change):
            return health_line(change)
        case PerformanceUpdate(data=figures):
            return performance_line(figures)
        case _:
            return plain(received.text)
