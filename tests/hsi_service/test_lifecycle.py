"""A service's life goes one way."""

import subprocess
import sys
import time

import pytest

from hsi_service.lifecycle import Lifecycle, Phase, seconds_since_process_start


def test_it_starts_serves_and_drains() -> None:
    life = Lifecycle()
    assert (life.phase, life.why_not_ready()) == (Phase.STARTING, "starting")
    life.started()
    assert (life.phase, life.why_not_ready(), life.draining) == (Phase.READY, "", False)
    life.drain()
    assert (life.phase, life.draining) == (Phase.DRAINING, True)
    assert life.why_not_ready() == "draining: this replica restarts or goes away"


def test_what_drains_does_not_become_ready_again() -> None:
    life = Lifecycle()
    life.drain()  # told to end while it still starts
    life.started()
    assert life.draining


def test_its_age_is_counted_from_its_beginning() -> None:
    before = time.monotonic()
    life = Lifecycle()
    time.sleep(0.01)
    assert 0.01 <= life.uptime <= time.monotonic() - before


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells it on Linux alone")
def test_a_process_is_as_old_as_it_is_whenever_it_asks() -> None:
    program = (
        "import time; time.sleep(0.3)\n"
        "from hsi_service.lifecycle import seconds_since_process_start as age\n"
        "print(age())"
    )
    before = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    # The kernel counts in hundredths.
    assert 0.3 <= float(done.stdout) + 0.01 <= time.monotonic() - before + 0.02


def test_where_nobody_tells_it_a_process_is_as_old_as_its_modules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hsi_service.lifecycle.STAT", "/nowhere")
    assert 0 < seconds_since_process_start() < time.monotonic()
