"""`hsi breaker reset`, as typed."""

import socket

from hsi.keys import KeyEntry, digest
from tests.conftest import StartSystems
from tests.hsi.cli.test_commands import address, hsi

KEYS = {scope: f"a key to {scope}" for scope in ("act", "admin")}


def test_a_reset_says_which_replica_it_was(redis_url: str, start_systems: StartSystems) -> None:
    entries = [
        KeyEntry(scope, scope, digest(key.encode()).hex())  # type: ignore[arg-type]  # two scopes
        for scope, key in KEYS.items()
    ]
    [replica] = start_systems(redis_url, API_KEYS=",".join(map(str, entries)))
    server = "--server", address(replica)
    done = hsi("breaker", "reset", *server, HSI_API_KEY=KEYS["admin"])
    port = replica.url.rpartition(":")[2]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{socket.gethostname()}:{port}: closed, was closed\n"
    done = hsi("breaker", "reset", *server, HSI_API_KEY=KEYS["act"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: HTTP 403: ")
