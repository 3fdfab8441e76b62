"""A replica's own messages come back from Redis, and go to its clients once."""

from services.system.echoes import MAX_EXPECTED, Echoes


def test_an_awaited_echo_is_taken_once_and_nothing_else_is() -> None:
    echoes = Echoes()
    echoes.expect(b"ours")
    assert not echoes.take(b"another's")
    assert echoes.take(b"ours")
    assert not echoes.take(b"ours")


def test_echoes_that_never_come_are_forgotten() -> None:
    echoes = Echoes()
    for number in range(MAX_EXPECTED + 1):
        echoes.expect(b"%d" % number)
    assert not echoes.take(b"0")
    assert echoes.take(b"1")
