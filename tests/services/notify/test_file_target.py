"""A target that is a file."""

import json
import os
from pathlib import Path

import pytest

from services.notify.file_target import FileTarget, path_of
from services.notify.rules import Rules
from services.notify.targets import DeliveryError
from tests.services.notify.test_messages import message


async def test_each_message_is_a_line_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "told"
    target = FileTarget("file", Rules(), path)
    await target.deliver(message())
    await target.deliver(message(title="Two\nlines"))
    first, second = map(json.loads, path.read_text().splitlines())
    assert (first["title"], first["tag"]) == ("Front door", "7 front_door")
    assert second["title"] == "Two\nlines"
    assert path.stat().st_mode & 0o077 == 0


async def test_a_file_that_cannot_be_written_is_a_failed_delivery(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="the file cannot be written: Is a directory"):
        await FileTarget("file", Rules(), tmp_path).deliver(message())


async def test_a_line_that_is_cut_short_is_a_failed_delivery_and_the_next_is_a_line_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = FileTarget("file", Rules(), tmp_path / "told")
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(
            "services.notify.file_target.os.write", lambda file, line: write(file, line[:20])
        )
        with pytest.raises(DeliveryError, match="written: only a part of the message fits"):
            await target.deliver(message())
    await target.deliver(message())
    cut, whole = (tmp_path / "told").read_bytes().splitlines()
    assert (len(cut), json.loads(whole)["title"]) == (20, "Front door")


def test_an_address_names_a_file_as_it_is(tmp_path: Path) -> None:
    for begin in ("file:", "file://", "file://localhost"):
        assert path_of(f"{begin}{tmp_path}/with space") == tmp_path / "with space"
    assert path_of("file:told.jsonl") == Path("told.jsonl")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:", "expected a path as it is"),
        ("file:{folder}/a#b", "expected a path as it is"),
        ("file:{folder}/a?b", "expected a path as it is"),
        ("file:{folder}/a%20b", "expected a path as it is"),
        ("file://host/x", "expected no host in it"),
        ("file:{folder}", "it is a folder"),
        ("file:{folder}/not/there", "its folder is not there"),
        ("file:/dev/full/x", "its folder is not there"),
    ],
)
def test_an_address_that_names_no_file_is_refused(url: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{why}"):
        path_of(url.replace("{folder}", str(tmp_path)))


def test_targets_are_equal_where_name_rules_and_file_are(tmp_path: Path) -> None:
    target = FileTarget("file", Rules(), tmp_path)
    assert target == FileTarget("file", Rules(), tmp_path)
    assert target != FileTarget("file", Rules(level="low"), tmp_path)
    assert target != "file"
