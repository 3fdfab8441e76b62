from services.mqtt.inbox import Inbox, Waiting
from services.mqtt.messages import Received


def at(qos: int, payload: bytes, *, connection: int = 1) -> Waiting:
    return Waiting(Received("a", payload, qos=qos), 0, connection)


def payloads(inbox: Inbox) -> list[bytes]:
    found = []
    while waiting := inbox.next():
        found.append(waiting.received.payload)
    return found


def test_of_too_many_the_oldest_that_nobody_holds_makes_room() -> None:
    inbox = Inbox(max_messages=3)
    lost = [inbox.append(at(qos, b"%d" % number)) for number, qos in enumerate([1, 0, 0, 0, 1])]
    assert lost == [0, 0, 0, 1, 1]
    assert payloads(inbox) == [b"0", b"3", b"4"]


def test_bytes_are_bounded_too_and_one_large_message_has_room() -> None:
    inbox = Inbox(max_bytes=10)
    assert inbox.append(at(0, b"x" * 20)) == 0
    assert inbox.append(at(0, b"yy")) == 1
    assert payloads(inbox) == [b"yy"]
    assert inbox.append(at(0, b"z" * 10)) == 0


def test_what_the_broker_holds_is_not_lost_here() -> None:
    inbox = Inbox(max_messages=1)
    assert [inbox.append(at(1, b"x")) for _ in range(3)] == [0, 0, 0]
    assert len(inbox) == 3


def test_what_the_broker_sends_again_is_dropped_and_what_came_since_is_not() -> None:
    inbox = Inbox()
    for waiting in (at(1, b"old"), at(0, b"once"), at(1, b"new", connection=2)):
        inbox.append(waiting)
    inbox.drop_unacknowledged(2)
    assert payloads(inbox) == [b"once", b"new"]


def test_what_a_broker_has_forgotten_makes_room_like_all_that_comes_once() -> None:
    inbox = Inbox(max_messages=1)
    inbox.append(at(1, b"forgotten"))
    assert inbox.append(at(1, b"new", connection=2)) == 1
    assert payloads(inbox) == [b"new"]
