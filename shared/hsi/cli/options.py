"""Options and settings that several commands share."""

import os
from collections.abc import Callable
from typing import TextIO, TypeVar

import click

from hsi.cli.settings import ProducerSettings
from hsi.settings import SettingsError, load

F = TypeVar("F", bound=Callable[..., None])


class UnusableSettingError(click.ClickException):
    """A setting or an option cannot be used; its text is one line."""

    exit_code = 2


def server_options(command: F) -> F:
    """Add the options that say where the services are and which key opens them."""
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


def api_key(file: TextIO | None) -> str:
    """Return the API key; empty where there is none. A file can be read once.

    Args:
        file: Holds the key; None: HSI_API_KEY does, if it is set.

    """
    return (file.read() if file else os.environ.get("HSI_API_KEY", "")).strip()


def stream_options(command: F) -> F:
    """Add the options that all streams have."""
    since = click.option("--since", help="Go on after the message with this cursor.")
    return server_options(since(command))


def tail_option(default: int) -> Callable[[F], F]:
    """Return the option that begins with the last few messages, as many as `default`."""
    return click.option(
        "--tail",
        "-n",
        "count",
        type=click.IntRange(0, 1000),
        default=default,
        show_default=True,
        help="Begin with the last few.",
    )


def producer_settings() -> ProducerSettings:
    """Return the settings of commands that publish, from the environment.

    Raises:
        UnusableSettingError: A setting cannot be used.

    """
    try:
        return load(ProducerSettings, os.environ)
    except SettingsError as error:
        raise UnusableSettingError(str(error)) from error
