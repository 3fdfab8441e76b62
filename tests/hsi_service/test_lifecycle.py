"""A service's life goes one way."""

import time

from hsi_service.lifecycle import Lifecycle, Phase


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
