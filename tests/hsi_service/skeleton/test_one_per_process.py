"""What a process has one of."""

import pytest

from hsi_service.skeleton.one_per_process import OnePerProcess


def test_it_is_the_one_that_was_made_last() -> None:
    held = OnePerProcess[str]("broadcaster")
    assert held.set("first") == "first"
    held.set("second")
    assert held.get() == "second"


def test_without_one_the_error_says_what_to_do() -> None:
    held = OnePerProcess[str]("broadcaster")
    with pytest.raises(RuntimeError, match="there is no broadcaster in this process"):
        held.get()
    held.set("one")
    held.clear()
    with pytest.raises(RuntimeError, match="make its application"):
        held.get()
