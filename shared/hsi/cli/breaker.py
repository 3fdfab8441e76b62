"""`hsi breaker reset`: lets a replica of the system service try to hear Redis at once."""

from typing import TextIO

import click

from hsi.cli.api import page_of, post
from hsi.cli.options import server_options


@click.group()
def breaker() -> None:
    """Operate the circuit breaker between the system service and Redis."""


@breaker.command()
@server_options
def reset(server: str, api_key_file: TextIO | None) -> None:
    """Close the circuit of the replica that answers, which then tries to hear Redis at once.

    Each replica of the system service has a circuit of its own; the line that is printed says whose
    it was. Name a replica itself as --server to choose one. The key (HSI_API_KEY) needs the scope
    admin.
    """
    done = post(f"{page_of(server)}api/breaker/reset", {}, api_key_file)
    click.echo(f"{done['replica']}: {done['state']}, was {done['before']}")
