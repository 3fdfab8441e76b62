"""For people and programs outside the services: the command line `hsi` and a Python client."""
