"""`hsi`, as typed."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hsi import __version__
from hsi.cli.commands import main
from local.service import ServiceProcess

HSI = Path(sys.executable).with_name("hsi")


def hsi(
    *arguments: str, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [HSI, *arguments],
        input=stdin,
        env=os.environ | environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
    )


def address(replica: ServiceProcess) -> str:
    return replica.url.replace("http", "ws", 1)


def test_its_help_lists_every_command() -> None:
    shown = CliRunner().invoke(main, ["--help"]).stdout
    commands = [line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line]
    assert commands == sorted(commands)
    assert set(commands) == {
        "breaker",
        "invite",
        "keys",
        "notify",
        "publish",
        "push",
        "run-job",
        "sample",
        "secrets",
        "seen",
        "status",
        "tail",
        "webhook",
    }
    streams = CliRunner().invoke(main, ["tail", "-h"]).stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in streams.splitlines() if line] == ["events", "job", "system"]


def test_it_says_its_version() -> None:
    assert hsi("--version").stdout == f"hsi, version {__version__}\n"


def test_a_character_that_cannot_be_shown_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def say() -> None:
        click.echo("naïve \N{SNOWMAN}")

    monkeypatch.setitem(main.commands, "say", say)
    shown = CliRunner(charset="latin-1").invoke(main, ["say"], catch_exceptions=False)
    assert shown.stdout_bytes == "naïve ?\n".encode("latin-1")
