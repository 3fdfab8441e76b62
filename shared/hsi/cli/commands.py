"""The commands of `hsi`, put together."""

import io
import sys

import click

from hsi import __version__
from hsi.cli.api_keys import keys
from hsi.cli.breaker import breaker
from hsi.cli.invite import invite
from hsi.cli.jobs import job, run_job
from hsi.cli.kubernetes_secrets import new_secrets
from hsi.cli.notify import notify
from hsi.cli.publish import publish
from hsi.cli.push import push
from hsi.cli.sample import sample
from hsi.cli.seen import seen
from hsi.cli.tail import events, status, system, tail
from hsi.cli.webhook import webhook


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hsi")
def main() -> None:
    """Home Security Intelligence, real-time layer: publish, watch, make keys and secrets."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What the output's encoding lacks is no reason to show nothing at all.
        sys.stdout.reconfigure(errors="replace")


_COMMANDS = (
    publish,
    sample,
    seen,
    tail,
    status,
    run_job,
    keys,
    invite,
    push,
    webhook,
    breaker,
    notify,
    new_secrets,
)
for command in _COMMANDS:
    main.add_command(command)
for stream in (events, system, job):
    tail.add_command(stream)
