"""`python -m services.events`."""

from hsi_service.skeleton.start import run

run("services.events.app")
