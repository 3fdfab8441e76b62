"""`hsi sample`: an event to try things with."""

from datetime import datetime, timedelta

import click
import msgspec

from hsi.schemas import Event, EventData
from hsi.schemas.base import now


@click.command()
def sample() -> None:
    """Print an event of now, made up, as `hsi publish` takes it."""
    click.echo(msgspec.json.encode(sample_event(now())))


def sample_event(ended: datetime) -> Event:
    """Return an event that has ended just now; its number is the time, so each is another one."""
    number = int(ended.timestamp() * 1000)
    return Event(
        data=EventData(
            id=number,
            event_id=number,
            batch_id=f"sample-{number}",
            camera_id="front_door",
            risk_score=75,
            risk_level="high",
            summary="Person detected near entrance at unusual hour",
            started_at=ended - timedelta(seconds=90),
            ended_at=ended,
        )
    )
