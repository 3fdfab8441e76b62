"""What a service's log says of its start."""

from bench.start import seconds_in

READY = '{"message": "ready", "seconds_to_start": 0.7, "cpu_seconds_to_start": 0.4}\n'


def test_it_is_what_the_line_ready_says() -> None:
    assert seconds_in('{"message": "x"}\n' + READY) == (0.7, 0.4)


def test_a_line_that_is_not_whole_says_nothing_yet() -> None:
    assert seconds_in("") is None
    assert seconds_in(READY[:-1]) is None
