"""Whether this replica is the one of N that works, for `GET /status` and the metrics."""

from msgspec import Struct
from prometheus_client import Gauge

from hsi_service.bus.lease import Lease
from hsi_service.skeleton.service import Service


class ActiveStatus(Struct):
    """What a replica has of the lease of its service."""

    active: bool
    """Whether it holds the lease, and works."""
    taken: int
    """Times that it began to hold it."""
    lease_refused: str | None
    """Why Redis refuses the lease, in its words; null while it does not."""


def report_active(service: Service, lease: Lease) -> None:
    """Tell of a lease in `/status`, as `active`, and by the metric `hsi_<service>_leads`."""
    leads = Gauge(
        f"hsi_{service.name}_leads",
        "1 on the replica that holds the lease, and works; else 0.",
        registry=service.metrics.registry,
    )
    service.metrics.watch(leads, lambda: lease.held)
    service.reports["active"] = lambda: ActiveStatus(
        active=lease.held, taken=lease.taken, lease_refused=lease.refused
    )
