"""`hsi push`: make the key that pushes are signed with."""

import base64
import secrets

import click

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: a private key is any number from 1 to below it."""


@click.group()
def push() -> None:
    """Set up pushes to browsers."""


@push.command("keys")
def new_key() -> None:
    """Print a new VAPID key for the notify service.

    Browsers subscribe with its public half, which the service makes of it. With another key, every
    device has to open the dashboard once before it gets pushes again: keep it.
    """
    click.echo(f"VAPID_PRIVATE_KEY={vapid_key()}")
    click.echo("VAPID_SUBJECT=mailto:you@example.com")
    click.echo(
        "The second line tells push services whom to write to if something goes wrong: put in your "
        "own address.",
        err=True,
    )


def vapid_key() -> str:
    """Return a new private key for VAPID: 32 bytes in base64url."""
    number = secrets.randbelow(_ORDER - 1) + 1
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()
