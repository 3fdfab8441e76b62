"""No background task dies unseen: what it raises is logged and counted, and it goes on."""

import ast
import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage

from hsi.publisher import Publisher
from hsi.schemas import channels
from hsi.schemas.cursor import BEGINNING
from hsi_service import supervision
from hsi_service.bus import probe
from hsi_service.bus.history import History
from hsi_service.bus.lease import Lease
from hsi_service.bus.probe import Probe
from hsi_service.bus.subscriber import BusState, Subscriber
from hsi_service.door.door import Door
from hsi_service.fanout import hub
from hsi_service.fanout.direct_peer import DirectPeer
from hsi_service.fanout.topic import OrderedTopic, SnapshotTopic
from hsi_service.home.home import Home
from hsi_service.metrics import Metrics
from hsi_service.settings import Settings
from hsi_service.skeleton import service as service_module
from hsi_service.skeleton import session
from hsi_service.skeleton.service import Service, create_app
from hsi_service.supervision import Pauses, Run, Supervisor
from services.collector.app import create_collector_app
from services.collector.performance import PerformanceCollector
from services.collector.settings import CollectorSettings
from services.events import recent
from services.events.app import create_events_app
from services.events.recent import RecentHistory
from services.events.settings import EventsSettings
from services.joblogs import streamer
from services.joblogs.app import create_joblogs_app
from services.joblogs.budget import JobLogBudget
from services.joblogs.jobs import Jobs
from services.joblogs.settings import JobLogSettings
from services.joblogs.topic import JobTopic
from services.mqtt.app import create_mqtt_app
from services.mqtt.broker import Broker
from services.mqtt.memory import Memory
from services.mqtt.outgoing import HomeAssistantOut
from services.mqtt.settings import MqttSettings
from services.notify.app import create_notify_app
from services.notify.notifier import Notifier
from services.notify.posting import Poster
from services.notify.redis_watch import RedisWatch
from services.notify.rules import Rules
from services.notify.settings import NotifySettings
from services.notify.webhook import Signer
from services.notify.webhook_replay import Replayer
from services.notify.webhook_target import Webhooks, WebhookTarget
from services.system.app import create_system_app
from services.system.broadcaster import SystemBroadcaster
from services.system.connect_policy import BreakerPolicy
from services.system.settings import SystemSettings
from tests.clients import golden, hear, http_client, publish, until
from tests.hsi_service.bus.test_subscriber import Ear, is_true
from tests.servers import ROOT, RedisServer, serving, under_uvicorn
from tests.services.notify import test_deliveries, test_notifier, test_redis_watch


def raise_error() -> None:
    raise ZeroDivisionError("by design")


def cancel_itself() -> None:
    raise asyncio.CancelledError


async def run_on() -> None:
    await asyncio.Event().wait()


class Faulty:
    """A task that ends in some way a number of times, and then runs as it should."""

    def __init__(self, fault: Callable[[], None], *, times: int = 1, run: Run = run_on) -> None:
        self.starts = 0
        self._fault = fault
        self._times = times
        self._run = run

    async def run(self) -> None:
        self.starts += 1
        if self.starts <= self._times:
            self._fault()
            return
        await self._run()

    async def has_recovered(self) -> bool:
        return self.starts > self._times


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(Metrics())
    yield supervisor
    await supervisor.stop()


# The supervisor by itself.


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (raise_error, "the task a task failed; it starts again in 0."),
        (cancel_itself, "the task a task was cancelled; it starts again in 0."),
        (lambda: None, "the task a task returned; it starts again in 0."),
    ],
    ids=["raises", "is cancelled by a stray", "returns"],
)
async def test_a_task_that_ends_is_logged_and_counted_and_starts_again(
    fault: Callable[[], None], said: str, supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    task = Faulty(fault, times=3)
    supervisor.start("a task", task.run)
    await until(task.has_recovered)
    assert supervisor.failures() == {"a task": 3}
    assert not supervisor.ended()
    assert said in caplog.text
    assert ("Traceback" in caplog.text) is (fault is raise_error)


def test_a_task_that_fails_always_waits_longer_each_time_and_never_longer_than_the_cap() -> None:
    pauses = Pauses()
    in_a_row = [pauses.after(0.01) for _ in range(1000)]
    assert in_a_row[0] <= 2 * supervision.BACKOFF_BASE
    assert in_a_row[3] > in_a_row[0]
    assert max(in_a_row) <= supervision.BACKOFF_CAP
    assert min(in_a_row[10:]) >= supervision.BACKOFF_CAP / 2
    assert len(set(in_a_row[10:])) > 900, "without jitter"


def test_a_task_that_has_run_well_for_a_while_starts_again_at_once() -> None:
    pauses = Pauses()
    for _ in range(100):
        pauses.after(0.01)
    assert pauses.after(supervision.STABLE_AFTER) <= supervision.BACKOFF_BASE


async def test_a_task_that_fails_all_the_time_does_not_flood_the_log_nor_hide_another_failure(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        if task.starts == 4:
            raise LookupError("something else")
        raise_error()

    task = Faulty(fault=fail, times=4)
    supervisor.start("a task", task.run)
    await until(task.has_recovered)
    assert supervisor.failures() == {"a task": 4}
    assert caplog.text.count("ZeroDivisionError: by design") == 1
    assert caplog.text.count("LookupError: something else") == 1


async def test_a_task_that_cannot_even_be_started_is_logged_and_counted(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    def run() -> Any:
        raise_error()

    supervisor.start("a task", run)
    await until(lambda: has_failed(supervisor, "a task", 2))
    assert not supervisor.ended()
    assert "ZeroDivisionError: by design" in caplog.text


async def test_a_task_that_runs_once_is_logged_and_counted_when_it_fails(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    task = supervisor.spawn("once", Faulty(raise_error).run())
    await asyncio.wait({task})
    assert supervisor.failures() == {"once": 1}
    assert "the task once failed; it does not start again by itself" in caplog.text
    assert "ZeroDivisionError: by design" in caplog.text


async def test_a_task_that_is_to_be_done_is_tried_until_it_is(supervisor: Supervisor) -> None:
    async def done() -> None:
        pass

    task = Faulty(raise_error, times=2, run=done)
    async with asyncio.timeout(10):
        await supervisor.spawn_until_done("work", task.run)
    assert task.starts == 3
    assert supervisor.failures() == {"work": 2}


async def test_all_tasks_end_when_the_supervisor_is_stopped() -> None:
    supervisor = Supervisor(Metrics())
    before = asyncio.all_tasks()
    supervisor.start("runs", Faulty(raise_error, times=0).run)
    supervisor.start("waits to start again", Faulty(raise_error, times=100).run)
    supervisor.spawn("once", Faulty(raise_error, times=0).run())
    supervisor.spawn_until_done("work", Faulty(raise_error, times=0).run)
    await until(lambda: has_failed(supervisor, "waits to start again", 1))
    await supervisor.stop()
    assert asyncio.all_tasks() == before


async def has_failed(supervisor: Supervisor, name: str, times: int) -> bool:
    return supervisor.failures()[name] >= times


async def test_a_task_counts_from_zero_so_that_its_first_failure_is_an_increase() -> None:
    metrics = Metrics()
    supervisor = Supervisor(metrics)
    supervisor.start("a task", Faulty(raise_error, times=0).run)
    assert b'hsi_task_failures_total{task="a task"} 0.0' in metrics.exposition()
    await supervisor.stop()


# What liveness says.


async def test_only_a_task_that_cannot_be_kept_running_asks_for_a_restart(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service("events", Settings(redis_url=redis_url))
    service.run_background("fails always", Faulty(raise_error, times=1000).run)
    async with AsyncTestClient(
        create_app(service, routes=[]), base_url="http://127.0.0.1"
    ) as client:
        await until(lambda: has_failed(service.supervisor, "fails always", 2))
        response = await client.get("/health/live")
        assert (response.status_code, response.json()) == (200, {"status": "alive"})
        monkeypatch.setattr(Pauses, "after", lambda *_: raise_error())
        await until(lambda: has_ended(service.supervisor))
        response = await client.get("/health/live")
    assert response.status_code == 500
    assert response.json() == {"status": "ended: fails always"}
    assert "the task fails always cannot be kept running" in caplog.text


async def has_ended(supervisor: Supervisor) -> bool:
    return bool(supervisor.ended())


# The tasks of each service.

Build = Callable[[str, str], Litestar]


def settings(redis_url: str, channel: str) -> dict[str, Any]:
    return {"redis_url": redis_url, "redis_event_channel": channel, "heartbeat_interval": 0.1}


RULES = '{"targets": {"nobody": {"url": "file:/dev/null"}}}'
APPS: dict[str, Build] = {
    "events": lambda url, channel: create_events_app(EventsSettings(**settings(url, channel))),
    "joblogs": lambda url, channel: create_joblogs_app(JobLogSettings(**settings(url, channel))),
    "system": lambda url, channel: create_system_app(
        SystemSettings(broadcast_interval=0.3, **settings(url, channel))
    ),
    "collector": lambda url, channel: create_collector_app(
        CollectorSettings(broadcast_interval=0.3, **settings(url, channel))
    ),
    "mqtt": lambda url, channel: create_mqtt_app(
        MqttSettings(mqtt_url="mqtt://127.0.0.1:1", lease_seconds=1, **settings(url, channel))
    ),
    "notify": lambda url, channel: create_notify_app(
        NotifySettings(notify_rules=RULES, lease_seconds=1, **settings(url, channel))
    ),
}
PATHS = {"events": "/ws/events", "joblogs": "/ws/jobs/{job}/logs", "system": "/ws/system"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (hub, "SWEEP_INTERVAL"),
        (hub, "COMPARE_INTERVAL"),
        (probe, "INTERVAL"),
        (service_module, "LOOK_INTERVAL"),
        (streamer, "SWEEP_INTERVAL"),
        (recent, "LOOK_INTERVAL"),
    ):
        monkeypatch.setattr(module, name, 0.05)


@contextlib.asynccontextmanager
async def client_of(host: str, port: int, path: str) -> AsyncIterator[ClientConnection]:
    async with connect(f"ws://{host}:{port}{path}", compression=None) as client:
        yield client


@pytest.mark.parametrize("name", APPS)
async def test_every_background_task_of_a_service_starts_again_after_a_fault(
    name: str, redis_url: str, channel: str
) -> None:
    app = APPS[name](redis_url, channel)
    service: Service = app.state["service"]
    tasks = {task: Faulty(raise_error, run=run) for task, run in service.background.items()}
    service.background.update({task: faulty.run for task, faulty in tasks.items()})
    async with serving(app) as (host, port):
        for task in tasks.values():
            await until(task.has_recovered)
        async with http_client(base_url=f"http://{host}:{port}") as http:
            assert (await http.get("/health/live")).json() == {"status": "alive"}
            status = (await http.get("/status")).json()
        assert status["task_failures"].items() >= dict.fromkeys(tasks, 1).items()


class Method(NamedTuple):
    owner: type
    name: str


COMMON = {
    "subscriber": [
        Method(Subscriber, "_read"),
        Method(Subscriber, "_follow_listeners"),
        Method(Subscriber, "_keepalive"),
        Method(Subscriber, "_confirmed"),
    ],
    "heartbeats": [Method(OrderedTopic, "heartbeat")],
    "histories": [Method(History, "last")],
    "probe": [Method(Probe, "_probe")],
    "sweep of clients": [Method(DirectPeer, "check")],
    "keys": [Method(Door, "look")],
}
WITHOUT_CLIENTS = {"subscriber", "heartbeats", "sweep of clients"}
"""Tasks that have nothing to do where no client ever connects."""
CLIENTLESS = {name: methods for name, methods in COMMON.items() if name not in WITHOUT_CLIENTS}
SERVE_NO_CLIENTS = {"collector", "mqtt", "notify"}
LEASE = [Method(Lease, "_ask"), Method(Lease, "_tell")]
INSIDE: dict[str, dict[str, list[Method]]] = {
    "events": COMMON | {"history of events": [Method(RecentHistory, "look")]},
    "joblogs": COMMON
    | {
        "budget of job logs": [Method(JobLogBudget, "look")],
        "sweep of jobs": [Method(Jobs, "states"), Method(streamer.JobLogStreamer, "_close_idle")],
    },
    "system": COMMON
    | {
        "heartbeats": [Method(SnapshotTopic, "heartbeat")],
        "lease": LEASE,
        "broadcast": [Method(SystemBroadcaster, "_round")],
    },
    "collector": CLIENTLESS
    | {
        "lease": LEASE,
        "collection": [
            Method(PerformanceCollector, "round"),
            Method(PerformanceCollector, "_tell"),
        ],
    },
    "mqtt": CLIENTLESS
    | {
        "lease": LEASE,
        "broker": [Method(Broker, "_connect_once")],
        "home": [Method(Home, "_follow")],
        "home assistant": [
            Method(Memory, "devices"),
            Method(Home, "changed"),
            Method(HomeAssistantOut, "_tell_states"),
            Method(HomeAssistantOut, "_tell_events"),
        ],
    },
    "notify": CLIENTLESS
    | {
        "lease": LEASE,
        "home": [Method(Home, "_follow")],
        "targets": [Method(Notifier, "ask_once")],
        "notifications": [Method(Notifier, "_follow")],
        "watch of Redis": [Method(RedisWatch, "look")],
    },
}
"""By service and task: what the task calls again and again, or at each start."""


def test_a_fault_is_tried_inside_every_background_task(redis_url: str, channel: str) -> None:
    for name, build in APPS.items():
        tasks = build(redis_url, channel).state["service"].background.keys()
        assert INSIDE[name].keys() == tasks - (
            WITHOUT_CLIENTS if name in SERVE_NO_CLIENTS else set()
        )


class FailsOnce:
    """A method that raises when it is called first, and then does what it is to do.

    Calls by the tasks of clients are not counted.
    """

    def __init__(self, method: Method, patch: pytest.MonkeyPatch) -> None:
        self.calls = 0
        self.later = 0
        """Calls after the one that failed that went well."""
        do = getattr(method.owner, method.name)

        def call(*args: Any, **options: Any) -> Any:
            task = asyncio.current_task()
            if task and task.get_name() == "session":
                return do(*args, **options)
            self.calls += 1
            if self.calls == 1:
                raise_error()
            result = do(*args, **options)
            self.later += 1
            return result

        patch.setattr(method.owner, method.name, call)

    async def goes_on(self) -> bool:
        return self.later >= 1


@pytest.mark.parametrize(
    ("name", "task", "method"),
    [
        pytest.param(name, task, method, id=f"{name}: {task}, {method.name}")
        for name, tasks in INSIDE.items()
        for task, methods in tasks.items()
        for method in methods
    ],
)
async def test_a_background_task_goes_on_after_a_fault_inside_it(  # noqa: PLR0917 (pytest's names)
    name: str,
    task: str,
    method: Method,
    redis_url: str,
    channel: str,
    job_id: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = APPS[name](redis_url, channel)
    service: Service = app.state["service"]
    fault = FailsOnce(method, monkeypatch)
    async with contextlib.AsyncExitStack() as stack:
        host, port = await stack.enter_async_context(serving(app))
        if path := PATHS.get(name):
            await stack.enter_async_context(client_of(host, port, path.format(job=job_id)))
        await until(fault.goes_on)
        assert service.supervisor.failures()[task] == 1
        assert sum(service.supervisor.failures().values()) == 1
        assert not service.supervisor.ended()
    assert f"the task {task} failed; " in caplog.text
    assert "ZeroDivisionError: by design" in caplog.text


async def test_a_client_whose_check_fails_leaves_the_others_theirs(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = APPS["events"](redis_url, channel)
    service: Service = app.state["service"]
    check, checked = DirectPeer.check, set[DirectPeer]()

    def fail_for_one(peer: DirectPeer, now: float) -> None:
        checked.add(peer)
        if peer is min(checked, key=id):
            raise_error()
        check(peer, now)

    monkeypatch.setattr(DirectPeer, "check", fail_for_one)

    async def are_all_checked() -> bool:
        return checked == service.hub.clients

    async with serving(app) as (host, port), contextlib.AsyncExitStack() as s:
        clients = [
            await s.enter_async_context(client_of(host, port, "/ws/events")) for _ in range(5)
        ]
        await until(are_all_checked)
        for peer in service.hub.clients:
            peer.expires = 0

        async def are_closed_but_for_one() -> bool:
            return sum(client.close_code == 1012 for client in clients) == 4

        await until(are_closed_but_for_one)


async def test_a_subscriber_that_ends_during_the_trial_of_a_half_open_circuit_hears_again(
    own_redis: RedisServer, channel: str, supervisor: Supervisor
) -> None:
    """The trial that a fault left unreported held its place, and no other was let through."""
    policy = BreakerPolicy(
        recovery_timeout=0, announce=lambda _: None, clock=itertools.count().__next__
    )
    for _ in range(5):
        policy.may_connect()
        policy.failed(refused=False)
    subscriber = Subscriber(own_redis.url, name="test", on_outage=lambda: None)
    subscriber.connect_policy = policy
    own_redis.freeze()
    subscription = subscriber.subscribe(channel, Ear())
    supervisor.start("subscriber", subscriber.run)
    await until(lambda: is_at_its_trial(policy))
    await cancel_by_a_stray(supervisor, "subscriber")
    own_redis.thaw()
    assert await subscription.established(15)
    assert subscriber.state is BusState.LISTENING


async def cancel_by_a_stray(supervisor: Supervisor, name: str) -> None:
    """Cancel a task past its supervisor, and wait until that has seen it."""
    for task in asyncio.all_tasks():
        if task.get_name() == name and "_started" in repr(task.get_coro()):
            task.cancel()
    await until(lambda: has_failed(supervisor, name, 1))


async def test_a_subscriber_that_a_stray_cancels_while_it_listens_hears_again(
    redis_url: str, channel: str, supervisor: Supervisor
) -> None:
    subscriber = Subscriber(redis_url, name="test", on_outage=lambda: None)
    heard: list[bytes] = []
    subscription = subscriber.subscribe(channel, Ear(heard.append))
    supervisor.start("subscriber", subscriber.run)
    assert await subscription.established(10)
    await cancel_by_a_stray(supervisor, "subscriber")
    assert await subscription.established(10)
    await publish(redis_url, channel, b"x")
    await until(lambda: is_true(heard == [b"x"]))


async def is_at_its_trial(policy: BreakerPolicy) -> bool:
    return policy.breaker.get_status()["half_open_calls"] == 1


# Tasks that end by themselves.


@pytest.mark.parametrize("server", [serving, under_uvicorn])
async def test_a_client_whose_beginning_fails_is_asked_to_come_back(
    server: Any,
    redis_url: str,
    channel: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(*_: object) -> None:
        raise_error()

    monkeypatch.setattr(session, "begin_with_the_last", fail)
    app = APPS["events"](redis_url, channel)
    async with server(app) as (host, port):
        async with client_of(host, port, "/ws/events?tail=3") as client:
            with pytest.raises(ConnectionClosed):
                await hear(client)
            assert client.close_code == 1012
        assert app.state["service"].supervisor.failures()["session"] == 1
    assert "the task session failed" in caplog.text


async def test_a_handshake_that_fails_while_it_waits_ends_the_connection(
    channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: OrderedTopic) -> None:
        raise_error()

    monkeypatch.setattr(OrderedTopic, "ready", fail)
    app = APPS["events"]("redis://127.0.0.1:1", channel)
    service: Service = app.state["service"]
    async with serving(app) as (host, port):
        with pytest.raises((InvalidMessage, OSError)):
            await connect(f"ws://{host}:{port}/ws/events")
        assert service.supervisor.failures()["handshake"] == 1
        assert not len(service.hub)


async def test_a_topic_whose_catching_up_fails_has_its_clients_miss_nothing(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later message helps, and no look at the histories comes in time."""
    monkeypatch.setattr(hub, "COMPARE_INTERVAL", 1000)
    app = APPS["events"](redis_url, channel)
    service: Service = app.state["service"]
    async with serving(app) as (host, port), Publisher(redis_url) as publisher:
        async with client_of(host, port, "/ws/events") as client:
            (topic,) = service.hub.topics.values()
            assert isinstance(topic, OrderedTopic)
            await publisher.publish(channel, golden("event"))
            assert "cursor" in await events_of(client)
            topic.position.mark_stale()
            published = await publisher.publish(channel, golden("event"))
            position, catch_up = topic.position, topic.position.catch_up
            failed: list[Any] = []

            def fail_twice(page: Any) -> Any:
                if len(failed) < 2:
                    failed.append(page)
                    raise_error()
                return catch_up(page)

            position.catch_up = fail_twice  # type: ignore[method-assign]
            topic.feed.catch_up_if_behind()
            assert json.loads(await events_of(client))["cursor"] == published.cursor
        assert service.supervisor.failures()["catching up"] == 2


async def events_of(client: ClientConnection) -> str:
    """Return the next message that is not a heartbeat."""
    while (message := await hear(client)) and '"ping"' in message:
        pass
    return message


async def test_a_topic_that_cannot_catch_up_does_not_fail_once_more_with_each_message(
    redis_url: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = APPS["events"](redis_url, channel)
    service: Service = app.state["service"]
    async with (
        serving(app) as (host, port),
        client_of(host, port, "/ws/events"),
        Publisher(redis_url) as publisher,
    ):
        (topic,) = service.hub.topics.values()
        assert isinstance(topic, OrderedTopic)
        monkeypatch.setattr(topic.position, "catch_up", lambda _: raise_error())
        topic.position.mark_stale()
        for _ in range(100):
            await publisher.publish(channel, golden("event"))
        await until(lambda: has_failed(service.supervisor, "catching up", 1))
        assert service.supervisor.failures()["catching up"] < 10


async def say_that_it_ended(redis_url: str, job_id: str) -> None:
    """Let a job be over by its state, without an end in its log."""
    async with Redis.from_url(redis_url) as redis:
        await redis.set(channels.job(job_id), b'{"status":"completed"}', ex=60)


async def test_an_end_of_a_job_that_fails_is_told_later(
    redis_url: str, channel: str, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    FailsOnce(Method(JobTopic, "has_ended"), monkeypatch)
    app = APPS["joblogs"](redis_url, channel)
    async with serving(app) as (host, port):
        async with client_of(host, port, f"/ws/jobs/{job_id}/logs") as client:
            await say_that_it_ended(redis_url, job_id)
            assert json.loads(await events_of(client))["type"] == "end"
        assert app.state["service"].supervisor.failures()["end of a job"] == 1


async def test_a_job_that_is_watched_while_redis_is_asked_about_the_others_ends_no_sweep(
    redis_url: str, channel: str, job_id: str
) -> None:
    app = APPS["joblogs"](redis_url, channel)
    redis = app.state["jobs"]._redis  # noqa: SLF001 (Redis' answer is to come late)
    ask, asked = redis.mget, asyncio.Event()
    async with serving(app) as (host, port):
        async with contextlib.AsyncExitStack() as stack:

            async def watched_meanwhile(keys: list[str]) -> Any:
                answer = await ask(keys)
                if not asked.is_set():
                    await stack.enter_async_context(
                        client_of(host, port, f"/ws/jobs/{job_id}-2/logs")
                    )
                    asked.set()
                return answer

            client = await stack.enter_async_context(
                client_of(host, port, f"/ws/jobs/{job_id}/logs")
            )
            redis.mget = watched_meanwhile
            await asked.wait()
            await say_that_it_ended(redis_url, job_id)
            assert json.loads(await events_of(client))["type"] == "end"
        assert app.state["service"].supervisor.failures()["sweep of jobs"] == 0


def cannot_read(text: str, cursor: str) -> None:
    raise ZeroDivisionError(f"{cursor} cannot be read by design: {text}")


async def test_a_replay_that_fails_is_over_and_says_so(redis_url: str, channel: str) -> None:
    supervisor, webhooks = Supervisor(Metrics()), Webhooks([], redis_url)
    signer = Signer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    target = WebhookTarget("nas", "http://127.0.0.1:1", signer, Rules(), Poster())
    replayer = Replayer(webhooks, redis_url, {channel: cannot_read}, supervisor)
    async with Publisher(redis_url) as publisher:
        await publisher.publish(channel, golden("event"))
    state = await replayer.begin(target, BEGINNING)
    assert state
    await until(lambda: has_failed(supervisor, "replay", 1))
    assert (state.is_over, state.trouble) == (True, "it failed; the log says why")
    assert await replayer.begin(target, BEGINNING)
    await until(lambda: has_failed(supervisor, "replay", 2))
    await replayer.aclose()
    await webhooks.aclose()


# Where tasks and threads are made.

RUNS_ONCE = {
    "session": test_a_client_whose_beginning_fails_is_asked_to_come_back,
    "catching up": test_a_topic_whose_catching_up_fails_has_its_clients_miss_nothing,
    "handshake": test_a_handshake_that_fails_while_it_waits_ends_the_connection,
    "end of a job": test_an_end_of_a_job_that_fails_is_told_later,
    "follower": test_notifier.test_a_target_whose_follower_fails_is_told_all_the_same,
    "delivery": test_deliveries.test_what_a_library_raises_is_told_without_its_text,
    "news of Redis": test_redis_watch.test_a_target_that_fails_oddly_takes_no_news_from_others,
    "replay": test_a_replay_that_fails_is_over_and_says_so,
}
"""Tasks that end by themselves, by name, each with the test that raises inside it."""
STARTERS = {"spawn", "spawn_until_done"}


def started(tree: ast.AST) -> Iterator[str]:
    """Find the names of tasks that end by themselves."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(attr=called), args=[ast.Constant(value=str(name)), *_]
            ) if called in STARTERS:
                yield name


def test_a_fault_is_tried_inside_every_task_that_ends_by_itself() -> None:
    names = {
        name
        for package in ("shared/hsi_service", "services")
        for file in (ROOT / package).rglob("*.py")
        for name in started(ast.parse(file.read_text()))
    }
    assert names == RUNS_ONCE.keys()


MADE_ELSEWHERE = {
    "hsi/publisher.py: Publisher._enqueue": "logs what it raises, and is made again (its tests)",
    "hsi/worker.py: Worker._start": "goes on after any fault (its tests)",
    "hsi_service/bus/active.py: Active.run": "the work, whose error it raises",
    "hsi_service/bus/active.py: Active._look": "waits for a turn of the lease, which it awaits",
    "hsi_service/bus/subscriber.py: Subscriber.run": "one connection, which it awaits",
    "hsi_service/bus/subscriber.py: Subscriber._listen": "a group, which it awaits",
    "hsi_service/fanout/feed.py: _wait_for": "waits for slow clients, which it awaits",
    "hsi_service/shared_answers.py: SharedAnswers.ask": "all who want it await it",
    "hsi_service/sources/database.py: Database._rows": "one question, whose end it waits for",
    "hsi_service/sources/time_limited.py: TimeLimited.read": "one reading, which it awaits",
    "hsi_service/sources/thread.py: in_thread": "one reading, whose error it raises",
    "hsi_service/skeleton/server.py: Server.shutdown": "the drain, which it awaits",
    "hsi_service/skeleton/session.py: running": "a client by plain ASGI, which it awaits",
    "hsi_service/supervision.py: Supervisor.start": "the one place",
    "hsi_service/supervision.py: Supervisor.spawn": "the one place",
    "hsi_service/supervision.py: Supervisor._keep_running": "the one place",
    "services/mqtt/broker.py: Broker.run": "its two halves, whose error it raises",
    "services/mqtt/broker.py: Broker._connect_once": "one connection, whose error it raises",
    "services/mqtt/connection.py: Connection._begin": "ends the connection at any fault",
    "services/mqtt/outgoing.py: HomeAssistantOut.run": "its parts, whose error it raises",
    "services/notify/follower.py: Follower.run": "readers and what tells, which it awaits",
    "services/notify/redis_watch.py: RedisWatch._tell": "a delivery, which it awaits",
    "services/system/broadcaster.py: SystemBroadcaster._collect": "all who want it await it",
    "services/system/cameras.py: CameraList.read": "all who want it await it",
    "services/system/latest_performance.py: LatestPerformance.read": "all who want it await it",
}
MAKERS = {"create_task", "ensure_future", "run_coroutine_threadsafe", "Thread"}


def makers(node: ast.AST, inside: str = "") -> Iterator[str]:
    """Find the functions that make a task or a thread."""
    for child in ast.iter_child_nodes(node):
        name = inside
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{inside}.{child.name}".removeprefix(".")
        if isinstance(child, ast.Call):
            match child.func:
                case ast.Attribute(attr=called) | ast.Name(id=called) if called in MAKERS:
                    yield inside
        yield from makers(child, name)


def test_every_task_and_thread_of_a_service_is_supervised_or_awaited() -> None:
    made = {
        f"{file.relative_to(root)}: {function}"
        for root, package in (
            (ROOT / "shared", "hsi"),
            (ROOT / "shared", "hsi_service"),
            (ROOT, "services"),
        )
        for file in (root / package).rglob("*.py")
        for function in makers(ast.parse(file.read_text()))
    }
    assert made == MADE_ELSEWHERE.keys()
