"""A program's output becomes lines, wherever its parts begin and end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hsi.cli.output import OutputLines
from hsi.joblogs.lines import MAX_LINE


def lines_of(*parts: bytes) -> list[str]:
    output = OutputLines()
    found = [line.text for part in parts for line in output.feed(part)]
    return found + [line.text for line in output.end()]


@pytest.mark.parametrize(
    ("written", "lines"),
    [
        (b"", []),
        (b"one\ntwo\n", ["one", "two"]),
        (b"no end of line", ["no end of line"]),
        (b"\n\n", ["", ""]),
        (b"from Windows\r\n", ["from Windows"]),
        (b" 10%\r 50%\r100%\ndone\n", ["100%", "done"]),
        (b"\r 10%\r 50%", [" 50%"]),
        (b" 10%\r 50%\r", [" 50%"]),
        (b"\x1b[31mred\x1b[0m\n", ["\x1b[31mred\x1b[0m"]),
        (b"caf\xe9\n", ["caf\N{REPLACEMENT CHARACTER}"]),
        ("naïve €\n".encode(), ["naïve €"]),
    ],
)
def test_output_becomes_lines(written: bytes, lines: list[str]) -> None:
    assert lines_of(written) == lines


@given(
    st.lists(st.sampled_from([b"a", "é".encode(), b"\r", b"\n", b"\r\n", b"\xff"]), max_size=30),
    st.data(),
)
def test_how_it_is_cut_into_parts_does_not_matter(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    ends = [*cuts, len(whole)]
    parts = [whole[start:end] for start, end in zip([0, *cuts], ends, strict=True)]
    assert lines_of(*parts) == lines_of(whole)


@given(st.lists(st.sampled_from(["a", "b", "\r", "\n"]), max_size=30))
def test_a_line_is_what_stands_after_its_last_return(pieces: list[str]) -> None:
    text = "".join(pieces)
    *complete, rest = [re.sub(r"\r+$", "", line).split("\r")[-1] for line in text.split("\n")]
    assert lines_of(text.encode()) == complete + [rest] * bool(rest)


def test_a_long_line_takes_bounded_memory_and_says_its_length() -> None:
    output = OutputLines()
    for _ in range(1000):
        assert list(output.feed(b"x" * 1000)) == []
    [line] = output.feed(b"\n")
    assert (line.text, line.size) == ("x" * MAX_LINE, 1_000_000)


def test_progress_can_be_looked_at_while_it_is_written_over() -> None:
    output = OutputLines()
    assert list(output.feed(b" 10%\r 20%\r")) == []
    assert output.is_written_over
    assert [line.text for line in output.current()] == [" 20%"]
    assert list(output.feed(b"ready?")) == []
    assert not output.is_written_over
