"""`python -m services.collector`."""

from hsi_service.skeleton.server import run

run("services.collector.app")
