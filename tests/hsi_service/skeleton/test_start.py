"""What a service loads before it is ready: only what it needs for that."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import gc, json, os, sys

def tell():
    print(json.dumps(sorted(sys.modules)), flush=True)
    os._exit(0)

gc.enable = tell
from hsi_service.skeleton.start import run
run(sys.argv[1])
"""
"""Starts a service as `python -m` does, and tells what is loaded when the collector comes back.

At that very moment: connections that fail right after load modules of their own.
"""
UNREACHABLE = "127.0.0.1:1"
NEEDED_BY_NOBODY = {"annotated_doc", "attr", "fastapi", "httpx", "psycopg", "pydantic", "pynvml"}
"""Before it is ready, even where they are installed and configured."""
MOST_MODULES = 880
"""Of all kinds, the standard library's included. Each takes half a millisecond."""


def loaded(service: str, **settings: str) -> set[str]:
    """Start a service with everything configured; return the modules that it has loaded."""
    environment = os.environ | {
        "PORT": "0",
        "REDIS_URL": f"redis://{UNREACHABLE}/0",
        "DATABASE_URL": f"postgresql://u:p@{UNREACHABLE}/d",
        "YOLO26_URL": f"http://{UNREACHABLE}",
        "NEMOTRON_URL": "http://nemotron:8091/v1",
        **settings,
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"services.{service}.app"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("service", "others"),
    [
        ("events", {"psutil"}),
        ("joblogs", {"asyncpg", "psutil", "hsi_service.sources"}),
        ("system", {"psutil"}),
        ("collector", set()),
    ],
)
def test_a_service_loads_only_what_it_needs_to_be_ready(service: str, others: set[str]) -> None:
    modules = loaded(service)
    assert not modules & (NEEDED_BY_NOBODY | others)
    assert len(modules) <= MOST_MODULES


def test_without_a_database_the_events_service_loads_nothing_for_one() -> None:
    assert "asyncpg" not in loaded("events", DATABASE_URL="")
