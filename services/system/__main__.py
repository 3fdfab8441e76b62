"""`python -m services.system`."""

from hsi_service.skeleton.server import run

run("services.system.app")
