"""`python -m services.joblogs`."""

from hsi_service.skeleton.start import run

run("services.joblogs.app")
