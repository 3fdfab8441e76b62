"""`python -m local`, which is `make run`: everything on this machine, until Ctrl-C."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from hsi.settings import SettingsError, load
from local.processes import NotReadyError, forget_postgres
from local.stack import Stack, StackSettings

FOLDER = Path(".local")


def say(text: str) -> None:
    """Tell the user something, now."""
    print(text, flush=True)


def main() -> int:
    """Run until a signal; return the exit status."""
    try:
        settings = load(StackSettings, os.environ)
        if not settings.database_url:
            forget_postgres()
        stack = Stack(settings, FOLDER.resolve(), say)
    except SettingsError as error:
        say(f"error: {error}")
        return 2
    # Raised wherever we are, so that what is up already is ended even while the rest starts.
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.default_int_handler)
    say("Starting Home Security Intelligence, real-time layer")
    try:
        with stack.running():
            asyncio.run(attend(stack, settings))
    except NotReadyError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
    return 0


async def attend(stack: Stack, settings: StackSettings) -> None:
    """Say that it runs, and look after it."""
    async with stack.attended():
        redis = "" if stack.redis_url.endswith(":6379/0") else f"REDIS_URL={stack.redis_url} "
        usual = StackSettings()
        is_usual = (settings.port, settings.base_path) == (usual.port, usual.base_path)
        target = "" if is_usual else f" --server {stack.url}"
        say("")
        say(f"  {stack.dashboard_url or stack.url}")
        say("")
        say(f"See events:       .venv/bin/hsi tail events{target}")
        say(f"See statuses:     .venv/bin/hsi tail system{target}")
        say(f"Run a job:        {redis}.venv/bin/hsi run-job -- COMMAND")
        say(f"Follow it:        .venv/bin/hsi tail job{target} ID")
        say(f"Publish one:      .venv/bin/hsi sample | {redis}.venv/bin/hsi publish")
        for line in stack.advice:
            say(line)
        if settings.demo:
            say("Demo: cameras, events and AI services are made up (turn it off with DEMO=0).")
        say(f"Logs: {FOLDER}/   Stop: Ctrl-C")
        await asyncio.Event().wait()


sys.exit(main())
