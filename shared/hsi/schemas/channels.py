"""Names in Redis: the one place that spells them (R22, R23, R24).

The channel of security events is a setting, `REDIS_EVENT_CHANNEL`; the others are fixed. Names with
a job id in them refuse what is none.
"""

from hsi.schemas import job_ids

SECURITY_EVENTS = "security_events"
"""Channel of `event`, unless `REDIS_EVENT_CHANNEL` names another."""

HISTORY_LENGTH = 10_000
"""Messages that a channel's history keeps, unless somebody asks for another number."""

HISTORY_BYTES = 32 * 1024 * 1024
"""Bytes of Redis' memory that a history may take, unless somebody asks for another number."""

JOB_LOG_BYTES = 8 * 1024 * 1024
"""The same of a job's log. The function that publishes knows both."""

JOB_LOGS_BYTES = 64 * 1024 * 1024
"""Bytes of Redis' memory that all job logs may take together, unless `JOB_LOGS_BYTES` says else."""

DETECTION_QUEUE = "detection_queue"
"""List: images that wait for detection, unless a setting names another."""

ANALYSIS_QUEUE = "analysis_queue"
"""List: batches that wait for analysis, unless a setting names another."""

DEAD_LETTER_QUEUES = "dlq:detection_queue,dlq:analysis_queue"
"""Lists of what failed for good, separated by commas, unless a setting names others."""

SYSTEM_STATUS = "system_status"
"""Channel of `system_status`, and of `service_status` and `camera_status`, which have a history."""

PERFORMANCE_UPDATE = "performance_update"
"""Channel of `performance_update` and `alert`."""

SYSTEM_HEALTH = "{lease:system}:health"
"""Key: what the leader of the system service knows of services' health, in its lease's slot."""

CAMERAS = "{lease:system}:cameras"
"""Key: how each camera is, and since when (JSON), as the leader of the system service found it."""

SYSTEM_CHANGES = "{lease:system}:changes"
"""Key: changes of health and of cameras that the leader has found and may not have told yet."""

PERFORMANCE_HISTORY = "performance:history"
"""Stream: the performance figures of the last hour."""

PERFORMANCE_TREND = "performance:trend"
"""Streams that begin so: the performance figures of days, in bins, one for each range."""

PERFORMANCE_ALERTS = "performance:alerts"
"""Key: what the leader of the collector knows of alerts."""

ALERTS_HISTORY = "alerts:history"
"""Stream: begins, changes and ends of raised alerts."""

ALERTS_SEEN = "alerts:seen"
"""Hash: who has seen which raised alert, and when (JSON), by the alert's id."""

JOBS = "jobs"
"""Sorted set: index of recent jobs."""

JOB_LOGS = "job_logs"
"""Hash: what all job logs take (`bytes`) and may take (`limit`), and how many were `dropped`."""

JOB_LOGS_WRITTEN = "job_logs:written"
"""Sorted set: the channels of job logs, by when each was written last."""

MQTT_DEVICES = "mqtt:devices"
"""Key: the cameras that Home Assistant was told of (JSON)."""


def job_logs(job_id: str) -> str:
    """Return the channel of a job's log lines."""
    return f"job:{job_ids.check(job_id)}:logs"


def job(job_id: str) -> str:
    """Return the key of a job's state (JSON)."""
    return f"job:{job_ids.check(job_id)}"


def history(channel: str) -> str:
    """Return the stream that keeps a channel's recent messages.

    The braces make Redis Cluster put it into the slot of its channel's name.
    """
    return f"{{{channel}}}:history"


def number(channel: str) -> str:
    """Return the key that counts a channel's messages, in the history's slot."""
    return f"{{{channel}}}:number"


def since(channel: str) -> str:
    """Return the key that says since when a channel's history is whole, in the history's slot.

    It holds milliseconds since 1970, by Redis' clock.
    """
    return f"{{{channel}}}:since"


def seen(channel: str) -> str:
    """Return the hash of the events that somebody has seen, in the history's slot.

    Fields are events (`hsi.seen.key_of`), values are JSON.
    """
    return f"{{{channel}}}:seen"


def once(channel: str, key: str) -> str:
    """Return the key that remembers an idempotency key, in the history's slot."""
    return f"{{{channel}}}:once:{key}"


def sender(channel: str, name: str) -> str:
    """Return the key that says how far a sender of a channel came, in the history's slot."""
    return f"{{{channel}}}:sender:{name}"


def performance_trend(name: str) -> str:
    """Return the stream of a trend of performance figures: of `24h` or `7d`."""
    return f"{PERFORMANCE_TREND}:{name}"


def latency(stage: str) -> str:
    """Return the stream of a pipeline stage's latency samples."""
    return f"latency:{stage}"


def lease(name: str) -> str:
    """Return the key that says which replica leads."""
    return f"lease:{name}"


def probe(name: str) -> str:
    """Return the channel on which a replica listens for its own messages."""
    return f"probe:{name}"


def term(name: str) -> str:
    """Return the key that counts a lease's terms and their rounds, in the lease's slot."""
    return f"{{lease:{name}}}:term"


def consumer(name: str) -> str:
    """Return the key that says how far a consumer came."""
    return f"consumer:{name}"


def mqtt_told(event: str) -> str:
    """Return the key that says what Home Assistant was told of an event."""
    return f"mqtt:told:{event}"
