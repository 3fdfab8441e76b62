"""Redis' users as they are shipped: enough for all that each does, and for nothing else."""

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from hsi.cli.redis_users import RULES, RedisUsers
from hsi.consumer import Consumer, Entry, Gap
from hsi.joblogs import JobLogEmitter
from hsi.latency import LatencyRecorder
from hsi.publisher import Publisher
from hsi.schemas import channels
from hsi.schemas.close_codes import CloseCode
from local.processes import Process, free_port
from local.service import ServiceProcess
from tests.clients import GOLDEN, dashboard, get_json, golden, http_client, until
from tests.hsi.cli.test_commands import hsi
from tests.replicas import Replica
from tests.screens import have, have_more, leader_of, screens
from tests.servers import ALL, USERS, OwnRedis, denied

EVENTS = "security_events"
PATIENCE = 30
"""Seconds that a busy machine may take for anything."""
SERVERS = ["valkey", "redis-server"]
"""The embedded one, and the machine's own: Debian's is 7.0, the oldest that we support."""


class AsShipped(OwnRedis):
    """Lets in nobody but the users that are shipped, and one that may do all, for the test."""

    def __init__(self, folder: Path, program: str | None, users: RedisUsers = USERS) -> None:
        super().__init__(folder, users=f"{users.acl()}user admin {ALL}\n", program=program)
        self.address = self.url
        self.url = self.url.replace("://", "://admin:any@")

    def as_user(self, name: str) -> Redis:
        return Redis.from_url(USERS.url(name, self.address))


@pytest.fixture(params=SERVERS, scope="module")
def redis(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = AsShipped(tmp_path_factory.mktemp("redis"), program_of(request.param))
    server.start()
    yield server
    server.stop()


def program_of(name: str) -> str | None:
    if name == "valkey":
        return None
    return shutil.which(name) or pytest.skip("no redis-server on this machine")


StartService = Callable[[str], ServiceProcess]


@pytest.fixture
def start(redis: AsShipped, tmp_path: Path, cleanup: Callable[[Process], None]) -> StartService:
    def start(service: str) -> ServiceProcess:
        port = free_port()
        replica = Replica(
            service,
            name=f"{service}-{port}",
            port=port,
            log=tmp_path / f"{service}-{port}.log",
            REDIS_URL=USERS.url(service, redis.address),
            BROADCAST_INTERVAL="0.5",
            HEARTBEAT_INTERVAL="0.5",
            DRAIN_DELAY="0",
            DRAIN_WINDOW="0",
        )
        cleanup(replica)
        replica.start()
        return replica

    return start


@pytest.mark.faults
async def test_each_works_through_a_whole_day_and_nothing_is_denied(
    redis: AsShipped, start: StartService
) -> None:
    with Redis.from_url(redis.url) as admin:
        admin.flushall()
        admin.acl_log_reset()
        admin.rpush("detection_queue", "an image")
        admin.rpush("dlq:analysis_queue", "a batch", "another")
        # A leader found it, and died before it told it.
        untold = [{"key": "once", "message": golden("camera_status").decode()}]
        admin.set(channels.SYSTEM_CHANGES, json.dumps(untold))
    replicas = {name: start(name) for name in ("events", "system", "joblogs", "collector")}
    another = start("system")
    producer = USERS.url("producer", redis.address)
    await what_comes_over_http_is_published(replicas["events"], replicas["joblogs"])
    await events_are_heard_and_resumed(replicas["events"], producer)
    await events_are_marked_as_seen(replicas["events"])
    await statuses_come_whoever_leads(redis, replicas["system"], another)
    await a_job_is_watched_to_its_end(redis, replicas["joblogs"], producer)
    await figures_are_collected_and_kept(replicas["collector"], producer)
    for name in ("event", "system_status", "service_status", "performance_update"):
        done = hsi("publish", str(GOLDEN / f"{name}.json"), REDIS_URL=producer)
        assert done.returncode == 0, done.stderr
    with Redis.from_url(redis.url, decode_responses=True) as admin:
        assert admin.xlen(channels.history(channels.SYSTEM_STATUS)) == 1
        users = {c["user"] for c in admin.client_list() if c["name"].startswith("hsi-")}
    assert users >= {"events", "system", "joblogs", "collector"}
    for replica in (*replicas.values(), another):
        assert replica.stop() == 0  # and what it led is given back
    with Redis.from_url(redis.url) as admin:
        assert not admin.exists("lease:system", "lease:collector")
    assert denied(redis.url) == []


async def what_comes_over_http_is_published(
    events: ServiceProcess, joblogs: ServiceProcess
) -> None:
    """Before any producer was here, so without its function."""
    short = {"camera_id": "a", "risk_score": 1, "summary": "b"}
    headers = {"Idempotency-Key": "k"}
    async with http_client() as http:
        for status in (201, 200):
            url = f"{events.url}/api/events"
            assert (await http.post(url, json=short, headers=headers)).status_code == status
        job = f"{joblogs.url}/api/jobs/over-http"
        assert (await http.put(job, json={"status": "running"})).status_code == 200
        for status in (201, 200):
            answer = await http.post(f"{job}/lines", json=["one", "two"], headers=headers)
            assert answer.status_code == status, answer.text
        assert (await http.put(job, json={"exit_code": 0})).json()["status"] == "completed"


async def events_are_heard_and_resumed(replica: ServiceProcess, producer: str) -> None:
    async with Publisher(producer) as publisher:
        async with dashboard(replica) as client:
            first = await publisher.publish(EVENTS, golden("event"))
            assert (await next_of(client, "event"))["cursor"] == first.cursor
            assert (await next_of(client, "ping"))["cursor"] == first.cursor
        for _ in range(3):
            await publisher.publish(EVENTS, golden("event"))
        await publisher.publish_live(EVENTS, golden("event"))
    for query, replayed in ((f"since={first.cursor}", 3), ("tail=2", 2)):
        url = replica.url.replace("http", "ws") + f"/ws/events?{query}"
        async with dashboard(replica, uri=url) as client:
            if "since" in query:
                data = (await next_of(client, "resumed"))["data"]
                assert (data["recovered"], data["replayed"]) == (True, 3)
            for _ in range(replayed):
                await next_of(client, "event")


async def events_are_marked_as_seen(replica: ServiceProcess) -> None:
    async with http_client(base_url=replica.url) as http, dashboard(replica) as client:
        path = "/api/events/123/seen"
        assert (await http.post(path)).json()["seen"]["risk_level"] == "high"
        assert (await next_of(client, "event_seen"))["data"]["seen"] is True
        assert [one["id"] for one in (await http.get("/api/events/seen")).json()["seen"]] == ["123"]
        assert (await http.get("/api/events")).json()["events"][0]["seen"]
        assert (await http.delete(path)).json() == {"id": "123", "seen": None}
        assert (await next_of(client, "event_seen"))["data"]["seen"] is False


async def statuses_come_whoever_leads(redis: AsShipped, *replicas: ServiceProcess) -> None:
    async with screens(*replicas) as shown:
        await have(shown, 3, within=PATIENCE)
        queues = {"detection_queue": 1, "analysis_queue": 0, "dlq_total": 2}
        assert [screen.latest["queues"] for screen in shown] == [queues, queues]
        assert {screen.latest["services"]["redis"] for screen in shown} == {"healthy"}
        await until_all(lambda: all(screen.of("performance_update") for screen in shown))
        leader = await leader_of(list(replicas))
        with Redis.from_url(redis.url) as admin:
            admin.script_flush()  # as a Redis that was restarted
        await have_more(shown, 3, within=PATIENCE)
        # The screens answer pings meanwhile: a server lets go of who does not.
        leader.signal(signal.SIGTERM)
        assert await leader.wait() == 0
        others = [screen for screen in shown if screen.server is not leader]
        await have_more(others, 3, within=PATIENCE)
    leader.start()


async def a_job_is_watched_to_its_end(
    redis: AsShipped, replica: ServiceProcess, producer: str
) -> None:
    def viewer(job_id: str) -> Any:
        url = replica.url.replace("http", "ws") + f"/ws/jobs/{job_id}/logs"
        return dashboard(replica, uri=url)

    async with viewer("build-2") as another:
        async with viewer("build-1") as client:
            async with JobLogEmitter(producer, "build-1") as emitter:
                await emitter.info("begun")
                assert (await next_of(client, "log"))["data"]["message"] == "begun"
            assert (await next_of(client, "end"))["data"]["status"] == "completed"
            with pytest.raises(ConnectionClosed) as closed:
                await next_of(client, "nothing more, though a heartbeat may be on its way")
            assert closed.value.rcvd
            assert closed.value.rcvd.code == CloseCode.NORMAL
        async with Publisher(producer) as publisher:  # as a program in another language might
            await publisher.publish(channels.job_logs("build-2"), golden("log"))
        assert await next_of(another, "log")
        with Redis.from_url(producer) as pipeline:
            pipeline.set("job:build-2", '{"status": "failed"}')
        assert (await next_of(another, "end"))["data"]["status"] == "failed"
    with Redis.from_url(redis.url) as admin:
        admin.rpush("job:not-a-state", "something else's")
    with JobLogEmitter(producer, "not-a-state") as emitter:
        emitter.info("goes on all the same")
    listed = await get_json(replica, "/api/jobs")
    counted = {job["id"]: job["lines"] for job in listed}
    assert counted == {"over-http": 2, "build-1": 1, "not-a-state": 1}


async def figures_are_collected_and_kept(replica: ServiceProcess, producer: str) -> None:
    recorder = LatencyRecorder(producer)
    recorder.record("yolo26", 45.2)
    recorder.record("a stage of somebody's own", 1)
    recorder.close()

    async def has_all() -> bool:
        history = await get_json(replica, "/api/performance/history?range=5m")
        latest = await get_json(replica, "/api/performance")
        inference = latest["inference"] or {}  # Null until a stage has samples.
        return bool(history.get("points")) and inference.get("yolo26_latency_ms") is not None

    await until(has_all, within=PATIENCE)
    latest = await get_json(replica, "/api/performance")
    assert latest["databases"]["redis"]["status"] == "healthy"
    assert latest["inference"]["queues"] == {"detection": 1, "analysis": 0}


async def next_of(client: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next message of this type."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message: dict[str, Any] = json.loads(await client.recv())
            if message["type"] == kind:
                return message


async def until_all(condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await until(holds, within=PATIENCE)


NOBODY_MAY = [
    "FLUSHALL",
    "FLUSHDB",
    "KEYS *",
    "SCAN 0",
    "RANDOMKEY",
    "DBSIZE",
    "CONFIG GET *",
    "CONFIG SET maxmemory 1",
    "ACL LIST",
    "ACL SETUSER me on",
    "CLIENT LIST",
    "CLIENT KILL TYPE normal",
    "CLIENT PAUSE 1",
    "CLIENT TRACKING on",
    "PUBSUB CHANNELS",
    "PSUBSCRIBE *",
    "SUBSCRIBE somebody:elses",
    "MONITOR",
    "REPLICAOF NO ONE",
    "SAVE",
    "SHUTDOWN NOSAVE",
    "SCRIPT FLUSH",
    "FUNCTION FLUSH",
    "FUNCTION LIST",
    "FUNCTION DELETE hsi_realtime_v1",
    "EVAL return(1) 0",
    "GET somebody:elses",
    "SET somebody:elses 1",
    "DEL somebody:elses",
    "LPUSH detection_queue an_image",
    "LPOP detection_queue",
    "DEL detection_queue",
    "DEL security_events",
]
READERS_MAY_NOT = [
    "PUBLISH job:a:logs {}",
    "SPUBLISH security_events {}",
    "XADD {security_events}:history * m {}",
    "XADD {job:a:logs}:history * m {}",
    "XTRIM {security_events}:history MAXLEN 0",
    "DEL {security_events}:history",
    "FCALL hsi_publish_v2 2 {security_events}:history {security_events}:number security_events {}",
    "SET job:a {}",
    "DEL job:a",
    "ZADD jobs 1 a",
]
EVENTS_MAY = {"XADD {security_events}:history * m {}", "XTRIM {security_events}:history MAXLEN 0"}
"""What publishing over HTTP needs."""
JOBLOGS_MAY = {
    "PUBLISH job:a:logs {}",
    "XADD {job:a:logs}:history * m {}",
    "SET job:a {}",
    "ZADD jobs 1 a",
}
"""The same for job logs."""
MAY_NOT = {
    "events": [
        *(command for command in READERS_MAY_NOT if command not in EVENTS_MAY),
        "PUBLISH system_status {}",
        "PUBLISH performance_update {}",
        "FUNCTION LOAD x",
        "EVALSHA {sha} 1 somebody:elses",
        "EVALSHA {sha} 1 {job:a:logs}:history",
        "SET {security_events}:history x",
        "HSET {security_events}:history a b",
        "XADD {security_events}:number * a b",
        "SET {security_events}:once:a 1",
        "DEL {security_events}:sender:a",
        "ZADD job_logs:written 1 a",
        "SUBSCRIBE system_status",
        "SUBSCRIBE job:a:logs",
        "SUBSCRIBE security_events2",
        "SET {job:a:logs}:since 1",
        "DEL {security_events}:since",
        "DEL {security_events}:number",
        "SET {security_events}:seen 1",
        "HSET {security_events}:number 7 x",
        "HSET {job:a:logs}:seen 7 x",
        "HDEL job_logs bytes",
        "WATCH somebody:elses",
        "XRANGE {job:a:logs}:history - +",
        "XRANGE performance:history - +",
        "GET lease:system",
        "GET {lease:system}:term",
        "MGET job:a",
        "LLEN detection_queue",
        "INFO",
    ],
    "system": [
        *READERS_MAY_NOT,
        "PUBLISH security_events {}",
        "HSET {security_events}:seen 7 {}",
        "PUBLISH performance_update {}",
        "SET {system_status}:history x",
        "DEL {system_status}:history",
        "XADD {system_status}:number * a b",
        "SUBSCRIBE security_events",
        "SUBSCRIBE job:a:logs",
        "SET lease:collector me",
        "SET {lease:collector}:term 1",
        "EVALSHA {sha} 1 lease:collector me",
        "SET dlq:detection_queue 1",
        "LLEN somebody:elses",
        "XRANGE {security_events}:history - +",
        "XREVRANGE {security_events}:history + -",
        "XADD performance:history * data {}",
        "DEL performance:history",
        "XREVRANGE performance:trend:24h + -",
        "HSET alerts:seen a b",
        "GET job:a",
        "INFO",
    ],
    "joblogs": [
        *(command for command in READERS_MAY_NOT if command not in JOBLOGS_MAY),
        "PUBLISH security_events {}",
        "HSET {security_events}:seen 7 {}",
        "FUNCTION LOAD x",
        "EVALSHA {sha} 1 somebody:elses",
        "EVALSHA {sha} 1 {security_events}:history",
        "SET {job:a:logs}:history x",
        "XADD {job:a:logs}:number * a b",
        "XADD jobs * a b",
        "SET jobs x",
        "SET job_logs x",
        "DEL {job:a:logs}:history",
        "SUBSCRIBE security_events",
        "SUBSCRIBE system_status",
        "SUBSCRIBE job:a",
        "MGET {security_events}:number",
        "XRANGE {security_events}:history - +",
        "MGET lease:system",
        "INFO",
    ],
    "collector": [
        *READERS_MAY_NOT,
        "PUBLISH security_events {}",
        "HSET {security_events}:seen 7 {}",
        "PUBLISH system_status {}",
        "SUBSCRIBE performance_update",
        "FUNCTION LOAD x",
        "SET lease:system me",
        "SET {lease:system}:term 1",
        "XADD latency:yolo26 * ms 1",
        "XRANGE latency:somebodys - +",
        "XRANGE {security_events}:history - +",
        "LLEN dlq:detection_queue",
        "GET job:a",
    ],
    "mqtt": [
        "PUBLISH system_status {}",
        "PUBLISH job:a:logs {}",
        "SPUBLISH security_events {}",
        "SUBSCRIBE job:a:logs",
        "SCRIPT FLUSH",
        "SET {security_events}:history x",
        "DEL {security_events}:history",
        "DEL {security_events}:number",
        "HSET {security_events}:seen 7 {}",
        "XADD {system_status}:history * m {}",
        "XADD {job:a:logs}:history * m {}",
        "XADD {security_events}:number * a b",
        "SET {lease:system}:cameras {}",
        "SET performance:alerts {}",
        "XADD alerts:history * data {}",
        "SET consumer:notify:phone 1-0",
        "SET lease:notify me",
        "EVALSHA {sha} 1 lease:notify me",
        "HGETALL notify:subscriptions",
        "XRANGE notify:dead - +",
        "XRANGE performance:history - +",
        "ZADD jobs 1 a",
        "GET job:a",
        "INFO",
    ],
    "notify": [
        *READERS_MAY_NOT,
        "PUBLISH security_events {}",
        "PUBLISH system_status {}",
        "SUBSCRIBE job:a:logs",
        "FUNCTION LOAD x",
        "SCRIPT FLUSH",
        "SET {security_events}:number 1",
        "HSET {security_events}:seen 7 {}",
        "XADD {system_status}:history * m {}",
        "SET {lease:system}:cameras {}",
        "SET performance:alerts {}",
        "SET consumer:mqtt 1-0",
        "SET lease:mqtt me",
        "EVALSHA {sha} 1 lease:mqtt me",
        "SET notify:subscriptions x",
        "DEL notify:subscriptions",
        "DEL notify:dead",
        "XRANGE performance:history - +",
        "GET job:a",
        "INFO",
    ],
    "producer": [
        "PUBLISH somebody:elses {}",
        "SUBSCRIBE security_events",
        "SUBSCRIBE job:a:logs",
        "SCRIPT LOAD x",
        "EVALSHA 0 0",
        "SET {security_events}:history x",
        "SET {job:a:logs}:history x",
        "HSET {security_events}:history a b",
        "XADD {security_events}:number * a b",
        "XADD jobs * a b",
        "ZADD job:a 1 b",
        "HSET {security_events}:seen 7 {}",
        "HGETALL {security_events}:seen",
        "SET jobs x",
        "SET latency:yolo26 x",
        "DEL job:a",
        "DEL jobs",
        "SET lease:system me",
        "SET {lease:system}:term 1",
        "SET performance:alerts {}",
        "SET {lease:system}:health {}",
        "XRANGE performance:history - +",
        "XREVRANGE latency:yolo26 + -",
        "XADD performance:history * data {}",
        "DEL {security_events}:history",
        "DEL job:a",
        "INFO",
    ],
}
"""What users may not; nor what nobody may."""


async def test_the_mqtt_service_publishes_events_and_follows_what_it_tells_of(
    redis: AsShipped,
) -> None:
    with Redis.from_url(redis.url) as admin:
        admin.flushall()
        admin.function_flush()
        admin.acl_log_reset()
    url = USERS.url("mqtt", redis.address)
    async with Publisher(url) as publisher, Consumer(url, "mqtt:events", EVENTS) as consumer:
        messages = consumer.messages()
        await consumer.acknowledge(await begun(messages, publisher))
        for key in ("a", "a", "b"):
            await publisher.publish(EVENTS, golden("event"), key=key)
        for _ in range(2):
            await consumer.acknowledge(await anext(messages))
        await messages.aclose()
    assert denied(redis.url) == []


async def test_the_notify_service_follows_a_channel_and_keeps_what_it_could_not_deliver(
    redis: AsShipped,
) -> None:
    with Redis.from_url(redis.url) as admin:
        admin.flushall()
        admin.acl_log_reset()
    url, producer = (USERS.url(name, redis.address) for name in ("notify", "producer"))
    name = "notify:phone:security_events"
    async with Publisher(producer) as publisher, Consumer(url, name, EVENTS) as consumer:
        messages = consumer.messages()
        await consumer.acknowledge(await begun(messages, publisher))
        await messages.aclose()
    with redis.as_user("notify") as user:
        user.xadd("notify:dead", {"target": "phone"}, maxlen=10)
        user.set("notify:state:phone", "{}", ex=60)
        user.hset("notify:subscriptions", "one", "{}")
        assert user.hlen("notify:subscriptions") == user.xlen("notify:dead") == 1
    assert denied(redis.url) == []


async def begun(messages: AsyncGenerator[Entry | Gap], publisher: Publisher) -> Entry | Gap:
    """Publish until a consumer whose name is new has begun to follow; return what it heard."""
    hearing = asyncio.ensure_future(anext(messages))
    async with asyncio.timeout(PATIENCE):
        while not hearing.done():
            await publisher.publish(EVENTS, golden("event"))
            await asyncio.wait({hearing}, timeout=0.1)
    return hearing.result()


@pytest.mark.parametrize("name", MAY_NOT)
def test_each_is_refused_what_it_has_no_business_with(redis: AsShipped, name: str) -> None:
    with Redis.from_url(redis.url) as admin, redis.as_user(name) as user:
        sha = str(admin.script_load("return redis.call('GET', KEYS[1])"))
        assert user.ping()  # it is let in
        commands = [command.replace("{sha}", sha) for command in NOBODY_MAY + MAY_NOT[name]]
        assert [command for command in commands if may(user, command)] == []


def may(user: Redis, command: str) -> bool:
    try:
        user.execute_command(*command.split())  # type: ignore[no-untyped-call]
    except NoPermissionError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("system", "redis.call('PUBLISH', 'security_events', '{}')"),
        ("system", "redis.call('PUBLISH', 'performance_update', '{}')"),
        ("system", "redis.call('SET', 'lease:collector', 'me')"),
        ("system", "redis.call('FLUSHALL')"),
        ("collector", "redis.call('PUBLISH', 'system_status', '{}')"),
        ("mqtt", "redis.call('SET', 'lease:notify', 'me')"),
        ("mqtt", "redis.call('DEL', '{security_events}:history')"),
        ("notify", "redis.call('XADD', '{security_events}:history', '*', 'm', '{}')"),
        ("collector", "redis.call('XADD', '{security_events}:history', '*', 'm', '{}')"),
        ("events", "redis.call('DEL', '{security_events}:history')"),
        ("events", "redis.call('XADD', '{job:a:logs}:history', '*', 'm', '{}')"),
        ("joblogs", "redis.call('PUBLISH', 'security_events', '{}')"),
        ("joblogs", "redis.call('XADD', '{security_events}:history', '*', 'm', '{}')"),
        ("producer", "redis.call('PUBLISH', 'somebody:elses', '{}')"),
        ("producer", "redis.call('DEL', '{security_events}:history')"),
    ],
)
def test_a_script_or_function_may_do_no_more_than_who_calls_it(
    redis: AsShipped, name: str, script: str
) -> None:
    with redis.as_user(name) as user:
        if name == "producer":
            library = f"#!lua name=own\nredis.register_function('own', function() {script} end)"
            user.function_load(library, replace=True)
            call: Callable[[], Any] = lambda: user.fcall("own", 0)  # noqa: E731
        else:
            sha = user.script_load(script)
            call = lambda: user.evalsha(str(sha), 0)  # noqa: E731
        with pytest.raises(ResponseError, match=r"ACL failure|The user executing"):
            call()


def test_who_does_not_log_in_may_do_nothing(redis: AsShipped) -> None:
    with Redis.from_url(redis.address) as nobody, pytest.raises(AuthenticationError):
        nobody.ping()


def test_what_is_shipped_has_no_passwords_and_lets_nobody_in() -> None:
    lines = RULES.read_text().splitlines()
    assert lines[0] == "user default off"
    assert [line.split()[1] for line in lines[1:]] == USERS.names
    for line in lines:
        assert not any(word == "nopass" or word[0] in "><#!" for word in line.split())


@pytest.mark.parametrize("server", SERVERS)
def test_other_names_of_channel_and_queues_stand_in_the_rules(server: str, tmp_path: Path) -> None:
    users = RedisUsers(
        {
            "REDIS_EVENT_CHANNEL": "home[1]:*",
            "DETECTION_QUEUE": "hsi:detect",
            "DEAD_LETTER_QUEUES": "dead:1,dead:2,dead:3",
        }
    )
    redis = AsShipped(tmp_path, program_of(server), users)
    redis.start()
    with Redis.from_url(redis.url, decode_responses=True) as admin:

        def could(name: str, *command: str) -> bool:
            return bool(admin.execute_command("ACL DRYRUN", name, *command) == "OK")

        history = channels.history("home[1]:*")
        assert could("events", "SUBSCRIBE", "home[1]:*")
        assert could("events", "XRANGE", history, "-", "+")
        assert could("events", "HSET", channels.seen("home[1]:*"), "7", "{}")
        assert could("events", "PUBLISH", "home[1]:*", "{}")
        assert could("producer", "PUBLISH", "home[1]:*", "{}")
        assert could("system", "LLEN", "hsi:detect")
        assert could("collector", "LLEN", "hsi:detect")
        assert could("system", "LLEN", "analysis_queue")
        assert could("system", "LLEN", "dead:3")
        for other in (EVENTS, "home1:", "home[1]:x"):  # it is a name, and not a pattern
            assert not could("events", "SUBSCRIBE", other)
            assert not could("events", "XRANGE", channels.history(other), "-", "+")
            assert not could("events", "HSET", channels.seen(other), "7", "{}")
            assert not could("events", "PUBLISH", other, "{}")
        for queue in ("detection_queue", "dlq:detection_queue", "dlq:analysis_queue"):
            assert not could("system", "LLEN", queue)
    redis.stop()
