from services.mqtt.pauses import CAP, RIVAL_AFTER, RIVAL_BASE, RIVAL_CAP, Pauses


def test_pauses_grow_to_their_cap_and_begin_again_after_a_connection_that_stood() -> None:
    pauses = Pauses()
    waited = [pauses.after(0) for _ in range(30)]
    assert waited[0] <= 0.5
    assert CAP / 2 <= waited[-1] <= CAP
    assert pauses.after(31) <= 0.5
    assert not pauses.suspects_rival


def test_clients_that_were_cut_off_at_once_do_not_come_back_at_once() -> None:
    assert len({Pauses().after(0) for _ in range(20)}) > 10


def test_a_session_that_is_taken_over_is_left_alone_longer_and_longer() -> None:
    pauses = Pauses()
    waited = [pauses.after(20, taken_over=True) for _ in range(10)]
    assert waited[0] >= RIVAL_BASE / 2
    assert RIVAL_CAP / 2 <= waited[-1] <= RIVAL_CAP
    assert pauses.after(31) <= 0.5


def test_connections_that_end_soon_one_after_another_look_like_a_rival() -> None:
    pauses = Pauses()
    assert max(pauses.after(0.1) for _ in range(RIVAL_AFTER - 1)) < 2
    assert pauses.after(0.1) >= RIVAL_BASE / 2
    assert pauses.suspects_rival
    assert pauses.after(31) <= 0.5
