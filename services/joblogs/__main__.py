"""`python -m services.joblogs`."""

from shared.server import run

run("services.joblogs.app")
