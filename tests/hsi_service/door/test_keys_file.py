"""A file of keys is followed while it is good, and its last good keys stay while it is not."""

from pathlib import Path

import pytest

from hsi.keys import digest
from hsi.settings import SettingsError
from hsi_service.door.keys_file import KeysFile

ONE, TWO = digest(b"one").hex(), digest(b"two").hex()


def names(file: KeysFile) -> list[str]:
    return [entry.name for entry in file.entries]


def changed(file: KeysFile) -> bool:
    """Look until the file has stood still."""
    return [file.look() for _ in range(3)].count(True) == 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"# ours\n\none:admin:{ONE}  # the first\n{TWO}\n")
    return path


def test_it_has_a_key_a_line_and_comments(path: Path) -> None:
    assert names(KeysFile(path)) == ["one", TWO[:8]]


def test_what_some_editors_put_before_the_first_line_is_no_part_of_it(path: Path) -> None:
    path.write_text(f"{ONE}\n", encoding="utf-8-sig")
    assert names(KeysFile(path)) == [ONE[:8]]


def test_keys_come_and_go(path: Path) -> None:
    file = KeysFile(path)
    assert not changed(file)
    path.write_text(f"two:read:{TWO}\n")
    assert changed(file)
    assert names(file) == ["two"]
    path.write_text("")
    assert changed(file)
    assert names(file) == []


def test_a_file_that_is_replaced_as_kubernetes_does_it_is_read_again(tmp_path: Path) -> None:
    for folder, line in (("first", ONE), ("second", TWO)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "keys").write_text(line)
    link = tmp_path / "data"
    link.symlink_to("first")
    file = KeysFile(link / "keys")
    (tmp_path / "new").symlink_to("second")
    (tmp_path / "new").rename(link)
    assert changed(file)
    assert names(file) == [TWO[:8]]


def test_one_that_is_being_written_is_left_alone(path: Path) -> None:
    file = KeysFile(path)
    for number in range(3):
        path.write_text(f"# {'x' * number}\n")
        assert not file.look()
    assert file.look()


def test_the_same_keys_in_other_words_change_nothing(path: Path) -> None:
    file = KeysFile(path)
    path.write_text(f"{TWO}\none:admin:{ONE}\n")
    assert not changed(file)


@pytest.mark.parametrize(
    "content", [b"hunter2\n", f"{ONE}\nhunter2:{TWO}\n".encode(), b"\xffhunter2", b"#" * 1_048_577]
)
def test_a_bad_one_leaves_the_last_good_keys_and_is_told_of_once(
    content: bytes, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = KeysFile(path)
    path.write_bytes(content)
    assert not changed(file)
    assert not changed(file)
    assert names(file) == ["one", TWO[:8]]
    assert len(caplog.records) == 1
    assert "the last good keys stay" in caplog.text
    assert "hunter2" not in caplog.text
    path.write_text(ONE)
    assert changed(file)
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="API_KEYS_FILE") as caught:
        KeysFile(path)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_one_that_goes_away_leaves_the_last_good_keys_until_it_is_back(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = KeysFile(path)
    path.unlink()
    assert not changed(file)
    assert not changed(file)
    assert names(file) == ["one", TWO[:8]]
    assert caplog.text.count("No such file or directory; the last good keys stay") == 1
    path.write_text(TWO)
    assert changed(file)
    path.unlink()
    with pytest.raises(SettingsError, match=r"API_KEYS_FILE=.*: No such file or directory"):
        KeysFile(path)
