"""`hsi keys`, as typed."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from hsi.keys import KeyEntry, key_protocol
from hsi.publisher import Publisher
from local.processes import Process
from tests.clients import golden, until
from tests.conftest import StartReplica
from tests.hsi.cli.test_commands import HSI, address, hsi


def test_a_new_key_is_printed_with_its_digest() -> None:
    key, digest = (line.split("  ")[1] for line in hsi("keys", "new").stdout.splitlines())
    assert digest == f"API_KEYS={hashlib.sha256(key.encode()).hexdigest()}"
    assert len(key) >= 43  # 256 bits
    assert key_protocol(key)
    assert hsi("keys", "new").stdout != hsi("keys", "new").stdout


def test_a_new_key_has_the_name_and_scope_that_it_is_given() -> None:
    for options, begin in (
        (("--name", "kitchen tablet", "--scope", "act"), "kitchen tablet:act:"),
        (("--name", "wall"), "wall:read:"),
    ):
        key, entry = (
            line.split("  ")[1] for line in hsi("keys", "new", *options).stdout.splitlines()
        )
        assert entry == f"API_KEYS={begin}{hashlib.sha256(key.encode()).hexdigest()}"
    (_, entry) = hsi("keys", "new", "--scope", "publish").stdout.splitlines()
    assert KeyEntry.parse(entry.partition("=")[2]).scope == "publish"
    for options in (("--name", "a:b"), ("--name", " x"), ("--scope", "none")):
        done = hsi("keys", "new", *options)
        assert (done.returncode, done.stdout) == (2, "")


async def test_a_new_key_opens_what_it_is_for(
    redis_url: str,
    channel: str,
    start_replica: StartReplica,
    cleanup: Callable[[Process], None],
    tmp_path: Path,
) -> None:
    key, digest = (line.split("  ")[1] for line in hsi("keys", "new").stdout.splitlines())
    replica = start_replica(redis_url, channel, API_KEYS=digest.partition("=")[2])
    options = "tail", "events", "--server", address(replica)
    (tmp_path / "key").write_text(f"{key}\n")
    async with Publisher(redis_url) as publisher:
        await publisher.publish(channel, golden("event"))
    by_file = {"HSI_API_KEY": "wrong"}, ("-n1", "--api-key-file", tmp_path / "key")
    for number, (environment, more) in enumerate((({"HSI_API_KEY": key}, ("-n1",)), by_file)):
        tail = Process(
            "tail",
            [HSI, *options, *more],
            url="",
            log=tmp_path / f"tail-{number}",
            environment=os.environ | environment,
        )
        cleanup(tail)
        tail.start()

        async def heard(tail: Process = tail) -> bool:
            return "front_door" in tail.log.read_text()

        await until(heard)
        tail.stop()
    assert key not in replica.log.read_text()
