"""`python -m services.collector`."""

from hsi_service.skeleton.start import run

run("services.collector.app")
