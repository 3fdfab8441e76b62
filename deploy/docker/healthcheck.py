"""Asks this container's service whether it lives, for HEALTHCHECK; exit status 1 if it does not."""
# ruff: noqa: INP001 (a script, and no package's part)

import os
import socket
import sys

ANYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}

host = os.environ.get("HOST", "")
address = (ANYWHERE.get(host, host), int(os.environ.get("PORT") or 8000))
try:
    with socket.create_connection(address, timeout=2) as connection:
        connection.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")
        status = connection.recv(64).split(b" ")[1]
except (OSError, IndexError) as error:
    sys.exit(f"no answer: {error}")
sys.exit(status != b"200")
