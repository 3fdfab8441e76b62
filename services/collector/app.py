"""The collector, for any ASGI server: `services.collector.app:app`."""

import os

from litestar import Litestar

from hsi.settings import load
from hsi_service.skeleton.service import Service, create_app
from services.collector.performance import PerformanceCollector
from services.collector.routes import (
    alerts,
    mark_alert,
    performance,
    performance_history,
    performance_trend,
    unmark_alert,
)
from services.collector.settings import CollectorSettings


def create_collector_app(settings: CollectorSettings) -> Litestar:
    """Build the application.

    Args:
        settings: Usually from the environment.

    """
    service = Service("collector", settings)
    collector = PerformanceCollector(settings, service.metrics)
    service.reports["collector"] = collector.report
    service.run_background("lease", collector.lease.run)
    service.run_background("collection", collector.run)
    service.on_shutdown(collector.lease.give_up)
    service.on_shutdown(collector.aclose)
    service.on_drain(collector.lease.give_up)
    return create_app(
        service,
        routes=[
            alerts,
            mark_alert,
            performance,
            performance_history,
            performance_trend,
            unmark_alert,
        ],
        collector=collector,
    )


app = create_collector_app(load(CollectorSettings, os.environ))
