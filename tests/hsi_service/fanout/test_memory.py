"""What waits is counted as the memory that it takes, and the heaviest clients go first."""

import random

from hsi_service.fanout.batch import OVERHEAD, Batch
from hsi_service.fanout.memory import MIB, Account, Budget, Memory


class Claim:
    """A client that holds batches, and a copy of its own."""

    def __init__(self, memory: Memory, client: str, *batches: Batch, copied: int = 0) -> None:
        self.account: Account = memory.account_of(client)
        self.batches = list(batches)
        self.copied = copied
        self.why = ""
        for batch in batches:
            self.account.hold(batch)

    @property
    def unsent(self) -> int:
        return self.copied + sum(batch.size for batch in self.batches)

    def give_up(self, why: str) -> None:
        self.why = why
        while self.batches:
            self.account.drop(self.batches.pop())


def of_size(size: int) -> Batch:
    return Batch(["x" * size])


def test_a_batch_counts_once_however_many_clients_it_waits_for() -> None:
    memory = Memory()
    shared, own = of_size(MIB), of_size(1000)
    some = [Claim(memory, f"192.0.2.1:{port}", shared) for port in range(100)]
    other = Claim(memory, "192.0.2.2:1", shared, own, copied=5000)
    assert memory.used([*some, other]) == shared.memory + own.memory + 5000
    assert some[0].account is some[99].account
    assert some[0].account.waiting == shared.memory
    assert other.account.waiting == shared.memory + own.memory
    for client in (*some, other):
        client.give_up("")
    assert memory.used([]) == some[0].account.waiting == other.account.waiting == 0
    assert shared.holders is None


def test_what_is_held_and_dropped_in_any_order_is_counted_right() -> None:
    memory, chance = Memory(), random.Random(7)
    batches = [of_size(chance.randrange(2000)) for _ in range(20)]
    accounts = [memory.account_of(f"192.0.2.{number}:1") for number in range(5)]
    held: list[tuple[Account, Batch]] = []
    for _ in range(2000):
        if held and chance.random() < 0.5:
            account, batch = held.pop(chance.randrange(len(held)))
            account.drop(batch)
        else:
            held.append((chance.choice(accounts), chance.choice(batches)))
            held[-1][0].hold(held[-1][1])
        assert memory.waiting == sum(batch.memory for batch in {batch for _, batch in held})
        for account in accounts:
            its = {batch for who, batch in held if who is account}
            assert account.waiting == sum(batch.memory for batch in its)


def test_the_heaviest_of_all_go_first_and_no_more_than_needed() -> None:
    memory = Memory(Budget(process=10 * MIB, address=0))
    clients = [
        Claim(memory, f"192.0.2.{number}:1", of_size(number * MIB), copied=1000)
        for number in range(1, 6)
    ]
    memory.relieve(clients)
    assert [bool(client.why) for client in clients] == [False, False, False, True, True]
    memory.relieve(clients[:3])
    assert [bool(client.why) for client in clients] == [False, False, False, True, True]


def test_an_address_is_held_to_its_share_and_the_others_keep_theirs() -> None:
    memory = Memory(Budget(process=100 * MIB, address=4 * MIB))
    greedy = [Claim(memory, f"192.0.2.1:{port}", of_size(MIB), copied=port) for port in range(8)]
    sharing = of_size(3 * MIB)
    many = [Claim(memory, f"192.0.2.2:{port}", sharing) for port in range(50)]
    memory.relieve([*greedy, *many])
    assert [bool(client.why) for client in greedy] == [False] * 3 + [True] * 5
    assert not any(client.why for client in many)
    assert greedy[-1].why == "too much waits for the clients of its address"


def test_copies_in_transports_count_too() -> None:
    memory = Memory(Budget(process=MIB, address=0))
    clients = [Claim(memory, f"192.0.2.{number}:1", copied=300_000) for number in range(1, 6)]
    memory.relieve(clients)
    assert sum(bool(client.why) for client in clients) == 2


def test_without_a_limit_everybody_stays() -> None:
    memory = Memory(Budget(process=0, address=0, replay=0))
    clients = [Claim(memory, f"192.0.2.1:{port}", copied=10**9) for port in range(50)]
    memory.relieve(clients)
    assert not any(client.why for client in clients)
    clients[0].account.charge(10**12, now=0)
    assert clients[0].account.replays.wait(0) == 0


def test_replays_are_charged_to_the_address_even_when_its_clients_come_again() -> None:
    memory = Memory(Budget(replay=60 * MIB))
    memory.account_of("192.0.2.1:1").charge(59 * MIB, now=0)
    assert memory.account_of("192.0.2.1:2").replays.wait(0) == 0
    memory.account_of("192.0.2.1:2").charge(11 * MIB, now=0)
    assert 10 <= memory.account_of("192.0.2.1:3").replays.wait(0) < 10.01
    assert memory.account_of("192.0.2.2:1").replays.wait(0) == 0
    memory.account_of("192.0.2.2:1").charge(1, now=1000)
    memory.account_of("192.0.2.3:1").charge(1, now=1000)
    assert memory.account_of("192.0.2.1:4").replays.wait(1000) == 0


def test_small_batches_are_not_counted_as_nothing() -> None:
    assert of_size(10).memory > OVERHEAD
