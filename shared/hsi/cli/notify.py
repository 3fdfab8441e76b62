"""`hsi notify test`: tells every target of the notify service that it is tried."""

from typing import TextIO

import click

from hsi.cli.api import page_of, post
from hsi.cli.lines import plain
from hsi.cli.options import server_options

LONGEST = 40.0
"""Seconds that the service may take: as long as the slowest target may."""


@click.group()
def notify() -> None:
    """Try those who are told of what happens."""


@notify.command()
@server_options
def test(server: str, api_key_file: TextIO | None) -> None:
    """Send a test message to every target, whatever its rules, and print what each answered.

    The exit status is 1 if one of them did not take it, or there is none. The key (HSI_API_KEY)
    needs the scope admin.
    """
    targets = post(f"{page_of(server)}api/notify/test", {}, api_key_file, timeout=LONGEST)[
        "targets"
    ]
    for target in targets:
        click.echo(f"{plain(target['name'])}: {plain(target['answer'])}")
    if not targets:
        raise click.ClickException("there is no target: NOTIFY_RULES names none")
    if not all(target["delivered"] for target in targets):
        raise click.exceptions.Exit(1)
