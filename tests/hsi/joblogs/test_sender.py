"""What a sender keeps alive in Redis is there again soon, whatever Redis has lost."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from hsi.joblogs import JobLogEmitter, sender
from hsi.joblogs.job_state import KEPT
from hsi.joblogs.sender import MAX_JOBS
from hsi.publishing import FUNCTION, LIBRARY
from hsi.schemas import channels
from tests.hsi.joblogs.test_emitter import PATIENCE, wait_for
from tests.job_logs import said, state
from tests.redis_data import TYPES, RedisToRollBack, spoil
from tests.servers import RedisServer

LOOKS = 0.05
SECONDS_UNTIL_LISTED = 10


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LOOK_INTERVAL", LOOKS)


@pytest.fixture
def _never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "LOOK_INTERVAL", 1000.0)


def is_running(redis_url: str, job_id: str) -> bool:
    """Return whether the job is listed, with its state."""
    with Redis.from_url(redis_url) as redis:
        listed = redis.zscore(channels.JOBS, job_id) is not None
    return listed and (state(redis_url, job_id) or {}).get("status") == "running"


def test_a_silent_job_is_listed_again_within_ten_seconds_of_a_wipe(
    own_redis: RedisServer, job_id: str
) -> None:
    with JobLogEmitter(own_redis.url, job_id), Redis.from_url(own_redis.url) as redis:
        wait_for(lambda: is_running(own_redis.url, job_id))
        before = state(own_redis.url, job_id), redis.zscore(channels.JOBS, job_id)
        redis.flushall()
        wait_for(lambda: is_running(own_redis.url, job_id), within=SECONDS_UNTIL_LISTED)
        assert before == (state(own_redis.url, job_id), redis.zscore(channels.JOBS, job_id))
        assert redis.ttl(channels.job(job_id)) > 0


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("lost", ["the state", "the place in the index", "both"])
def test_each_thing_that_a_running_job_keeps_comes_back(
    own_redis: RedisServer, job_id: str, lost: str
) -> None:
    with JobLogEmitter(own_redis.url, job_id), Redis.from_url(own_redis.url) as redis:
        for _ in range(3):
            wait_for(lambda: is_running(own_redis.url, job_id))
            if lost != "the state":
                redis.zrem(channels.JOBS, job_id)
            if lost != "the place in the index":
                redis.delete(channels.job(job_id))
        wait_for(lambda: is_running(own_redis.url, job_id))


@pytest.mark.usefixtures("_quick")
def test_a_job_whose_state_is_anothers_comes_back_into_the_index_as_old_as_it_was(
    own_redis: RedisServer, job_id: str
) -> None:
    emitter = JobLogEmitter(own_redis.url, job_id)
    emitter.info("ready")
    with Redis.from_url(own_redis.url) as redis:
        wait_for(lambda: redis.zscore(channels.JOBS, job_id) is not None)
        began = redis.zscore(channels.JOBS, job_id)
        redis.flushall()
        wait_for(lambda: redis.zscore(channels.JOBS, job_id) is not None)
        assert redis.zscore(channels.JOBS, job_id) == began
    assert state(own_redis.url, job_id) is None
    emitter.close()


@pytest.mark.usefixtures("_never")
def test_a_line_that_finds_its_sender_forgotten_brings_the_job_back_at_once(
    own_redis: RedisServer, job_id: str
) -> None:
    with JobLogEmitter(own_redis.url, job_id) as emitter:
        emitter.info("lost")
        assert emitter.flush(PATIENCE)
        with Redis.from_url(own_redis.url) as redis:
            redis.flushall()
        emitter.info("kept")
        wait_for(lambda: is_running(own_redis.url, job_id), within=SECONDS_UNTIL_LISTED)
    assert said(own_redis.url, job_id) == ["kept", "end: completed"]


@pytest.mark.usefixtures("_quick")
def test_while_nothing_is_lost_it_only_reads(own_redis: RedisServer, job_id: str) -> None:
    with JobLogEmitter(own_redis.url, job_id), Redis.from_url(own_redis.url) as redis:
        wait_for(lambda: is_running(own_redis.url, job_id))
        looks = calls(redis).get("zscore", 0)
        wait_for(lambda: calls(redis).get("zscore", 0) > looks + 3)  # the write's own included
        redis.config_resetstat()
        wait_for(lambda: calls(redis).get("zscore", 0) >= 10)
        assert calls(redis).keys() <= {"get", "zscore", "info", "config|resetstat", "ping"}


@pytest.mark.usefixtures("_quick")
def test_an_old_job_that_a_full_index_has_no_room_for_does_not_write_at_each_look(
    own_redis: RedisServer, job_id: str
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        later = time.time() + 3600
        redis.zadd(channels.JOBS, {str(number): later + number for number in range(MAX_JOBS)})
        with JobLogEmitter(own_redis.url, job_id):
            wait_for(lambda: state(own_redis.url, job_id) is not None)
            wait_for(lambda: calls(redis).get("zscore", 0) > 3)
            redis.config_resetstat()
            wait_for(lambda: calls(redis).get("zscore", 0) >= 10)
            assert "zadd" not in calls(redis)
            redis.flushall()
            wait_for(lambda: is_running(own_redis.url, job_id))


def calls(redis: Redis) -> dict[str, int]:
    """Return how often each command was called."""
    stats: Any = redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): value["calls"] for name, value in stats.items()}


@pytest.mark.usefixtures("_quick")
def test_a_job_that_somebody_else_has_ended_stays_ended(
    own_redis: RedisServer, job_id: str
) -> None:
    with JobLogEmitter(own_redis.url, job_id) as emitter:
        wait_for(lambda: is_running(own_redis.url, job_id))
        with Redis.from_url(own_redis.url) as redis:
            redis.set(channels.job(job_id), '{"status":"cancelled"}')
            looks = calls(redis).get("zscore", 0)
            wait_for(lambda: calls(redis).get("zscore", 0) > looks + 3)
        emitter.flush(PATIENCE)
        assert state(own_redis.url, job_id) == {"status": "cancelled"}


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("earlier", ["nothing", "it was pending", "it had ended"])
def test_a_running_job_is_back_after_redis_was_rolled_back_to_before_it_began(
    tmp_path: Path, job_id: str, earlier: str
) -> None:
    with RedisToRollBack(tmp_path) as redis_server:
        url = redis_server.url
        yesterday = datetime.now(UTC) - timedelta(days=1)
        states = {
            "it was pending": {"status": "pending"},
            "it had ended": {
                "status": "completed",
                "started_at": yesterday.isoformat(),
                "completed_at": (yesterday + timedelta(minutes=1)).isoformat(),
            },
        }
        if earlier in states:
            with Redis.from_url(url) as redis:
                redis.set(channels.job(job_id), json.dumps(states[earlier]))
        redis_server.take_copy()
        with JobLogEmitter(url, job_id, patience=PATIENCE):
            wait_for(lambda: is_running(url, job_id))
            redis_server.roll_back()
            wait_for(lambda: is_running(url, job_id))
        assert state(url, job_id)["status"] == "completed"


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("has_block", [True, False])
def test_a_job_that_says_nothing_for_long_keeps_its_log(
    own_redis: RedisServer, job_id: str, monkeypatch: pytest.MonkeyPatch, *, has_block: bool
) -> None:
    monkeypatch.setattr(sender, "REFRESH", LOOKS)
    emitter = JobLogEmitter(own_redis.url, job_id)
    if has_block:
        emitter.begin()
    emitter.info("the only line")
    assert emitter.flush(PATIENCE)
    with Redis.from_url(own_redis.url) as redis:
        keys: Any = redis.keys(f"*{channels.job(job_id)}*")
        assert len(keys) == 3 + has_block  # history, number, sender, and the state
        for key in keys:
            redis.expire(key, 60)
        wait_for(lambda: all(redis.ttl(key) > KEPT - 60 for key in keys), within=10)
    emitter.close()
    assert said(own_redis.url, job_id) == ["the only line"]


# Answers that cannot be true.

IMPOSTOR = f"""#!lua name=hsi_realtime_v2
redis.register_function('{FUNCTION}', function() return ANSWER end)
"""
"""Says that it publishes, and publishes nothing."""


@pytest.mark.parametrize(
    "answer", ["1", "'OK'", "{}", "{1, 0}", "{1, 0, 'x'}", "{0, 1, ''}", "{1, 0, '5-2'}"]
)
def test_an_answer_that_cannot_be_true_is_an_error_and_no_line_is_taken_for_sent(
    own_redis: RedisServer, job_id: str, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        redis.function_load(LIBRARY, replace=True)
        with JobLogEmitter(own_redis.url, job_id, patience=10) as emitter:
            emitter.info("before")
            assert emitter.flush(PATIENCE)
            redis.function_load(IMPOSTOR.replace("ANSWER", answer), replace=True)
            emitter.info("meanwhile")
            wait_for(lambda: "cannot send the log of job" in caplog.text, within=10)
            assert not emitter.flush(0.1)
            redis.function_load(LIBRARY, replace=True)
    assert said(own_redis.url, job_id) == ["before", "meanwhile", "end: completed"]
    assert "Redis' answer" in caplog.text or "Redis does not know" in caplog.text


# Keys that are not what a sender keeps there.


@pytest.mark.usefixtures("_quick")
@pytest.mark.parametrize("kind", sorted({*TYPES} - {"zset"}))
def test_an_index_that_is_no_index_costs_a_job_neither_its_state_nor_its_end(
    own_redis: RedisServer, job_id: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        spoil(redis, channels.JOBS, kind)
        with JobLogEmitter(own_redis.url, job_id, patience=PATIENCE) as emitter:
            emitter.info("ready")
            wait_for(lambda: (state(own_redis.url, job_id) or {}).get("status") == "running")
            wait_for(lambda: calls(redis).get("zscore", 0) > 5)
            ending = time.monotonic()
        assert time.monotonic() - ending < PATIENCE / 2
        assert said(own_redis.url, job_id) == ["ready", "end: completed"]
        assert state(own_redis.url, job_id)["status"] == "completed"
        assert redis.type(channels.JOBS) == kind.encode()
    assert (
        caplog.text.count("the key jobs does not hold what it should: expected a sorted set") == 1
    )


@pytest.mark.usefixtures("_quick")
def test_a_job_is_listed_soon_after_somebody_has_mended_the_index(
    own_redis: RedisServer, job_id: str
) -> None:
    with Redis.from_url(own_redis.url) as redis:
        spoil(redis, channels.JOBS, "list")
        with JobLogEmitter(own_redis.url, job_id):
            wait_for(lambda: (state(own_redis.url, job_id) or {}).get("status") == "running")
            redis.delete(channels.JOBS)
            wait_for(lambda: is_running(own_redis.url, job_id))


@pytest.mark.parametrize("kind", [*TYPES, "binary"])
def test_a_state_that_is_none_stays_and_is_named_once(
    own_redis: RedisServer, job_id: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = channels.job(job_id)
    with Redis.from_url(own_redis.url) as redis:
        if kind == "binary":
            redis.set(key, b"\xff\x00")
        else:
            spoil(redis, key, kind)
        before = redis.dump(key)
        with JobLogEmitter(own_redis.url, job_id, patience=PATIENCE) as emitter:
            emitter.info("ready")
            wait_for(lambda: redis.zscore(channels.JOBS, job_id) is not None)
        assert redis.dump(key) == before
    assert said(own_redis.url, job_id) == ["ready", "end: completed"]
    assert (
        caplog.text.count(f"the key {key} does not hold what it should: expected a job's state")
        == 1
    )
