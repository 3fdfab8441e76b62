"""`hsi webhook`: make a secret, and send a webhook what it missed."""

import base64
import secrets
from typing import TextIO

import click

from hsi.cli.api import page_of, post
from hsi.cli.options import server_options

_SECRET_BYTES = 32


@click.group()
def webhook() -> None:
    """Set up webhooks, and replay to them."""


@webhook.command("secret")
def new_secret() -> None:
    """Print a new secret, for the rules of the notify service and for who receives the webhook."""
    click.echo(f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}")


@webhook.command()
@click.argument("name")
@click.option("--since", required=True, metavar="CURSOR", help="What came after it is sent.")
@server_options
def replay(name: str, since: str, server: str, api_key_file: TextIO | None) -> None:
    """Send the webhook NAME again what came after a cursor.

    Each message has the id that it had the first time. One that answered 410 is told again from
    then on. The key (HSI_API_KEY) needs the scope admin.
    """
    body = {"target": name, "since": since}
    post(f"{page_of(server)}api/notify/replay", body, api_key_file)
    click.echo("the replay has begun; /status of the notify service says how far it is")
