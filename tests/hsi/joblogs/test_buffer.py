"""What holds lines while Redis is away."""

from hypothesis import given
from hypothesis import strategies as st

from hsi.joblogs.buffer import MAX_TAKEN, LineBuffer, chunks


@given(
    st.lists(st.one_of(st.integers(1, 60), st.just("take"), st.integers(-5, -1)), max_size=60),
    st.integers(1, 40),
)
def test_every_line_is_sent_once_in_order_or_counted_where_it_is_missing(
    steps: list[int | str], room: int
) -> None:
    """A positive number adds that many lines; a negative one acknowledges that many."""
    buffer = LineBuffer(lambda count: b"dropped %d" % count, max_lines=room)
    added, sent = 0, []

    def acknowledge(count: int) -> None:
        lines = list(buffer.take())[:count]
        buffer.acknowledge(len(lines))
        sent.extend(lines)

    for step in steps:
        if step == "take":
            assert list(buffer.take()) == list(buffer.take())  # a retry is the same again
        elif isinstance(step, int) and step < 0:
            acknowledge(-step)
        else:
            for _ in range(int(step)):
                buffer.add(b"%d" % added)
                added += 1
            assert len(buffer) <= room + len(buffer.taken)
    while buffer:
        acknowledge(MAX_TAKEN)
    expected = 0
    for one in sent:
        if one.startswith(b"dropped "):
            expected += int(one.split()[1])
        else:
            assert int(one) == expected
            expected += 1
    assert expected == added


def test_a_buffer_is_bounded_in_bytes_and_keeps_the_last_line() -> None:
    buffer = LineBuffer(lambda count: b"dropped %d" % count, max_bytes=100)
    for size in (40, 40, 40, 500):
        buffer.add(b"x" * size)
    assert list(buffer.take()) == [b"dropped 3", b"x" * 500]


@given(st.lists(st.integers(0, 100_000), max_size=500))
def test_chunks_are_small_and_leave_nothing_out(sizes: list[int]) -> None:
    lines = [b"x" * size for size in sizes]
    parts = list(chunks(lines))
    assert [one for part in parts for one in part] == lines
    assert all(len(part) == 1 or sum(map(len, part)) <= 128 * 1024 for part in parts)
    assert all(1 <= len(part) <= 200 for part in parts)
