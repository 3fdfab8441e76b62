"""`python -m services.system`."""

from hsi_service.skeleton.start import run

run("services.system.app")
