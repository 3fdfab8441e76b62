"""What several tests ask Redis about a job."""

import json
from typing import Any

from redis import Redis

from hsi.schemas import channels


def history(redis_url: str, job_id: str) -> list[dict[str, Any]]:
    """Return the messages that a job's history has, each with its cursor."""
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        entries: Any = redis.xrange(channels.history(channels.job_logs(job_id)))
    return [{"cursor": entry[0]} | json.loads(entry[1]["m"]) for entry in entries]


def said(redis_url: str, job_id: str) -> list[str]:
    """Return the lines that a job's history has, and its end."""
    return [
        message["data"].get("message") or f"end: {message['data']['status']}"
        for message in history(redis_url, job_id)
    ]


def state(redis_url: str, job_id: str) -> Any:
    """Return what a job's key says, or None."""
    with Redis.from_url(redis_url) as redis:
        return json.loads(redis.get(channels.job(job_id)) or b"null")
