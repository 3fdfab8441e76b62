"""Dashboards that show system statuses, and note what they got and when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from local.processes import Process
from local.service import ServiceProcess
from tests.clients import dashboard, get_json, until

INTERVAL = 0.5
"""Seconds between statuses in tests: a tenth of a real interval."""


class Screen:
    """One of them."""

    def __init__(self, server: Process) -> None:
        self.server = server
        self.texts: list[str] = []
        self.got: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.closed = False

    async def watch(self, socket: ClientConnection) -> None:
        clock = asyncio.get_running_loop().time
        try:
            async for text in socket:
                self.times.append(clock())
                self.texts.append(str(text))
                self.got.append(msgspec.json.decode(text))
        except ConnectionClosed:
            pass
        self.closed = True

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.got if message["type"] == kind]

    def arrivals(self, kind: str) -> list[float]:
        pairs = zip(self.times, self.got, strict=True)
        return [time for time, message in pairs if message["type"] == kind]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return self.of("system_status")

    @property
    def latest(self) -> dict[str, Any]:
        """What it shows."""
        return dict(self.statuses[-1]["data"]) if self.statuses else {}

    def slots(self, since: int = 0) -> list[int]:
        """Return the intervals of the clock that its statuses are of, but for the first `since`.

        A status that was collected on connecting, and not when one was due, is of none.
        """
        return [slot(message) for message in self.statuses[max(1, since) :]]

    def changes(self, service: str) -> list[dict[str, Any]]:
        changes = self.of("service_status")
        return [message for message in changes if message["data"]["service"] == service]

    def told(self, service: str) -> list[str]:
        return [str(message["data"]["status"]) for message in self.changes(service)]


def collected_at(message: dict[str, Any]) -> float:
    return datetime.fromisoformat(message["timestamp"]).timestamp()


def slot(message: dict[str, Any]) -> int:
    return int(collected_at(message) // INTERVAL)


@contextlib.asynccontextmanager
async def screens(*servers: Process) -> AsyncIterator[list[Screen]]:
    """Connect a dashboard to each of these, all at once; each has a first status."""
    shown = [Screen(server) for server in servers]
    async with contextlib.AsyncExitStack() as stack:
        sockets = await asyncio.gather(
            *(
                stack.enter_async_context(
                    dashboard(server, uri=server.url.replace("http", "ws") + "/ws/system")
                )
                for server in servers
            )
        )
        watching = [
            asyncio.create_task(screen.watch(socket))
            for screen, socket in zip(shown, sockets, strict=True)
        ]
        try:
            await have(shown, 1)
            yield shown
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


async def have(shown: list[Screen], count: int, *, within: float = 20) -> None:
    """Wait until each has got this many statuses."""

    async def all_have() -> bool:
        return all(len(screen.statuses) >= count for screen in shown)

    await until(all_have, within=within)


async def have_more(shown: list[Screen], count: int, *, within: float = 20) -> None:
    """Wait until each has got this many statuses more."""
    before = {screen: len(screen.statuses) for screen in shown}

    async def all_have() -> bool:
        return all(len(screen.statuses) >= before[screen] + count for screen in shown)

    await until(all_have, within=within)


async def own(replica: Process) -> Any:
    """Return what a replica's broadcaster tells of itself."""
    return (await get_json(replica, "/status"))["own"]["broadcaster"]


async def leader_of(replicas: list[ServiceProcess]) -> ServiceProcess:
    """Wait until one has led for a while; return it.

    A Redis that answers late, because all of it has just started, moves the lease once more.
    """
    clock = asyncio.get_running_loop().time
    found: list[ServiceProcess] = []
    since = clock()

    async def one_leads() -> bool:
        nonlocal since
        leaders = [replica for replica in replicas if (await own(replica))["lease"]["held"]]
        if leaders != found or len(leaders) != 1:
            found[:] = leaders
            since = clock()
        return len(found) == 1 and clock() - since > 3 * INTERVAL

    await until(one_leads)
    return found[0]
