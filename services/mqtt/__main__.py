"""`python -m services.mqtt`."""

from hsi_service.skeleton.start import run

run("services.mqtt.asgi")
