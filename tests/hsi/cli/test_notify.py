"""`hsi notify test`."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hsi.cli.commands import main
from hsi.keys import KeyEntry, digest
from local.processes import free_port
from tests.services.notify.telling import Telling, lines_of, rules, telling

KEYS = {scope: f"a key to {scope}" for scope in ("act", "admin")}


async def typed(service: Telling, scope: str) -> Result:
    server = str(service.http.base_url).replace("http", "ws", 1)
    arguments = ["notify", "test", "--server", server]
    return await asyncio.to_thread(
        CliRunner().invoke, main, arguments, env={"HSI_API_KEY": KEYS[scope]}
    )


async def test_each_target_says_what_it_answered_and_no_address(
    redis_url: str, channel: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [
        KeyEntry(scope, scope, digest(key.encode()).hex())  # type: ignore[arg-type]  # two scopes
        for scope, key in KEYS.items()
    ]
    known = rules(
        ("a_file", f"file:{tmp_path}/told"),
        ("nobody", f"json://user:secret@127.0.0.1:{free_port()}/secret"),
    )
    async with telling(redis_url, channel, known, API_KEYS=",".join(map(str, entries))) as service:
        done = await typed(service, "admin")
        assert done.exit_code == 1
        assert done.output == (
            "a_file: delivered\nnobody: it cannot be reached, or did not take the message\n"
        )
        assert [one["title"] for one in lines_of(tmp_path / "told")] == ["This is a test"]
        refused = await typed(service, "act")
        assert refused.exit_code == 1
        assert refused.output.startswith("Error: HTTP 403: ")
    assert "secret" not in caplog.text
