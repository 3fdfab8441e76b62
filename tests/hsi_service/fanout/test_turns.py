"""However many clients send how much, what is read of it at once is bounded."""

import asyncio

from hsi_service.fanout.turns import FRAMES, MAX_FRAMES_AT_ONCE, REQUESTS, Turns
from tests.clients import until

COST = FRAMES.work / 48
"""Seconds that a frame costs."""
AT_MOST = 48 + MAX_FRAMES_AT_ONCE
"""Frames that may be read in a round: the last client to read has a whole turn."""


class Clock:
    """Time that passes only while frames are read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def new_turns() -> Turns:
    return Turns(FRAMES, Clock())


class Flooding:
    """A client that has always sent more."""

    def __init__(self, turns: Turns, *, left: int = 10**9) -> None:
        self.turns = turns
        self.left = left
        self.read = 0

    def read_on(self) -> None:
        count = min(MAX_FRAMES_AT_ONCE, self.left)
        self.read += count
        self.left -= count
        began = self.turns.clock()
        assert isinstance(self.turns.clock, Clock)
        self.turns.clock.now += count * COST
        self.turns.spend_since(began)
        if self.left:
            self.turns.wait(self)


class Late(Flooding):
    """A client that has sent one frame, and sees how much was read before it."""

    def __init__(self, turns: Turns, others: list[Flooding]) -> None:
        super().__init__(turns, left=1)
        self._others = others
        self.read_before = 0

    def read_on(self) -> None:
        self.read_before = sum(client.read for client in self._others)
        super().read_on()


async def test_a_round_has_its_limit_however_many_clients_send() -> None:
    turns = new_turns()
    flood = [Flooding(turns) for _ in range(400)]
    for client in flood:
        turns.wait(client)
    read = 0
    for _ in range(5):
        await asyncio.sleep(0)
        now = sum(client.read for client in flood)
        assert now - read <= AT_MOST
        read = now
    assert turns.is_over


async def test_all_have_their_turn_before_one_has_another() -> None:
    turns = new_turns()
    flood = [Flooding(turns, left=40 * MAX_FRAMES_AT_ONCE) for _ in range(20)]
    for client in flood:
        turns.wait(client)

    async def are_done() -> bool:
        read = [client.read for client in flood]
        assert max(read) - min(read) <= MAX_FRAMES_AT_ONCE
        return not any(client.left for client in flood)

    began = asyncio.get_running_loop().time()
    await until(are_done)
    rounds = 20 * 40 * MAX_FRAMES_AT_ONCE / AT_MOST
    # So that others have most of the time.
    assert asyncio.get_running_loop().time() - began >= (rounds - 2) * FRAMES.round


async def test_a_client_that_comes_later_waits_for_one_turn_of_each() -> None:
    turns = new_turns()
    flood = [Flooding(turns) for _ in range(100)]
    for client in flood:
        turns.wait(client)
    await asyncio.sleep(10 * FRAMES.round)
    before = sum(client.read for client in flood)
    late = Late(turns, flood)
    turns.wait(late)

    async def is_read() -> bool:
        return late.read > 0

    await until(is_read)
    assert late.read_before - before <= 100 * MAX_FRAMES_AT_ONCE


async def test_where_a_round_is_a_turn_of_the_loop_nothing_waits_longer_than_that() -> None:
    turns = Turns(REQUESTS, Clock())
    flood = [Flooding(turns, left=MAX_FRAMES_AT_ONCE) for _ in range(100)]
    for client in flood:
        turns.wait(client)
    most = REQUESTS.work / COST + MAX_FRAMES_AT_ONCE
    read = loops = 0
    while any(client.left for client in flood):
        await asyncio.sleep(0)
        loops += 1
        now = sum(client.read for client in flood)
        assert now - read <= 2 * most
        read = now
    assert loops <= 100 * MAX_FRAMES_AT_ONCE / most * 3


async def test_tasks_that_are_ready_at_once_go_on_in_turn_and_one_that_left_holds_up_nobody() -> (
    None
):
    turns = Turns(REQUESTS, Clock())
    cost = REQUESTS.work / 10
    gone_on: list[int] = []

    async def task(number: int) -> None:
        await turns.turn(cost)
        gone_on.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(200):
            each = tasks.create_task(task(number))
            if number == 50:
                leaving = each
        await asyncio.sleep(0)
        leaving.cancel()
        before = 0
        while len(gone_on) < 199:
            await asyncio.sleep(0)
            assert len(gone_on) - before <= 20
            before = len(gone_on)
    assert gone_on == [number for number in range(200) if number != 50]


class Broken:
    def read_on(self) -> None:
        raise ZeroDivisionError


async def test_ones_fault_is_no_others() -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: faults.append(context["exception"])
    )
    turns = new_turns()
    turns.wait(Broken())
    waiting = Flooding(turns, left=1)
    turns.wait(waiting)

    async def is_read() -> bool:
        return waiting.left == 0

    await until(is_read)
    assert [type(fault) for fault in faults] == [ZeroDivisionError]
