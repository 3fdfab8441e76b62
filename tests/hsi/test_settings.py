"""Any program's settings, from an environment."""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from hsi.settings import (
    SettingsError,
    check_url,
    load,
    names_in,
)


class Program(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    pause: Annotated[float, Meta(gt=0)] = 1.5
    quick: bool = False
    level: Literal["LOW", "HIGH"] = "LOW"
    names: tuple[str, ...] = ()
    text: str = ""


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load(Program, {}) == Program()
    assert load(Program, {"PAUSE": " ", "LEVEL": ""}) == Program()


def test_only_the_programs_own_variables_are_read() -> None:
    assert load(Program, {"PATH": "/bin", "pause": "9", "PAUSE": "2"}).pause == 2


def test_a_value_may_end_with_a_line_end_and_a_list_with_a_comma() -> None:
    program = load(Program, {"LEVEL": "HIGH\n", "NAMES": "a, b ,,c,"})
    assert (program.level, program.names) == ("HIGH", ("a", "b", "c"))


@pytest.mark.parametrize("level", ["high", "High", "HIGH", " hiGH\n"])
def test_one_of_a_few_words_may_be_written_in_any_case(level: str) -> None:
    assert load(Program, {"LEVEL": level}).level == "HIGH"


@pytest.mark.parametrize(("word", "quick"), [("yes", True), ("On", True), ("0", False)])
def test_yes_and_no_have_many_words(word: str, *, quick: bool) -> None:
    assert load(Program, {"QUICK": word}).quick is quick


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PAUSE", "0", "PAUSE=0: expected `float` > 0.0"),
        ("QUICK", "perhaps", "QUICK=perhaps: expected `bool`"),
        ("LEVEL", "MIDDLE", "LEVEL=MIDDLE: expected one of LOW, HIGH"),
    ],
)
def test_what_cannot_be_used_is_one_line_with_the_variables_name(
    name: str, value: str, complaint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(Program, {name: value})
    assert str(caught.value) == complaint


def test_an_address_that_may_be_missing_may_be_empty() -> None:
    check_url("AI_URL", "", ("http://",))
    with pytest.raises(SettingsError, match="AI_URL: expected one of http:// in front"):
        check_url("AI_URL", "ftp://h", ("http://",))


def test_names_are_separated_by_commas() -> None:
    assert names_in(" a , b,, ") == ["a", "b"]
    assert names_in("") == []


@pytest.mark.parametrize("name", ["TEXT", "NAMES"])
def test_a_byte_that_is_not_utf8_is_named_and_not_quoted(name: str) -> None:
    assert load(Program, {name: "schön"}) != Program()
    with pytest.raises(SettingsError, match=f"^{name}: expected UTF-8$"):
        load(Program, {name: "hunter2\udce9"})
