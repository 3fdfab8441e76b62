"""Messages as lines for people."""

from datetime import UTC, datetime

import click
import msgspec
import pytest

from hsi.cli.lines import message_line, status_line
from hsi.schemas import ChannelMessage, SystemStatus, SystemStatusData
from tests.clients import golden


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "system_status",
            (
                "10:30:00  gpu 45.2 % 65 °C 7168/24576 MiB  queues 3, 1, dead 0  cameras 4/4  "
                "yolo26 healthy, nemotron healthy, redis healthy"
            ),
        ),
        ("service_status", "            unhealthy  yolo26: Health check failed"),
        ("performance_update", "10:30:00  performance: no alerts"),
        ("alert", "10:30:00      warning  GPU temperature high: 82C"),
    ],
)
def test_on_a_terminal_a_message_is_one_line(name: str, line: str) -> None:
    message = msgspec.json.decode(golden(name), type=ChannelMessage)
    assert click.unstyle(message_line(message, golden(name).decode())).startswith(line)


def test_on_a_terminal_what_could_not_be_read_is_a_dash() -> None:
    status = SystemStatus(
        data=SystemStatusData(gpu=None, queues=None, cameras=None, services={}),
        timestamp=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert status_line(status) == "03:04:05  gpu -  queues -  cameras -  "
