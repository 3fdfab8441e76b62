"""How services log: JSON or a readable line, and never a secret."""

import json
import logging

import pytest

from hsi_service import logs

SECRET = "s3cr3t-Key_42"


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_way_of_logging_lets_a_secret_through(
    form: logs.LogFormat, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(level="DEBUG", form=form, service="events")
    logger = logging.getLogger("some.library")
    logger.debug("< GET /ws/events?api_key=%s HTTP/1.1", SECRET)
    logger.info("said in extra", extra={"url": f"redis://:{SECRET}@h"})
    try:
        raise ValueError(f"token={SECRET}")
    except ValueError:
        logger.exception("said in a traceback")
    printed = capsys.readouterr().err
    assert SECRET not in printed
    assert "said in extra" in printed
    assert "ValueError" in printed


def test_a_json_line_says_when_who_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="INFO", form="json", service="events")
    logging.getLogger("hsi_service.bus").warning("lost", extra={"attempts": 3})
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time")
    assert line == {
        "level": "WARNING",
        "logger": "hsi_service.bus",
        "message": "lost",
        "service": "events",
        "attempts": 3,
    }
