"""What becomes of messages while the broker, Redis or this service itself fails."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi.tasks import cancel_and_wait
from local.processes import Process, free_port
from local.service import ServiceProcess
from services.mqtt import connection
from services.mqtt.pauses import RIVAL_AFTER
from tests.clients import get_json
from tests.conftest import StartProgram
from tests.mosquitto import Mosquitto, StartMosquitto
from tests.replicas import Replica
from tests.servers import RedisServer, as_user
from tests.services.mqtt.running import connected, until
from tests.services.mqtt.stories import changed, story

pytestmark = pytest.mark.faults

NEW = story("events", "0.17")[0]
DIES_BEFORE_THE_BROKER_KNOWS = """
import os, runpy, signal
from services.mqtt.connection import Connection
Connection.acknowledge = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
runpy.run_module("services.mqtt", run_name="__main__")
"""
"""A program that runs the service until Redis has its first event, and the broker does not know."""


Do = Callable[[RedisServer], Awaitable[None]]
StartService = Callable[[RedisServer, str, Mosquitto], ServiceProcess]


def sighting(number: int) -> bytes:
    return changed(NEW, id=f"{number}.5-a")


async def told(redis_url: str, channel: str) -> list[str]:
    """Return the ids of Frigate's in the history, in its order; nothing while Redis is away."""
    async with Redis.from_url(redis_url) as redis:
        entries: Any = await redis.xrange(channels.history(channel))
    return [json.loads(fields[b"m"])["data"]["batch_id"] for _, fields in entries]


async def until_told(redis_url: str, channel: str, count: int) -> list[str]:
    async with asyncio.timeout(30):
        while len(ids := await told(redis_url, channel)) < count:
            await asyncio.sleep(0.05)
    return ids


def ids(count: int) -> list[str]:
    return [f"{number}.5-a" for number in range(count)]


@pytest.fixture
def start_service(tmp_path: Path, cleanup: Callable[[Process], None]) -> StartService:
    """Start replicas of the mqtt service, whose lease is a second."""

    def start(redis: RedisServer, channel: str, mosquitto: Mosquitto) -> ServiceProcess:
        port = free_port()
        replica = Replica(
            "mqtt",
            name=f"mqtt-{port}",
            port=port,
            log=tmp_path / f"mqtt-{port}.log",
            **environment(redis, channel, mosquitto),
        )
        cleanup(replica)
        replica.start()
        return replica

    return start


def environment(redis: RedisServer, channel: str, mosquitto: Mosquitto) -> dict[str, str]:
    return {
        "REDIS_URL": as_user("mqtt", redis.url),
        "REDIS_EVENT_CHANNEL": channel,
        "LEASE_SECONDS": "1",
        "DRAIN_DELAY": "0",
        "DRAIN_WINDOW": "0",
        **mosquitto.settings,
    }


async def is_connected(replica: ServiceProcess) -> bool:
    return bool((await get_json(replica, "/status"))["own"]["broker"]["connected"])


async def until_one_is_connected(*replicas: ServiceProcess) -> ServiceProcess:
    async with asyncio.timeout(30):
        while True:
            for replica in replicas:
                if await is_connected(replica):
                    return replica
            await asyncio.sleep(0.05)


async def test_a_broker_that_is_killed_loses_nothing_that_it_had_written(
    start_mosquitto: StartMosquitto,
) -> None:
    mosquitto = start_mosquitto(persistence=True)
    async with connected(mosquitto.address(), "in") as home:
        for number in range(3):
            mosquitto.kill()
            await until(lambda: not home.broker.connected)
            published = asyncio.create_task(home.broker.publish("out", b"%d" % number, retain=True))
            await asyncio.sleep(0.1)
            assert not published.done()
            mosquitto.start()
            await asyncio.wait_for(published, 15)
            async with mosquitto.client() as somebody:
                await somebody.subscribe("out")
                assert (await anext(somebody.messages)).payload == b"%d" % number
                await somebody.publish("in", b"%d" % number, qos=1)
            await until(lambda: len(home.got) == number + 1)  # noqa: B023 (awaited here)
    assert home.got == [b"0", b"1", b"2"]


async def test_a_broker_that_freezes_is_found_and_everything_is_sent_again_in_order(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "KEEPALIVE", 1)
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 1)
    heard: list[bytes] = []
    async with connected(mosquitto.address(), "in") as home, mosquitto.client() as somebody:
        await somebody.subscribe("out", qos=1)
        mosquitto.freeze()
        publishing = [
            asyncio.create_task(home.broker.publish("out", b"%d" % number)) for number in range(50)
        ]
        await until(lambda: not home.broker.connected)
        assert home.broker.report().waiting_out >= 50
        mosquitto.thaw()
        await asyncio.wait_for(asyncio.gather(*publishing), 15)
        while not heard or heard[-1] != b"49":
            heard.append(bytes((await anext(somebody.messages)).payload))
        await somebody.publish("in", b"again", qos=1)
        await until(lambda: home.got == [b"again"])
    # What the broker had and could not acknowledge comes twice: at least once, and in order.
    assert list(dict.fromkeys(heard)) == [b"%d" % number for number in range(50)]


async def test_a_session_that_somebody_else_takes_again_and_again_is_no_fight(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async def rival() -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with mosquitto.client("hsi-realtime") as client:
                    async for _ in client.messages:
                        pass

    async with connected(mosquitto.address()) as home:
        task = asyncio.create_task(rival())
        try:
            # Some in a row look like a rival; from then on it is left alone.
            await until(lambda: "MQTT_CLIENT_ID" in caplog.text)
            await asyncio.sleep(2)
            assert home.broker.report().connections == RIVAL_AFTER
        finally:
            await cancel_and_wait(task)
    warnings = [record for record in caplog.records if "MQTT_CLIENT_ID" in record.message]
    assert len(warnings) == 1


async def publish_many(mosquitto: Mosquitto, numbers: range) -> None:
    async with mosquitto.client() as frigate:
        for number in numbers:
            await frigate.publish("frigate/events", sighting(number), qos=1)


async def redis_refuses_writes(redis: RedisServer, *, refuses: bool) -> None:
    async with Redis.from_url(redis.url) as admin:
        await admin.config_set("min-replicas-to-write", int(refuses))


async def killed(redis: RedisServer) -> None:
    redis.kill()


async def started(redis: RedisServer) -> None:
    redis.start()


async def refusing(redis: RedisServer) -> None:
    await redis_refuses_writes(redis, refuses=True)


async def taking(redis: RedisServer) -> None:
    await redis_refuses_writes(redis, refuses=False)


async def frozen(redis: RedisServer) -> None:
    redis.freeze()


async def thawed(redis: RedisServer) -> None:
    redis.thaw()


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param((killed, started), id="killed"),
        pytest.param((refusing, taking), id="refuses writes"),
        pytest.param((frozen, thawed), id="frozen"),
    ],
)
async def test_while_redis_is_away_messages_wait_at_the_broker_and_are_told_once(
    outage: tuple[Do, Do],
    own_redis: RedisServer,
    channel: str,
    mosquitto: Mosquitto,
    start_service: StartService,
) -> None:
    begin, end = outage
    replica = start_service(own_redis, channel, mosquitto)
    await until_one_is_connected(replica)
    await publish_many(mosquitto, range(5))
    await until_told(own_redis.url, channel, 5)
    await begin(own_redis)
    await publish_many(mosquitto, range(5, 40))
    await asyncio.sleep(2)  # Longer than the lease.
    await end(own_redis)
    await publish_many(mosquitto, range(40, 60))
    assert await until_told(own_redis.url, channel, 60) == ids(60)
    await asyncio.sleep(0.5)
    assert await told(own_redis.url, channel) == ids(60)


@pytest.mark.parametrize("keys_are_forgotten", [False, True])
async def test_a_service_that_dies_between_redis_and_the_broker_tells_nothing_twice(
    own_redis: RedisServer,
    channel: str,
    mosquitto: Mosquitto,
    start_program: StartProgram,
    start_service: StartService,
    *,
    keys_are_forgotten: bool,
) -> None:
    port = free_port()
    doomed = start_program(
        sys.executable,
        "-c",
        DIES_BEFORE_THE_BROKER_KNOWS,
        PORT=str(port),
        PYTHONPATH=":".join(sys.path),
        **environment(own_redis, channel, mosquitto),
    )
    doomed.url = f"http://127.0.0.1:{port}"
    async with asyncio.timeout(30):
        while "connected with the broker" not in doomed.log_tail():
            await asyncio.sleep(0.05)
    await publish_many(mosquitto, range(10))
    async with asyncio.timeout(15):
        while doomed.exit_status() is None:
            await asyncio.sleep(0.02)
    assert await told(own_redis.url, channel) == ids(1)
    if keys_are_forgotten:
        async with Redis.from_url(own_redis.url) as redis:
            await redis.delete(*await redis.keys("*:once:*"))
    await until_one_is_connected(start_service(own_redis, channel, mosquitto))
    assert await until_told(own_redis.url, channel, 10) == ids(10)
    await asyncio.sleep(0.5)
    assert await told(own_redis.url, channel) == ids(10)


async def test_of_two_replicas_one_is_connected_and_the_other_takes_over_without_a_repetition(
    own_redis: RedisServer,
    channel: str,
    mosquitto: Mosquitto,
    start_service: StartService,
) -> None:
    replicas = [start_service(own_redis, channel, mosquitto) for _ in range(2)]
    active = await until_one_is_connected(*replicas)
    (idle,) = [replica for replica in replicas if replica is not active]
    assert not await is_connected(idle)
    publishing = asyncio.create_task(publish_many(mosquitto, range(300)))
    await until_told(own_redis.url, channel, 20)
    active.signal(signal.SIGKILL)
    assert await until_one_is_connected(idle) is idle
    await publishing
    assert await until_told(own_redis.url, channel, 300) == ids(300)


async def test_a_holder_that_stands_still_and_goes_on_repeats_nothing(
    own_redis: RedisServer,
    channel: str,
    mosquitto: Mosquitto,
    start_service: StartService,
) -> None:
    replicas = [start_service(own_redis, channel, mosquitto) for _ in range(2)]
    active = await until_one_is_connected(*replicas)
    (idle,) = [replica for replica in replicas if replica is not active]
    await publish_many(mosquitto, range(20))
    await until_told(own_redis.url, channel, 20)
    active.signal(signal.SIGSTOP)
    try:
        await publish_many(mosquitto, range(20, 60))
        await until_one_is_connected(idle)
        await until_told(own_redis.url, channel, 60)
    finally:
        active.signal(signal.SIGCONT)
    await asyncio.sleep(1.5)
    assert await told(own_redis.url, channel) == ids(60)
    assert await is_connected(idle)
