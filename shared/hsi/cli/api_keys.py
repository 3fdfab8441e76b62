"""`hsi keys`: make API keys."""

import secrets

import click

from hsi.keys import SCOPES, KeyEntry, Scope, checked_name, digest


@click.group()
def keys() -> None:
    """Make API keys."""


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not value:
        return value
    try:
        return checked_name(value)
    except ValueError as error:
        raise click.BadParameter(f"it {error}") from None


@keys.command()
@click.option("--name", default="", callback=_name, help="What it is called in logs and /status.")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="read",
    show_default=True,
    help="What it may: read; act and read; publish alone; or all but that (admin).",
)
def new(name: str, scope: Scope) -> None:
    """Print a new API key and its entry.

    The key is for a client (HSI_API_KEY, for example). The entry is for the services, in API_KEYS
    with those of the other keys, separated by commas, or in a line of API_KEYS_FILE; nobody gets in
    with it.
    """
    key = secrets.token_urlsafe(32)
    entry = KeyEntry.parse(digest(key.encode()).hex())
    # A digest alone says all of an entry without a name that reads.
    is_bare = not name and scope == entry.scope
    entry = entry._replace(name=name or entry.name, scope=scope)
    click.echo(f"key, for the client (it is shown only now):  {key}")
    click.echo(f"entry, for the services:  API_KEYS={entry.digest if is_bare else entry}")
