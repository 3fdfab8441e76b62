"""Streams as the command line shows them: messages on standard output, notes on standard error."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator

import click
from websockets.exceptions import InvalidHandshake, InvalidURI
from websockets.uri import parse_uri

from hsi.cli.lines import message_line
from hsi.cli.options import UnusableSettingError
from hsi.client import Received, RefusedError, State, Stream
from hsi.logs import redact
from hsi.schemas import Resumed
from hsi.schemas.close_codes import CloseCode

_HINTS: dict[int, str] = {
    CloseCode.UNAUTHORIZED: " (set HSI_API_KEY, or give --api-key-file)",
}


def note(text: str) -> None:
    """Print a note for people on standard error."""
    click.secho(f"-- {text}", err=True, dim=True)


def _note_state(state: State, why: str) -> None:
    note("live" if state is State.LIVE else f"not connected ({why}); trying again")


def open_stream(
    url: str,
    since: str | None,
    count: int,
    key: str,
    on_state: Callable[[State, str], None] = _note_state,
) -> Stream:
    """Return a stream that is opened with an API key.

    Args:
        url: ws:// or wss://.
        since: Cursor to go on after.
        count: Messages to begin with.
        key: Of `api_key`.
        on_state: Told whenever messages begin or cease to arrive, and why.

    Raises:
        click.ClickException: The URL cannot be used, or the key cannot be sent.

    """
    try:
        parse_uri(url)
    except (InvalidURI, ValueError):
        # Neither is quoted: the URL may hold a secret.
        raise UnusableSettingError(
            "HSI_SERVER, or --server: expected ws://host:port or wss://host:port"
        ) from None
    try:
        return Stream(url, since=since, tail=count, api_key=key, on_state=on_state)
    except ValueError as error:
        raise click.ClickException(str(error)) from error


def follow(stream: Stream, text: Callable[[Received], str | None]) -> None:
    """Print the messages of a stream until it ends.

    Args:
        stream: The stream.
        text: Returns the text to print for a message; None prints nothing.

    Raises:
        click.ClickException: The service refuses the client.

    """
    asyncio.run(_follow(stream, text))


async def _follow(stream: Stream, text: Callable[[Received], str | None]) -> None:
    try:
        with refusals(stream):
            async with contextlib.aclosing(stream.messages()) as messages:
                async for received in messages:
                    if isinstance(received.message, Resumed):
                        note(f"messages are missing after {received.message.data.since}")
                    elif (line := text(received)) is not None:
                        # Colours in it are a job's, and stay, wherever they go.
                        click.echo(line, color=True)
    except BrokenPipeError:
        # The reader has enough (`hsi tail events | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def refusals(stream: Stream) -> Iterator[None]:
    """Turn a service's refusal into one line that says why."""
    try:
        yield
    except (RefusedError, InvalidHandshake, InvalidURI) as error:
        # The URL is the user's, and may hold a secret all the same.
        hint = _HINTS.get(error.code, "") if isinstance(error, RefusedError) else ""
        raise click.ClickException(f"{redact(stream.url)}: {redact(str(error))}{hint}") from error


def message_text(received: Received) -> str:
    """Return a message as a readable line on a terminal, and as it came in a pipe."""
    if sys.stdout.isatty():
        return message_line(received.message, received.text)
    return received.text
