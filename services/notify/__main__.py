"""`python -m services.notify`."""

from hsi_service.skeleton.start import run

run("services.notify.asgi")
