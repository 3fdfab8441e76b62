"""The tests of a module are where its name says: `test_x.py` beside its package's other tests."""

from pathlib import Path

from tests.servers import ROOT

PACKAGES = ("shared/hsi", "shared/hsi_service", "services")
NOT_YET = {
    "hsi/cli/options.py",
    "hsi/cli/streams.py",
    "hsi/client/following.py",
    "hsi/client/stream.py",
    "hsi/client/sync_stream.py",
    "hsi/joblogs/scope.py",
    "hsi_service/fanout/direct_peer.py",
    "hsi_service/fanout/shared_page.py",
    "hsi_service/skeleton/session.py",
    "services/collector/latencies.py",
    "services/collector/settings.py",
    "services/events/invites.py",
    "services/joblogs/topic.py",
    "services/system/report.py",
}
"""Modules whose tests have another name, or are a whole service's. It gets shorter."""
NOTHING_TO_TEST = {
    # Structs alone: what they say on the wire is tested together (test_schemas.py).
    "hsi/schemas/base.py",
    "hsi/schemas/close_codes.py",
    "hsi/schemas/control.py",
    "hsi/schemas/events.py",
    "hsi/schemas/logs.py",
    "hsi/schemas/performance.py",
    "hsi/schemas/system.py",
    # What a handler has to do; its kinds are tested.
    "hsi_service/fanout/connection_handler.py",
    # What a stream asks of its connection; test_event_stream.py has both.
    "hsi_service/skeleton/lasting.py",
    # A few settings with their defaults.
    "services/joblogs/settings.py",
    "services/system/settings.py",
}
"""Modules that only declare something."""
WIRING = {"__init__.py", "__main__.py", "app.py", "asgi.py", "routes.py"}
"""Files that put parts together, and are tested with the whole."""


def modules() -> set[str]:
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))
    names = (file.relative_to(ROOT) for file in files if file.name not in WIRING)
    return {name.as_posix().removeprefix("shared/") for name in names}


def home_of(module: str) -> Path:
    path = Path(module)
    return ROOT / "tests" / path.parent / f"test_{path.name}"


def test_every_module_has_tests_of_its_name() -> None:
    without = {module for module in modules() if not home_of(module).exists()}
    assert without - NOT_YET - NOTHING_TO_TEST == set()


def test_no_module_is_excused_that_has_them_or_is_gone() -> None:
    with_tests = {module for module in modules() if home_of(module).exists()}
    excused = NOT_YET | NOTHING_TO_TEST
    assert excused & with_tests == set()
    assert excused - modules() == set()
