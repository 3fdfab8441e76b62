"""The process around a service: what its event loop says of faults."""

import asyncio
import gc
import socket

import pytest

from hsi_service.skeleton.server import listen_on_both, new_event_loop, url_of

NOWHERE = "nowhere.invalid"


async def look_up_and_give_up() -> None:
    """Begin to connect, give up, and let the look-up of the name fail later."""
    loop = asyncio.get_running_loop()
    connecting = asyncio.ensure_future(loop.create_connection(asyncio.Protocol, NOWHERE, 1))
    await asyncio.sleep(0)  # now it waits for the name
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    for _ in range(3):  # what was begun before these has then ended, too
        with pytest.raises(socket.gaierror):
            await loop.getaddrinfo(NOWHERE, 1)
    gc.collect()


async def leave(failure: Exception) -> None:
    """Let a task fail, and ask it for nothing."""

    async def fail() -> None:
        raise failure

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    del task
    gc.collect()


def test_a_name_that_nobody_waits_for_any_more_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(look_up_and_give_up())
    assert not caplog.records


@pytest.mark.parametrize("failure", [ValueError("of ours"), socket.gaierror("not awaited")])
def test_any_other_failure_that_nobody_asks_for_is_one(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(leave(failure))
    assert [record.message.split("\n")[0] for record in caplog.records] == [
        "Task exception was never retrieved"
    ]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        (("127.0.0.1", 8000), "http://127.0.0.1:8000"),
        (("0.0.0.0", 8000), "http://127.0.0.1:8000"),
        (("::", 8000, 0, 0), "http://[::1]:8000"),
        (("2001:db8::7", 8000, 0, 0), "http://[2001:db8::7]:8000"),
    ],
)
def test_the_url_of_a_socket_can_be_asked(name: tuple[str, int], url: str) -> None:
    assert url_of(name) == url


def test_both_families_are_listened_to_on_one_port() -> None:
    listening = listen_on_both(0)
    names = [each.getsockname()[:2] for each in listening]
    for each in listening:
        each.close()
    port = names[0][1]
    assert names == [("::", port), ("0.0.0.0", port)]
