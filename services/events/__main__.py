"""`python -m services.events`."""

from hsi_service.skeleton.server import run

run("services.events.app")
