"""`hsi sample`, as typed."""

from datetime import timedelta

from click.testing import CliRunner

from hsi.cli.commands import main
from hsi.cli.sample import sample_event
from hsi.schemas import Event
from hsi.schemas.base import now
from hsi.schemas.validation import validate


def test_it_prints_an_event_of_now_that_can_be_published() -> None:
    result = CliRunner().invoke(main, ["sample"])
    assert result.exit_code == 0
    event = validate(result.stdout.strip().encode())
    assert isinstance(event, Event)
    assert abs(now() - event.data.started_at) < timedelta(minutes=2)


def test_each_is_another_event() -> None:
    first, second = (sample_event(now() + timedelta(milliseconds=later)) for later in (0, 5))
    assert first.data.event_id != second.data.event_id
