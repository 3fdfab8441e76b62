"""`hsi keys`: make API keys."""

import secrets

import click

from hsi.keys import digest


@click.group()
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
