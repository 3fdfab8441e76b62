"""Which keys are spoilt, in a log that they do not flood."""

import logging

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from hsi.spoilt_keys import INTERVAL, MAX_NAMED, SpoiltKeys, is_wrong_type

logger = logging.getLogger(__name__)


def test_a_key_is_named_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    spoilt = SpoiltKeys(logger, clock=lambda: now[0])
    for _ in range(5):
        spoilt.found("jobs", "expected a sorted set")
    spoilt.found("latency:yolo26", "expected a stream")
    assert caplog.messages == [
        "the key jobs does not hold what it should: expected a sorted set",
        "the key latency:yolo26 does not hold what it should: expected a stream",
    ]
    assert caplog.records[1].unsaid == 4  # type: ignore[attr-defined]  # an extra
    now[0] += INTERVAL
    spoilt.found("jobs", "expected a sorted set")
    assert len(caplog.messages) == 3


def test_of_many_keys_a_few_are_named(caplog: pytest.LogCaptureFixture) -> None:
    spoilt = SpoiltKeys(logger)
    for number in range(1000):
        spoilt.found(f"job:{number}" + "x" * 100_000, "expected JSON")
    assert len(caplog.messages) == MAX_NAMED
    assert max(map(len, caplog.messages)) < 500


def test_a_wrong_type_is_told_from_other_refusals(redis_url: str, job_id: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.set(job_id, "x", ex=60)
        with pytest.raises(ResponseError) as wrong:
            redis.llen(job_id)
        with pytest.raises(ResponseError) as other:
            redis.execute_command("SET", job_id)
    assert is_wrong_type(wrong.value)
    assert not is_wrong_type(other.value)
    assert not is_wrong_type(b"WRONGTYPE")
