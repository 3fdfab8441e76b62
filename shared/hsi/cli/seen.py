"""`hsi seen`: says that somebody has seen an event, to the dashboards of the whole household."""

from typing import TextIO
from urllib.parse import quote

import click

from hsi.cli.api import page_of, post
from hsi.cli.lines import plain
from hsi.cli.options import server_options


@click.command()
@click.argument("event_id")
@click.option("--undo", is_flag=True, help="Take it back.")
@server_options
def seen(event_id: str, server: str, api_key_file: TextIO | None, *, undo: bool) -> None:
    """Say that an event was seen; all dashboards follow at once.

    EVENT_ID is its event_id, or its cursor where it has none. The key (HSI_API_KEY) needs the scope
    act; its name is who has seen it.
    """
    url = f"{page_of(server)}api/events/{quote(event_id, safe='')}/seen"
    answer = post(url, {}, api_key_file, method="DELETE" if undo else "POST")
    mark = answer["seen"]
    if mark is None:
        click.echo(f"{answer['id']}: not seen")
    else:
        who = f" by {plain(mark['by'])}" if mark["by"] else ""
        click.echo(f"{answer['id']}: seen{who} at {mark['at']}")
