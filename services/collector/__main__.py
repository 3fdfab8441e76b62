"""`python -m services.collector`."""

from shared.server import run

run("services.collector.app")
