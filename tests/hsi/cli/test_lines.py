"""Messages as lines for people."""

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import pytest

from hsi.cli.lines import coloured, log_line, message_line, plain, status_line
from hsi.schemas import ChannelMessage, LogData, SystemStatus, SystemStatusData
from tests.clients import golden

LINES = json.loads((Path(__file__).parents[2] / "terminal_lines.json").read_text())
"""What a job writes, and what is shown of it: the page's tests have the same."""


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
        ("event_seen", "10:31:00         seen  event 123 by kitchen"),
        ("camera_status", "10:30:05      offline  camera Front door"),
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


@pytest.mark.parametrize("case", LINES, ids=lambda case: case["what"])
def test_a_jobs_line_is_cleaned_as_the_page_does(case: dict[str, str]) -> None:
    shown = coloured(case["line"])
    assert click.unstyle(shown) == case["shown"]
    assert "\x1b" not in plain(case["line"])
    assert plain(case["line"]) == case["shown"].replace("\t", " ")


def test_colours_stay_and_end_with_their_line() -> None:
    assert coloured("\x1b[1;31mred\x1b[2K") == "\x1b[1;31mred\x1b[0m"
    assert coloured("plain") == "plain"


def test_a_message_of_several_lines_is_indented_and_keeps_its_tabs() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    line = log_line(LogData(timestamp=at, level="INFO", message="a\tb\r\n\tc"))
    assert click.unstyle(line) == f"03:04:05 INFO     a\tb\n{'':18}\tc"
