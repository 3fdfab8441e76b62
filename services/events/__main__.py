"""`python -m services.events`."""

from shared.server import run

run("services.events.app")
