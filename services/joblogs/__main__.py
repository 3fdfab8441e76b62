"""`python -m services.joblogs`."""

from hsi_service.skeleton.server import run

run("services.joblogs.app")
