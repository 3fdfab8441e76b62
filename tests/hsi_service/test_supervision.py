"""No background task dies unseen: what it raises is logged and counted, and it goes on."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from prometheus_client.parser import text_string_to_metric_families

from hsi_service import supervision
from hsi_service.fanout.takeover import TakeoverProtocol
from hsi_service.metrics import Metrics
from hsi_service.settings import Settings
from hsi_service.supervision import Run, Supervisor, spawn
from services.collector.app import create_collector_app
from services.collector.settings import CollectorSettings
from services.events.app import create_events_app
from services.joblogs.app import create_joblogs_app
from services.joblogs.settings import JobLogSettings
from services.system.app import create_system_app
from services.system.settings import SystemSettings
from tests.clients import until
from tests.servers import ROOT, serving


def failures(metrics: Metrics) -> dict[str, float]:
    return {
        sample.labels["task"]: sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
        if sample.name == "hsi_task_failures_total"
    }


@contextlib.asynccontextmanager
async def supervised(run: Run) -> AsyncIterator[tuple[Supervisor, Metrics]]:
    metrics = Metrics()
    supervisor = Supervisor(metrics)
    supervisor.start("a task", run)
    yield supervisor, metrics
    await supervisor.stop()


class Faulty:
    """A task that ends in some way, and then runs as it should."""

    def __init__(self, fault: Callable[[], None], *, times: int) -> None:
        self.starts = 0
        self._fault = fault
        self._times = times

    async def run(self) -> None:
        self.starts += 1
        if self.starts <= self._times:
            self._fault()
            return
        await asyncio.Event().wait()

    async def has_recovered(self) -> bool:
        return self.starts == self._times + 1


def raise_error() -> None:
    raise ZeroDivisionError("by design")


def cancel_itself() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (raise_error, "the task a task failed"),
        (cancel_itself, "the task a task was cancelled"),
        (lambda: None, "the task a task returned"),
    ],
    ids=["raises", "is cancelled by a stray", "returns"],
)
async def test_a_task_that_ends_is_logged_and_counted_and_starts_again(
    fault: Callable[[], None], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    task = Faulty(fault, times=3)
    async with supervised(task.run) as (supervisor, metrics):
        await until(task.has_recovered)
        assert supervisor.failures == {"a task": 3}
        assert failures(metrics) == {"a task": 3}
        assert not supervisor.ended()
    assert caplog.text.count(said) == 3
    assert ("ZeroDivisionError: by design" in caplog.text) is (fault is raise_error)


async def test_one_that_fails_always_waits_longer_each_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pauses: list[float] = []
    waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            waiting.set()
            await asyncio.Event().wait()

    monkeypatch.setattr("hsi_service.supervision.asyncio.sleep", sleep)
    async with supervised(Faulty(raise_error, times=100).run):
        await waiting.wait()
    assert pauses[0] <= 2 * supervision.BACKOFF_BASE
    assert max(pauses) <= supervision.BACKOFF_CAP
    assert all(pause >= supervision.BACKOFF_CAP / 2 for pause in pauses[-2:])
    assert caplog.text.count("the task a task failed") == 12


async def test_a_task_that_runs_once_is_logged_and_counted_when_it_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    metrics = Metrics()

    async def fail() -> None:
        raise_error()

    task = spawn(fail(), name="once", metrics=metrics)
    await asyncio.wait({task})
    assert failures(metrics) == {"once": 1}
    assert "the task once failed" in caplog.text


APPS: dict[str, Callable[[str], Litestar]] = {
    "events": lambda url: create_events_app(Settings(redis_url=url)),
    "joblogs": lambda url: create_joblogs_app(JobLogSettings(redis_url=url)),
    "system": lambda url: create_system_app(SystemSettings(redis_url=url)),
    "collector": lambda url: create_collector_app(CollectorSettings(redis_url=url)),
}


@pytest.mark.parametrize("name", APPS)
async def test_every_background_task_of_a_service_goes_on_after_a_fault(
    name: str, redis_url: str
) -> None:
    app = APPS[name](redis_url)
    service = app.state["service"]
    tasks: dict[str, Faulty] = {}

    def faulty(run: Run, task: Faulty) -> Run:
        async def first_fails() -> None:
            task.starts += 1
            if task.starts == 1:
                raise_error()
            await run()

        return first_fails

    for task_name, run in service.background.items():
        tasks[task_name] = Faulty(raise_error, times=1)
        service.background[task_name] = faulty(run, tasks[task_name])
    assert len(tasks) >= 4
    async with serving(app, ws=TakeoverProtocol) as (host, port):
        for task in tasks.values():
            await until(task.has_recovered)
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}") as http:
            assert (await http.get("/health/live")).json() == {"status": "alive"}
            status = (await http.get("/status")).json()
        assert status["task_failures"] == dict.fromkeys(tasks, 1)
        assert failures(service.metrics) == dict.fromkeys(tasks, 1)


LONG_LIVED_ELSEWHERE = {
    "hsi/publisher.py": "sends what waits, and fails those that wait when it ends",
    "hsi_service/bus/subscriber.py": "one connection, which `Subscriber.run` follows up",
    "hsi_service/fanout/topic.py": "waits for slow clients, and is awaited",
    "hsi_service/sources/time_limited.py": "one reading, and is awaited",
    "hsi_service/supervision.py": "the one place",
    "hsi_service/skeleton/server.py": "the drain, and is awaited",
    "hsi_service/skeleton/session.py": "a client by plain ASGI, and is awaited",
    "services/system/broadcaster.py": "one round, and is awaited",
    "services/system/cameras.py": "one answer, and is awaited",
}


def test_no_task_is_made_past_supervision_without_a_reason() -> None:
    made = set()
    for folder in (ROOT / "shared", ROOT / "services"):
        for file in folder.rglob("*.py"):
            if re.search(r"\b(create_task|ensure_future)\(", file.read_text()):
                made.add(str(file.relative_to(ROOT)).removeprefix("shared/"))
    assert made <= LONG_LIVED_ELSEWHERE.keys()


async def test_clients_that_come_while_redis_is_asked_end_no_sweep(
    redis_url: str, job_id: str
) -> None:
    """The sweep asks Redis about the watched jobs; more may be watched when the answer comes."""
    app = create_joblogs_app(JobLogSettings(redis_url=redis_url))
    streamer, jobs = app.state["streamer"], app.state["jobs"]
    ask, asked = jobs.states, itertools.count()

    async def slowly(watched: object) -> object:
        next(asked)
        answer = asyncio.create_task(ask(watched))
        await asyncio.sleep(0)
        streamer._topics[f"{job_id}-{next(asked)}"] = set()  # noqa: SLF001 (a client that comes)
        return await answer

    jobs.states = slowly
    streamer._topics[job_id] = set()  # noqa: SLF001
    assert await streamer._end_what_ended(set()) == set()  # noqa: SLF001
    assert next(asked) >= 2
    await jobs.aclose()


def test_the_alert_and_the_documentation_name_the_metric() -> None:
    for file in ("docs/operations.md", "deploy/k8s/components/monitoring/alerts.yaml"):
        assert "hsi_task_failures" in Path(ROOT / file).read_text()
