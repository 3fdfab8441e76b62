"""A replica tells whether it is the one that works."""

import pytest

from hsi_service.bus.lease import Lease
from hsi_service.settings import Settings
from hsi_service.skeleton.active_status import ActiveStatus, report_active
from hsi_service.skeleton.service import Service


@pytest.mark.parametrize("held", [True, False])
def test_status_and_metric_say_whether_it_holds_the_lease(
    held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service("mqtt", Settings())
    monkeypatch.setattr(Lease, "held", held)
    report_active(service, Lease("redis://127.0.0.1:1", "mqtt", duration=10))
    assert service.reports["active"]() == ActiveStatus(active=held, taken=0, lease_refused=None)
    assert f"\nhsi_mqtt_leads {float(held)}\n" in service.metrics.exposition().decode()
