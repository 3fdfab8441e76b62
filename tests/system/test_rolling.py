"""Rolling updates under load, as on a cluster: three replicas of each service behind Traefik.

300 dashboards see 200 events a second, others watch statuses and a job, while each replica is
restarted, one after the other. Affinity holds by cookie; each dashboard ends with every event once
and in order, on whichever replica it came to.
"""

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from hsi.joblogs import JobLogEmitter
from hsi.publisher import Publisher
from hsi.schemas.close_codes import CloseCode
from local.processes import Process, free_port
from local.service import ServiceProcess
from local.traefik import Traefik
from tests.clients import get_json, golden, http_client, meanwhile, until
from tests.servers import RedisServer, as_user
from tests.viewers import GONE, Viewer

REPLICAS = 3
CLIENTS = 300
OTHERS = 30
"""Who watches statuses, and who watches the job."""
ARRIVAL_RATE = 100
"""Dashboards in a second, at first; who is closed comes back as the drain and its own delay say."""
RATE = 200
"""Events in a second."""
AT_ONCE = 20
JOB_RATE = 20
DRAIN_DELAY = 2.0
"""Seconds; Traefik looks every second."""
DRAIN_WINDOW = 4.0
LONGEST_WAIT = 5.0
"""Seconds that a dashboard may be without a connection."""
ROUTES = {"events": "/ws/events", "system": "/ws/system", "joblogs": "/ws/jobs"}

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(240)]


class Fleet:
    """Three replicas of each service, an ingress, and the dashboards of a busy home."""

    def __init__(self, redis: RedisServer, channel: str, job_id: str, folder: Path) -> None:
        self._redis = redis
        self.channel = channel
        self.job_id = job_id
        self.replicas = {
            service: [self._replica(service, folder) for _ in range(REPLICAS)] for service in ROUTES
        }
        self.ingress = Traefik(
            folder / "ingress",
            port=free_port(),
            routes={
                path: [replica.url for replica in self.replicas[service]]
                for service, path in ROUTES.items()
            },
        )
        chance = random.Random(20261125)
        self.url = self.ingress.url.replace("http", "ws")
        self.of_events = [
            Viewer(f"{self.url}/ws/events", chance, start="tail=0") for _ in range(CLIENTS)
        ]
        self.of_system = [Viewer(f"{self.url}/ws/system", chance) for _ in range(OTHERS)]
        self.of_job = [
            Viewer(f"{self.url}/ws/jobs/{job_id}/logs", chance, start="since=0-0")
            for _ in range(OTHERS)
        ]
        self.published = 0
        self.logged = 0
        self.is_over = False

    def _replica(self, service: str, folder: Path) -> ServiceProcess:
        port = free_port()
        return ServiceProcess(
            service,
            name=f"{service}-{port}",
            port=port,
            log=folder / f"{service}-{port}.log",
            REDIS_URL=as_user(service, self._redis.url),
            REDIS_EVENT_CHANNEL=self.channel,
            BROADCAST_INTERVAL="0.5",
            DRAIN_DELAY=str(DRAIN_DELAY),
            DRAIN_WINDOW=str(DRAIN_WINDOW),
            # All dashboards are at one address here.
            HANDSHAKE_RATE_LIMIT="0",
        )

    @property
    def processes(self) -> list[Process]:
        return [*(one for all_ in self.replicas.values() for one in all_), self.ingress]

    @property
    def viewers(self) -> list[Viewer]:
        return [*self.of_events, *self.of_system, *self.of_job]

    async def watch(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for viewer in self.viewers:
                tasks.create_task(viewer.watch())
                # All at once can make a replica's health late, and the ingress leave it out.
                await asyncio.sleep(1 / ARRIVAL_RATE)

    async def publish(self) -> None:
        """Publish numbered events until it is over, `RATE` a second, each until acknowledged."""
        template = golden("event")
        async with Publisher(self._redis.url) as publisher:
            while not self.is_over:
                numbers = range(self.published, self.published + AT_ONCE)
                events = (template.replace(b"123,", b"%d," % number, 1) for number in numbers)
                await asyncio.gather(*(publisher.publish(self.channel, e) for e in events))
                self.published += AT_ONCE
                await asyncio.sleep(AT_ONCE / RATE)

    async def log(self) -> None:
        """Let the job log numbered lines."""
        emitter = JobLogEmitter(self._redis.url, self.job_id)
        while not self.is_over:
            emitter.info("a line", number=self.logged)
            self.logged += 1
            await asyncio.sleep(1 / JOB_RATE)
        await asyncio.to_thread(emitter.close, "completed")

    async def all_are_here(self) -> bool:
        return all(viewer.connected and viewer.frames for viewer in self.viewers)

    async def is_spread(self) -> bool:
        """Tell whether newcomers come to each replica of each service: Traefik knows all three."""
        return all([len(await self._cookies(path)) == REPLICAS for path in self._paths()])

    def _paths(self) -> list[str]:
        return ["/ws/events", "/ws/system", f"/ws/jobs/{self.job_id}/logs"]

    async def _cookies(self, path: str) -> set[str]:
        """Return which replicas newcomers come to; a plain request gets the cookie, too."""
        cookies: set[str] = set()
        async with http_client() as client:
            for _ in range(2 * REPLICAS):
                answer = await client.get(f"{self.ingress.url}{path}")
                client.cookies.clear()
                cookies.update(answer.cookies.values())
        return cookies

    async def roll(self, restart: Callable[[ServiceProcess], Awaitable[None]]) -> None:
        """Restart every replica: of each service one after the other, of all services at once."""
        for number in range(REPLICAS):
            await until(self.all_are_here, within=60)
            await until(self.is_spread, within=30)
            await asyncio.gather(*(restart(each[number]) for each in self.replicas.values()))
        await until(self.all_are_here, within=60)

    async def everything_came(self) -> bool:
        return all(len(viewer.got) >= self.published for viewer in self.of_events) and all(
            len(viewer.got) >= self.logged for viewer in self.of_job
        )


@pytest.fixture
async def fleet(
    own_redis: RedisServer,
    channel: str,
    job_id: str,
    tmp_path: Path,
    cleanup: Callable[[Process], None],
) -> AsyncIterator[Fleet]:
    fleet = Fleet(own_redis, channel, job_id, tmp_path)
    *replicas, ingress = fleet.processes
    for process in fleet.processes:
        cleanup(process)
    for replica in replicas:
        replica.spawn()
    for replica in replicas:
        replica.wait_ready()
    ingress.start()
    await until(fleet.is_spread, within=30)
    yield fleet
    for process in fleet.processes:
        process.signal(signal.SIGINT)  # at once, and side by side


@contextlib.asynccontextmanager
async def busy(fleet: Fleet) -> AsyncIterator[None]:
    """Let dashboards watch and events flow; at the end, until everybody has everything."""
    async with meanwhile(fleet.watch()):
        await until(fleet.all_are_here, within=60)
        async with asyncio.TaskGroup() as work:
            work.create_task(fleet.publish())
            work.create_task(fleet.log())
            try:
                yield
            finally:
                fleet.is_over = True
        # If it does not come, what is looked at next says what is missing.
        with contextlib.suppress(TimeoutError):
            await until(fleet.everything_came, within=60)


async def restart_gently(replica: ServiceProcess) -> None:
    replica.signal(signal.SIGTERM)
    assert await replica.wait() == 0
    replica.spawn()
    await asyncio.to_thread(replica.wait_ready)


async def restart_rudely(replica: ServiceProcess) -> None:
    replica.kill()
    replica.spawn()
    await asyncio.to_thread(replica.wait_ready)


def assert_nothing_is_missing_or_twice(fleet: Fleet) -> None:
    assert not any(viewer.complaints for viewer in fleet.viewers)
    for viewers, sent in ((fleet.of_events, fleet.published), (fleet.of_job, fleet.logged)):
        for viewer in viewers:
            missing = sorted(set(range(sent)) - set(viewer.got))
            assert not missing, (missing[:3], len(missing), viewer.connected, viewer.breaks)
            assert viewer.got == list(range(sent))


def longest_wait(fleet: Fleet) -> float:
    return max(each.back_at - each.at for viewer in fleet.viewers for each in viewer.breaks)


async def test_with_their_cookie_dashboards_stick_and_without_it_they_are_spread(
    fleet: Fleet,
) -> None:
    async with meanwhile(fleet.watch()):
        await until(fleet.all_are_here, within=60)
        for service, viewers in (
            ("events", fleet.of_events),
            ("system", fleet.of_system),
            ("joblogs", fleet.of_job),
        ):
            of_cookie = Counter(viewer.cookie for viewer in viewers)
            assert len(of_cookie) == REPLICAS
            counts = [
                (await get_json(replica, "/status"))["connections"]
                for replica in fleet.replicas[service]
            ]
            assert sorted(counts) == sorted(of_cookie.values())
            for cookie in of_cookie:
                path = viewers[0].url
                async with connect(path, additional_headers={"Cookie": cookie}) as again:
                    assert again.response is not None
                    # The ingress has nothing to correct: it is the replica of the cookie.
                    assert "Set-Cookie" not in again.response.headers


async def test_a_rolling_restart_loses_nothing_and_spreads_who_comes_back(fleet: Fleet) -> None:
    async with busy(fleet):
        await fleet.roll(restart_gently)
    assert_nothing_is_missing_or_twice(fleet)
    assert longest_wait(fleet) < LONGEST_WAIT
    breaks = [each for viewer in fleet.of_events for each in viewer.breaks]
    assert {each.code for each in breaks} == {CloseCode.RESTART}
    assert len(breaks) >= CLIENTS
    for closed in rounds([each.at for each in breaks]):
        # Evenly over the window: each quarter of it has its share.
        quarters = Counter(int((at - closed[0]) / DRAIN_WINDOW * 4) for at in closed)
        assert all(quarters[quarter] >= len(closed) / 10 for quarter in range(4))


async def test_replicas_that_are_killed_lose_nothing_either(fleet: Fleet) -> None:
    async with busy(fleet):
        await fleet.roll(restart_rudely)
    assert_nothing_is_missing_or_twice(fleet)
    assert longest_wait(fleet) < LONGEST_WAIT
    codes = {each.code for viewer in fleet.of_events for each in viewer.breaks}
    assert GONE in codes


def rounds(times: list[float]) -> list[list[float]]:
    """Return times in groups, each a restart: between two of them nothing is closed for a while."""
    groups: list[list[float]] = []
    for at in sorted(times):
        if groups and at - groups[-1][-1] < DRAIN_DELAY:
            groups[-1].append(at)
        else:
            groups.append([at])
    return groups
