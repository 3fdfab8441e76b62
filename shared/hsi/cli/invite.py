"""`hsi invite`: lets somebody in by a link or a QR code, without a key being typed."""

import sys
from typing import TextIO

import click
import segno

from hsi.cli.api import page_of, post
from hsi.cli.options import server_options
from hsi.cli.streams import note


@click.command()
@click.option(
    "--scope",
    type=click.Choice(["read", "act", "admin"]),
    default="read",
    show_default=True,
    help="What the guest may; within what your own key may.",
)
@server_options
def invite(scope: str, server: str, api_key_file: TextIO | None) -> None:
    """Print a link, and its QR code, that lets somebody in once, within ten minutes.

    The link goes to standard output, the code for a phone's camera to standard error. The guest's
    session ends when your key (HSI_API_KEY) is taken away.
    """
    page = page_of(server)
    made = post(f"{page}api/session/invites", {"scope": scope}, api_key_file)
    # In the fragment, which browsers send nowhere.
    link = f"{page}#invite={made['code']}"
    click.echo(link)
    segno.make(link, micro=False).terminal(out=sys.stderr, compact=True)
    note(f"for one use, until {made['expires_at']}; scope {made['scope']}")
