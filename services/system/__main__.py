"""`python -m services.system`."""

from shared.server import run

run("services.system.app")
