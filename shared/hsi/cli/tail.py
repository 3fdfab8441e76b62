"""`hsi tail` and `hsi status`: watch what happens, or see once how everything is."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TextIO
from urllib.parse import urlencode

import click

from hsi.cli.options import (
    UnusableSettingError,
    api_key,
    server_options,
    stream_options,
    tail_option,
)
from hsi.cli.streams import follow, message_text, note, open_stream, refusals
from hsi.client import State, Stream
from hsi.logs import redact
from hsi.schemas import SystemStatus
from hsi.schemas.base import ServiceHealth
from hsi.verdict import MAX_SCORE

STATUS_TIMEOUT = 10.0
"""Seconds that `hsi status` waits: two statuses of a service that sends one every 5 s."""
SAID_AFTER = 2.0
"""Seconds after which it says what it waits for."""


@click.group()
def tail() -> None:
    """Watch a stream until Ctrl-C: readable on a terminal, JSON lines in a pipe."""


@click.command()
@stream_options
@tail_option(0)
@click.option(
    "--camera", "cameras", multiple=True, help="Only what this camera saw; repeat it for several."
)
@click.option(
    "--min-risk",
    type=click.IntRange(0, MAX_SCORE),
    help="Only what may be of this risk or a higher one.",
)
def events(  # noqa: PLR0917 (click passes them by name)
    server: str,
    since: str | None,
    count: int,
    cameras: Sequence[str],
    min_risk: int | None,
    api_key_file: TextIO | None,
) -> None:
    """Watch security events; what is missed while reconnecting is made up for.

    The API key, if the service asks for one, is HSI_API_KEY or in a file: a command line can be
    seen by everybody on the machine.
    """
    asked = [("camera_id", camera) for camera in cameras]
    if min_risk is not None:
        asked.append(("min_risk", str(min_risk)))
    query = f"?{urlencode(asked)}" if asked else ""
    stream = open_stream(f"{server}/ws/events{query}", since, count, api_key(api_key_file))
    with contextlib.suppress(KeyboardInterrupt):
        follow(stream, message_text)


@click.command()
@stream_options
def system(server: str, since: str | None, api_key_file: TextIO | None) -> None:
    """Watch system statuses, changes of health, and performance figures; the latest comes first."""
    stream = open_stream(f"{server}/ws/system", since, 0, api_key(api_key_file))
    with contextlib.suppress(KeyboardInterrupt):
        follow(stream, message_text)


class NoStatusError(click.ClickException):
    """No service says how the system is."""

    exit_code = os.EX_UNAVAILABLE


@click.command()
@server_options
def status(server: str, api_key_file: TextIO | None) -> None:
    """Tell how everything is, once: the latest system status.

    The exit status is 0 if every service that the status names is healthy, 1 if one is not, and 69
    if nobody tells, for 10 seconds at most. Cameras, and AI services that nobody has configured,
    do not count. Readable on a terminal, JSON in a pipe.
    """
    troubles = ["no answer"]
    url = f"{server}/ws/system"

    def record(_: State, why: str) -> None:
        troubles.append(why or "no status came")

    def say_why() -> None:
        note(f"waiting for {redact(url)}: {redact(troubles[-1])}")

    try:
        stream = open_stream(url, None, 0, api_key(api_key_file), record)
        line, services = asyncio.run(_latest_status(stream, say_why))
    except TimeoutError as error:
        raise NoStatusError(f"{redact(url)}: {redact(troubles[-1])}") from error
    except UnusableSettingError:
        raise
    except click.ClickException as error:
        raise NoStatusError(error.message) from error
    click.echo(line)
    sys.exit(any(health != "healthy" for health in services.values()))


async def _latest_status(
    stream: Stream, on_slow: Callable[[], None]
) -> tuple[str, dict[str, ServiceHealth]]:
    """Return the next status as the text to print, and the health of each service in it.

    Args:
        stream: Of the system.
        on_slow: Called where none has come for `SAID_AFTER` seconds.

    Raises:
        TimeoutError: No status came.

    """
    asyncio.get_running_loop().call_later(SAID_AFTER, on_slow)
    with refusals(stream):
        async with (
            asyncio.timeout(STATUS_TIMEOUT),
            contextlib.aclosing(stream.messages()) as messages,
        ):
            async for received in messages:
                if isinstance(received.message, SystemStatus):
                    return message_text(received), received.message.data.services
    raise TimeoutError  # The service closed the connection without a status.
