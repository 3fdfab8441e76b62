"""/ws/jobs/{job_id}/logs and /api/jobs: real jobs, a real Redis, real replicas."""

import asyncio
import contextlib
import functools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidStatus

from hsi.joblogs import JobLogEmitter
from hsi.joblogs.lines import end_line, log_line
from hsi.keys import digest
from hsi.publisher import Publisher
from hsi.schemas import JobEnd, JobEndData, channels
from hsi.schemas.cursor import MAX_DIGITS
from local.processes import Process, free_port
from local.service import ServiceProcess
from tests.clients import get_json, has_connections, hear, http_client, meanwhile, publish, until
from tests.replicas import Replica
from tests.servers import RedisServer, as_user, busy


class StartJobLogs(Protocol):
    """Starts a replica; it ends with the test."""

    def __call__(self, redis_url: str, **settings: str) -> ServiceProcess: ...


@pytest.fixture
def start(tmp_path: Path, cleanup: Callable[[Process], None]) -> StartJobLogs:
    def start(redis_url: str, **settings: str) -> ServiceProcess:
        port = free_port()
        replica = Replica(
            "joblogs",
            name=f"joblogs-{port}",
            port=port,
            log=tmp_path / f"joblogs-{port}.log",
            REDIS_URL=as_user("joblogs", redis_url),
            **{"DRAIN_DELAY": "0", "DRAIN_WINDOW": "0.2", "HANDSHAKE_RATE_LIMIT": "0"} | settings,
        )
        cleanup(replica)
        replica.start()
        return replica

    return start


def viewer(server: Process, job_id: str, query: str = "", **options: Any) -> connect:
    url = server.url.replace("http", "ws", 1) + f"/ws/jobs/{job_id}/logs"
    if query:
        url += f"?{query}"
    return connect(**{"uri": url, "compression": None, "ping_interval": None} | options)


async def all_of(client: ClientConnection, *, within: float = 30) -> list[Any]:
    """Return all that a viewer hears until it is closed, heartbeats aside."""
    heard: list[Any] = []
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(within):
            while True:
                message = json.loads(await client.recv())
                if message["type"] != "ping":
                    heard.append(message)
    return heard


def lines(heard: list[Any]) -> list[str]:
    return [message["data"]["message"] for message in heard if message["type"] == "log"]


def is_end(message: Any, job_id: str, status: str) -> bool:
    return bool(
        message["type"] == "end"
        and message["data"]["job_id"] == job_id
        and message["data"]["status"] == status
    )


async def run_job(redis_url: str, job_id: str, *messages: str) -> None:
    async with JobLogEmitter(redis_url, job_id) as emitter:
        for message in messages:
            await emitter.info(message)


async def test_a_viewer_gets_every_line_and_then_the_end(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    async with viewer(replica, job_id) as client:
        assert json.loads(await hear(client))["type"] == "ping"
        await run_job(redis_url, job_id, "one", "two", "\x1b[31mred\x1b[0m")
        heard = await all_of(client)
    assert lines(heard) == ["one", "two", "\x1b[31mred\x1b[0m"]
    assert is_end(heard[-1], job_id, "completed")
    assert (client.close_code, client.close_reason) == (1000, "the job has ended")


async def test_a_counter_or_an_entry_by_hand_takes_no_line_and_no_end_from_a_viewer(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    channel = channels.job_logs(job_id)
    largest = 10**MAX_DIGITS - 1
    async with (
        Redis.from_url(redis_url) as redis,
        JobLogEmitter(redis_url, job_id) as emitter,
        viewer(replica, job_id) as client,
    ):
        hearing = asyncio.create_task(all_of(client))
        await until(lambda: has_connections(replica, 1))
        for number in (largest, largest - 1, 5):
            seconds, _ = await redis.time()
            id_ = f"{seconds * 1000 + 20_000 + largest - number}-{number}"
            with contextlib.suppress(ResponseError):  # It is less than the last one.
                await redis.xadd(channels.history(channel), {"m": "by hand"}, id=id_)
            await redis.set(channels.number(channel), number)
            await emitter.info(f"after {number}")
            assert emitter.flush()
        await asyncio.to_thread(emitter.close, "completed")
        heard = await hearing
    assert lines(heard) == [f"after {number}" for number in (largest, largest - 1, 5)]
    assert is_end(heard[-1], job_id, "completed")
    assert client.close_code == 1000
    jobs = {job["id"]: job for job in await get_json(replica, "/api/jobs")}
    assert jobs[job_id]["lines"] < 20


async def test_who_comes_halfway_gets_the_lines_from_before_and_who_comes_late_all_of_them(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    async with JobLogEmitter(redis_url, job_id) as emitter:
        await emitter.info("before")
        emitter.flush()
        async with viewer(replica, job_id) as client:
            hearing = asyncio.create_task(all_of(client))
            await until(lambda: has_connections(replica, 1))
            await emitter.info("after")
            await asyncio.to_thread(emitter.close, "failed")
            heard = await hearing
    assert lines(heard) == ["before", "after"]
    assert is_end(heard[-1], job_id, "failed")
    async with viewer(replica, job_id) as late:
        assert await all_of(late) == heard
    assert late.close_code == 1000


async def test_a_tail_is_the_last_lines_and_more_than_may_wait_for_a_client_is_no_trouble(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    messages = [f"{number} " + "x" * 15_000 for number in range(900)]
    end = JobEnd(data=JobEndData(job_id=job_id, status="completed"))
    # More than an emitter's log may have.
    async with Publisher(redis_url, history_bytes=16 * 1024 * 1024) as publisher:
        written = [log_line("INFO", message, {}, created=time.time()) for message in messages]
        await publisher.publish_many(channels.job_logs(job_id), [*written, end_line(end)])
    async with viewer(replica, job_id) as client:
        assert lines(await all_of(client)) == messages
    async with viewer(replica, job_id, "tail=3") as client:
        heard = await all_of(client)
        assert lines(heard) == messages[-2:]  # and the end, which is a message as well
        assert is_end(heard[-1], job_id, "completed")
    async with viewer(replica, job_id, "tail=0") as client:
        assert await all_of(client) == []
        assert client.close_code == 1000


async def test_a_level_lets_through_itself_and_above_and_its_cursor_goes_on(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url, HEARTBEAT_INTERVAL="0.2")
    async with JobLogEmitter(redis_url, job_id) as emitter:
        await emitter.error("early")
        for number in range(1500):
            await emitter.debug(str(number))
        await emitter.warning("odd")
        emitter.flush()
        async with viewer(replica, job_id, "level=warning") as client:
            assert json.loads(await hear(client))["data"]["message"] == "early"
            odd = json.loads(await hear(client))
            await emitter.info("quiet")
            emitter.flush()
            # A heartbeat tells how far the log has come, though nothing came through.
            async with asyncio.timeout(10):
                while (cursor := json.loads(await client.recv())["cursor"]) == odd["cursor"]:
                    pass
        async with viewer(replica, job_id, f"level=WARNING&since={cursor}") as again:
            resumed = json.loads(await hear(again))
            assert resumed["data"] == {"recovered": True, "replayed": 0, "since": cursor}
            await emitter.critical("loud")
            await asyncio.to_thread(emitter.close, "completed")
            heard = await all_of(again)
    assert lines(heard) == ["loud"]
    assert is_end(heard[-1], job_id, "completed")


async def test_lines_of_odd_levels_and_odd_messages_are_not_lost_to_a_filter(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    odd = [
        b'{"type":"log","data":{"level":"NOTICE","message":"a"}}',
        b'{"type":"log","data":{"message":"b"}}',
        b'{"type":"progress","data":{"percent":50}}',
        b'{ "type" : "log", "data" : {"level":"error","message":"c"} }',
    ]
    async with viewer(replica, job_id, "level=ERROR") as client:
        assert json.loads(await hear(client))["type"] == "ping"
        quiet = b'{"type":"log","data":{"level":"info","message":"no"}}'
        await publish(redis_url, channels.job_logs(job_id), quiet, *odd)
        assert [(await hear(client)).encode() for _ in odd] == odd


@pytest.mark.parametrize("status", ["failed", "cancelled", "completed"])
async def test_a_job_that_died_without_an_end_ends_by_its_state(
    redis_url: str, job_id: str, start: StartJobLogs, status: str
) -> None:
    replica = start(redis_url)
    emitter = JobLogEmitter(redis_url, job_id)
    emitter.begin()
    emitter.info("last words")
    emitter.flush()
    async with viewer(replica, job_id) as client, Redis.from_url(redis_url) as redis:
        assert json.loads(await hear(client))["data"]["message"] == "last words"
        await redis.set(channels.job(job_id), json.dumps({"status": status}))
        heard = await all_of(client)
        assert heard == [{"type": "end", "data": {"job_id": job_id, "status": status}}]
        assert client.close_code == 1000
        async with viewer(replica, job_id) as late:  # and whoever comes later, too
            heard = await all_of(late)
        assert lines(heard) == ["last words"]
        assert is_end(heard[-1], job_id, status)


async def test_an_id_that_runs_again_goes_on_in_the_same_log(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    await run_job(redis_url, job_id, "first")
    async with JobLogEmitter(redis_url, job_id) as emitter:
        await emitter.info("second")
        emitter.flush()
        async with viewer(replica, job_id) as client:
            texts = [json.loads(await hear(client)) for _ in range(3)]
            assert [message["type"] for message in texts] == ["log", "end", "log"]
            await emitter.info("third")
            await asyncio.to_thread(emitter.close, "completed")
            heard = await all_of(client)
            assert lines(heard) == ["third"]
            assert is_end(heard[-1], job_id, "completed")


async def test_a_job_that_nobody_knows_is_waited_for_until_the_idle_timeout(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url, IDLE_TIMEOUT="2")
    async with viewer(replica, job_id) as silent, viewer(replica, job_id) as talker:

        async def talk() -> None:
            while True:
                await talker.send("ping")
                await asyncio.sleep(0.3)

        async with meanwhile(talk()):
            assert await all_of(silent) == []
            assert (silent.close_code, silent.close_reason) == (1000, "Idle timeout")
            assert await has_connections(replica, 1)  # Who says something is not idle.


async def test_a_job_that_says_something_keeps_its_viewers(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url, IDLE_TIMEOUT="2")
    async with viewer(replica, job_id) as client, JobLogEmitter(redis_url, job_id) as emitter:
        for number in range(8):
            await emitter.info(str(number))
            await asyncio.sleep(0.5)
        await asyncio.to_thread(emitter.close, "completed")
        heard = await all_of(client)
    assert lines(heard) == [str(number) for number in range(8)]
    assert is_end(heard[-1], job_id, "completed")


@pytest.mark.parametrize(
    ("job", "query", "why"),
    [
        ("a%3Ab", "", "is not a job id"),
        ("%7Bx%7D", "", "is not a job id"),
        ("x" * 129, "", "is not a job id"),
        ("good", "level=loud", "level: expected one of DEBUG"),
        ("good", "tail=many", "tail: expected a number"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(
    redis_url: str, start: StartJobLogs, job: str, query: str, why: str
) -> None:
    replica = start(redis_url)
    with pytest.raises(InvalidStatus) as refused:
        await viewer(replica, job, query)
    assert refused.value.response.status_code == 400
    assert why in (refused.value.response.body or b"").decode()
    assert (await get_json(replica, "/status"))["channels"] == []


async def test_all_ways_in_and_the_list_of_jobs_asks_for_a_key_too(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    key, token = "a-key", "a-token" * 5
    replica = start(
        redis_url, API_KEYS=digest(key.encode()).hex(), WEBSOCKET_TOKEN=token, IDLE_TIMEOUT="60"
    )
    for query, options in (
        (f"api_key={key}", {}),
        (f"token={token}", {}),
        ("", {"subprotocols": [f"api-key.{key}"]}),
    ):
        async with viewer(replica, job_id, query, **options) as client:
            assert json.loads(await hear(client))["type"] == "ping"
    async with viewer(replica, job_id) as stranger:
        assert await all_of(stranger) == []
        assert stranger.close_code == 4401
    async with http_client(base_url=replica.url) as http:
        assert (await http.get("/api/jobs")).status_code == 401
        assert (await http.get("/api/jobs", headers={"X-API-Key": key})).status_code == 200


async def test_the_list_of_jobs_says_how_each_is(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    await run_job(redis_url, job_id, "one", "two")
    async with JobLogEmitter(redis_url, f"{job_id}-2") as emitter:
        await emitter.info("one")
        emitter.flush()
        jobs = {job["id"]: job for job in await get_json(replica, "/api/jobs?limit=1000")}
        ended, running = jobs[job_id], jobs[f"{job_id}-2"]
        assert (ended["status"], ended["lines"]) == ("completed", 2)
        assert ended["started_at"] <= ended["ended_at"]
        assert (running["status"], running["ended_at"]) == ("running", None)
        for job in (ended, running):
            assert await get_json(replica, f"/api/jobs/{job['id']}") == job
        found = await get_json(
            replica, f"/api/jobs?q={job_id.upper()}&status=running&status=failed"
        )
        assert [job["id"] for job in found] == [running["id"]]
        page = await get_json(replica, f"/api/jobs?before={running['id']}&limit=1")
        assert [job["id"] for job in page] == [job_id]
        async with http_client(base_url=replica.url) as http:
            for query, why in (("before=gone", "no job gone is listed"), ("status=odd", "status")):
                refused = await http.get(f"/api/jobs?{query}")
                assert refused.status_code == 400
                assert why in refused.text


async def test_a_job_that_never_was_is_not_found_until_it_begins_and_its_viewer_has_waited(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    replica = start(redis_url)
    async with (
        http_client(base_url=replica.url) as http,
        viewer(replica, job_id) as client,
    ):
        assert json.loads(await hear(client))["type"] == "ping"
        answer = await http.get(f"/api/jobs/{job_id}")
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith(f"no job {job_id} is known here")
        await run_job(redis_url, job_id, "one")
        assert lines(await all_of(client)) == ["one"]

        async def is_found() -> bool:  # Up to a second there is an answer from before.
            return (await http.get(f"/api/jobs/{job_id}")).status_code == 200

        await until(is_found)
        answer = await http.get("/api/jobs/a:logs")
        assert (answer.status_code, "is not a job id" in answer.text) == (400, True)


async def test_the_list_of_jobs_says_so_when_redis_does_not_answer(
    own_redis: RedisServer, start: StartJobLogs
) -> None:
    replica = start(own_redis.url)
    own_redis.kill()
    async with http_client(base_url=replica.url) as http:
        answers = [await http.get("/api/jobs"), await http.get("/api/jobs/nightly")]
    for answer in answers:
        assert answer.status_code == 503
        assert "Redis cannot be reached" in answer.text


async def test_the_list_of_jobs_comes_at_once_after_a_quiet_while_in_which_redis_hung_up(
    own_redis: RedisServer, start: StartJobLogs
) -> None:
    replica = start(own_redis.url)
    async with Redis.from_url(own_redis.url) as redis:
        assert await get_json(replica, "/api/jobs") == []
        await redis.config_set("timeout", 1)

        async def are_closed() -> bool:
            names = {client["name"] for client in await redis.client_list()}
            return "hsi-joblogs-jobs" not in names

        await until(are_closed)
        assert await get_json(replica, "/api/jobs") == []


async def test_the_list_of_jobs_says_that_a_script_keeps_redis_busy_and_comes_when_it_ends(
    own_redis: RedisServer, start: StartJobLogs
) -> None:
    replica = start(own_redis.url)
    async with http_client(base_url=replica.url) as http:
        assert (await http.get("/api/jobs")).status_code == 200
        with busy(own_redis.url):

            async def is_refused() -> bool:  # Up to a second there is an answer from before.
                answer = await http.get("/api/jobs")
                return answer.status_code == 503 and "Redis is busy with a script" in answer.text

            await until(is_refused)
        assert (await http.get("/api/jobs")).status_code == 200


async def test_many_viewers_of_many_jobs_take_one_connection_to_hear_redis(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    """A hundredth of what a pod carries; what they share does not grow with them."""
    replica = start(redis_url, MAX_CONNECTIONS_PER_IP="0")
    async with contextlib.AsyncExitStack() as stack, Redis.from_url(redis_url) as redis:
        for number in range(100):
            job = f"{job_id}-{number % 10}"
            await stack.enter_async_context(viewer(replica, job, "tail=0"))
        names = [channels.job_logs(f"{job_id}-{number}") for number in range(10)]

        async def all_heard() -> bool:
            return all(count == 1 for _, count in await redis.pubsub_numsub(*names))

        await until(all_heard)
        names_of = Counter(client["name"] for client in await redis.client_list())
        assert names_of["hsi-joblogs-subscriber"] == 1
        assert len((await get_json(replica, "/status"))["channels"]) == 10
    await until(lambda: has_connections(replica, 0))


async def story_of(
    servers: list[ServiceProcess],
    job_id: str,
    begun: asyncio.Event,
    *,
    tail: int,
    slow: bool = False,
    patience: float | None = None,
) -> list[Any]:
    """Follow a job to its end, by as many connections as that takes; return all that was heard.

    Args:
        servers: Replicas, taken in turn.
        job_id: The job.
        begun: Set once something was heard.
        tail: Lines to begin with.
        slow: Read slower than the job writes.
        patience: Seconds after which the connection breaks; None: it does not.

    """
    heard: list[Any] = []
    query = f"tail={tail}"
    for attempt in range(1000):
        server = servers[attempt % len(servers)]
        async with viewer(server, job_id, query, max_queue=16 if slow else None) as client:
            try:
                async with asyncio.timeout(patience):
                    while True:
                        heard.append(json.loads(await client.recv()))
                        begun.set()
                        if slow and len(heard) % 500 == 0:
                            await asyncio.sleep(0.05)
            except ConnectionClosedOK:  # Raised once all is read: the close code is known earlier.
                break
            except (ConnectionClosed, TimeoutError):
                client.transport.abort()
        cursors = (message["cursor"] for message in reversed(heard) if "cursor" in message)
        query = f"since={next(cursors)}"
    return heard


class Recorder(asyncio.Protocol):
    """A viewer that only keeps what it gets, so that twenty of them can keep up."""

    def __init__(self, server: ServiceProcess, job_id: str) -> None:
        self._request = (
            f"GET /ws/jobs/{job_id}/logs?tail=0 HTTP/1.1\r\nHost: {server.url[7:]}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        self._parts: list[bytes] = []
        self._more = asyncio.Event()
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self.begun.set()
        self._more.set()

    def connection_lost(self, _: Exception | None) -> None:
        self.ended.set()
        self._more.set()

    async def has(self, message: str) -> None:
        """Wait until the line with this message is among the newest that came."""
        text = f'"message":"{message}"'.encode()
        while text not in b"".join(self._parts[-4:]) and not self.ended.is_set():
            self._more.clear()
            await self._more.wait()

    def frames(self) -> bytes:
        """Return all that came after the handshake."""
        head, _, frames = b"".join(self._parts).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        return frames


async def emit_with(recorder: Recorder, emitter: JobLogEmitter, numbers: range) -> None:
    """Emit lines as fast as one viewer takes them, so that one at least keeps up anywhere."""
    for at in range(numbers.start, numbers.stop, 5_000):
        for number in range(at, at + 5_000):
            emitter.info(str(number))
        await asyncio.to_thread(emitter.flush, 60)
        await recorder.has(str(at + 4_999))


def texts_in(frames: bytes) -> list[Any]:
    """Return the messages in a server's frames, up to the close frame."""
    texts, at = [], 0
    while frames[at] == 0x81:
        size, at = frames[at + 1], at + 2
        if size == 126:
            size, at = int.from_bytes(frames[at : at + 2]), at + 2
        texts.append(json.loads(frames[at : at + size]))
        at += size
    return texts


@pytest.mark.faults
@pytest.mark.timeout(240)
async def test_a_hundred_thousand_lines_reach_every_viewer_once_or_are_said_to_be_missing(
    redis_url: str, job_id: str, start: StartJobLogs
) -> None:
    """Twenty viewers: one slow, one halfway, one cut off each second that goes elsewhere."""
    replicas = [start(redis_url, HEARTBEAT_INTERVAL="3600") for _ in range(2)]
    count = 100_000
    recorders: list[Recorder] = []
    for number in range(17):
        replica = replicas[number % 2]
        host, port = replica.url.removeprefix("http://").split(":")
        _, recorder = await asyncio.get_running_loop().create_connection(
            functools.partial(Recorder, replica, job_id), host, int(port)
        )
        recorders.append(recorder)
    begun = [asyncio.Event() for _ in range(3)]
    followers = [
        asyncio.create_task(story_of(replicas, job_id, begun[0], tail=0, slow=True)),
        asyncio.create_task(story_of(replicas, job_id, begun[1], tail=0, patience=1)),
    ]
    for event in (*begun[:2], *(recorder.begun for recorder in recorders)):
        await event.wait()
    async with JobLogEmitter(redis_url, job_id) as emitter:
        await emit_with(recorders[0], emitter, range(count // 2))
        followers.append(asyncio.create_task(story_of(replicas, job_id, begun[2], tail=1000)))
        await emit_with(recorders[0], emitter, range(count // 2, count))
        await asyncio.to_thread(emitter.flush, 60)
    for recorder in recorders:
        await recorder.ended.wait()
    kept_up = 0
    for frames in {recorder.frames() for recorder in recorders}:
        story = texts_in(frames)
        last = check_lines(story)  # Up to its end, or until it was too slow.
        if is_end(story[-1], job_id, "completed"):
            assert last == count - 1
            kept_up += 1
    assert kept_up, "not even the viewer that the job waited for kept up"
    for story in await asyncio.gather(*followers):
        assert check_lines(story) == count - 1
        assert is_end(story[-1], job_id, "completed")


def check_lines(story: list[Any]) -> int:
    """Check that each line came once, in order, or was said to be missing; return the last."""
    last: int | None = None
    excused = True  # Where to begin was the viewer's choice.
    for message in story:
        data = message.get("data", {})
        if message["type"] == "resumed":
            excused = excused or not data["recovered"]
        elif message["type"] == "log" and "dropped" in data.get("context", {}):
            excused = True
        elif message["type"] == "log":
            number = int(data["message"])
            if last is not None and number != last + 1:
                assert number > last, f"{number} follows {last}"
                assert excused, f"{number} follows {last}, and nothing says why"
            excused = False
            last = number
    assert last is not None
    return last


async def test_redis_killed_while_a_job_logs_and_its_viewers_catch_up(
    own_redis: RedisServer, job_id: str, start: StartJobLogs
) -> None:
    replica = start(own_redis.url)
    async with viewer(replica, job_id, max_queue=None) as client:
        assert json.loads(await hear(client))["type"] == "ping"
        hearing = asyncio.create_task(all_of(client, within=60))
        async with JobLogEmitter(own_redis.url, job_id, patience=30) as emitter:
            for number in range(3000):
                await emitter.info(str(number))
                if number == 1000:
                    emitter.flush(10)
                    own_redis.kill()
                if number == 2000:
                    await asyncio.to_thread(own_redis.start)
                await asyncio.sleep(0)
        heard = await hearing
    assert lines(heard) == [str(number) for number in range(3000)]
    assert is_end(heard[-1], job_id, "completed")


HSI = Path(sys.executable).parent / "hsi"


class Terminal(Process):
    """`hsi` in a pipe, as a script would run it."""

    def __init__(self, log: Path, *arguments: str, **environment: str) -> None:
        super().__init__(
            "hsi", [HSI, *arguments], url="", log=log, environment=os.environ | environment
        )

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()


async def test_a_command_run_as_a_job_and_whoever_follows_it_show_the_same_and_end_the_same(
    redis_url: str,
    job_id: str,
    start: StartJobLogs,
    cleanup: Callable[[Process], None],
    tmp_path: Path,
) -> None:
    replica = start(redis_url)
    server = replica.url.replace("http", "ws", 1)
    gate = tmp_path / "gate"
    script = (
        f"printf 'one\\n\\033[31mred\\033[0m\\n'; until [ -e {gate} ]; do sleep 0.05; done; "
        "echo three; exit 7"
    )
    run = Terminal(
        tmp_path / "run", "run-job", "--id", job_id, "--", "sh", "-c", script, REDIS_URL=redis_url
    )
    early, late = (
        Terminal(tmp_path / name, "tail", "job", job_id, *options, HSI_SERVER=server)
        for name, *options in (("early", "--wait"), ("late",))
    )
    for terminal in (run, early, late):
        cleanup(terminal)
    early.start()
    await until(lambda: has_connections(replica, 1))
    run.start()

    async def has_red() -> bool:
        return "\x1b[31mred\x1b[0m" in early.lines()

    await until(has_red)
    late.start()
    await until(lambda: has_connections(replica, 2))
    gate.touch()
    assert [await terminal.wait() for terminal in (run, early, late)] == [7, 7, 7]
    for terminal in (run, early, late):
        shown = [line for line in terminal.lines() if not line.startswith("-- ")]
        assert shown == ["one", "\x1b[31mred\x1b[0m", "three"]
    assert f"-- job {job_id} failed" in late.lines()
    assert early.lines()[0].startswith(f"-- waiting for it: no job {job_id} is known here")


def test_following_what_is_no_job_says_so() -> None:
    result = subprocess.run(
        [HSI, "tail", "job", "../events"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "is not a job id" in result.stderr
