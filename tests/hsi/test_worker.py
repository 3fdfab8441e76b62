"""The background worker: rests, tries again, ends with its program, and survives a fork."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from hsi.worker import Worker


class Items:
    """Work that takes items from a list; each `fails` is one round that fails."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.done: list[int] = []
        self.fails = 0
        self.fault: Exception = RedisConnectionError("away")
        self.failures = 0
        self.rounds = 0
        self.has_ended = threading.Event()
        self.worker = Worker(self, name="items", base=0.001, cap=0.01)

    def add(self, item: int) -> None:
        self.items.append(item)
        self.worker.notify()

    def reset(self) -> None:
        self.items.clear()

    def has_work(self) -> bool:
        return bool(self.items)

    def do_round(self) -> bool:
        self.rounds += 1
        if self.fails:
            self.fails -= 1
            raise self.fault
        if self.items:
            self.done.append(self.items.pop(0))
        elif self.worker.closing:
            return True
        else:
            self.worker.rest()
        return False

    def failed(self, error: Exception) -> None:
        assert str(error)
        self.failures += 1

    def ended(self) -> None:
        self.has_ended.set()

    def close(self) -> None:
        self.worker.close(10)


@pytest.fixture
def items() -> Iterator[Items]:
    items = Items()
    yield items
    items.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_fault_of_any_kind_is_logged_with_its_traceback_and_the_thread_goes_on(
    items: Items, caplog: pytest.LogCaptureFixture
) -> None:
    items.fails, items.fault = 3, ZeroDivisionError("by design")
    items.add(1)
    wait_for(lambda: items.done == [1])
    assert items.failures == 3
    assert caplog.text.count("the thread items failed; it tries again") == 1
    assert "ZeroDivisionError: by design" in caplog.text


def test_nothing_runs_before_there_is_work(items: Items) -> None:
    assert not items.worker.started
    items.add(1)
    wait_for(lambda: items.done == [1])
    assert items.worker.started


def test_a_worker_without_work_rests_until_there_is_more(items: Items) -> None:
    items.add(1)
    wait_for(lambda: items.done == [1])
    rounds = items.rounds
    time.sleep(0.2)
    assert items.rounds <= rounds + 1
    items.add(2)
    wait_for(lambda: items.done == [1, 2])


def test_no_item_waits_for_the_next_one(items: Items) -> None:
    """Work that comes in the very moment in which the thread goes to rest wakes it."""
    for number in range(2000):
        items.add(number)
        while items.items:
            time.sleep(0)
    wait_for(lambda: items.done == list(range(2000)))


def test_a_round_that_fails_is_tried_again(items: Items) -> None:
    items.fails = 5
    items.add(1)
    wait_for(lambda: items.done == [1])
    assert items.failures == 5


def test_closing_does_what_is_left_and_ends_the_thread(items: Items) -> None:
    for number in range(100):
        items.add(number)
    items.worker.close(10)
    assert items.done == list(range(100))
    assert items.has_ended.is_set()
    items.add(100)
    assert items.items == [100]


def test_closing_gives_up_at_the_next_failure(items: Items) -> None:
    items.fails = 10**9
    items.add(1)
    wait_for(lambda: items.failures > 1)
    items.worker.close(10)
    assert items.has_ended.is_set()
    assert items.done == []


def test_closing_persists_if_it_is_asked_to(items: Items) -> None:
    items.fails = 10**9
    items.add(1)
    items.worker.close(0, persist=60)
    failures = items.failures
    wait_for(lambda: items.failures > failures)
    items.fails = 0
    assert items.has_ended.wait(30)
    assert items.done == [1]


def test_a_thread_that_cannot_be_started_is_reported_and_tried_again(
    items: Items, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        items.add(1)
    assert items.failures == 1
    items.add(2)
    wait_for(lambda: items.done == [1, 2])


PROGRAM = """
import os, sys
from tests.hsi.test_worker import Items
items = Items()
items.add(1)
while not items.done:
    pass
"""


def test_a_child_process_has_a_worker_of_its_own() -> None:
    """Forked while the parent's thread rests, and while it is in the middle of its work."""
    program = (
        PROGRAM
        + """
for number in range(50):
    items.add(2)
    if (child := os.fork()) == 0:
        assert not items.worker.started
        assert items.items == []
        items.done.clear()
        items.add(3)
        items.close()
        os._exit(items.done != [3])
    assert os.waitpid(child, 0)[1] == 0
items.close()
assert items.done == [1] + 50 * [2], items.done
"""
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, timeout=60)


def test_the_end_of_the_program_closes_the_work() -> None:
    program = PROGRAM + "items.add(2)\nimport atexit\natexit._run_exitfuncs()\nprint(items.done)\n"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True
    )
    assert done.stdout == "[1, 2]\n"
