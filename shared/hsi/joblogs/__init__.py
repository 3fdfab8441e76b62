"""Streaming a job's log from any program, without waiting for Redis (seed: Job Logs Channel)."""

from hsi.joblogs.emitter import JobLogEmitter
from hsi.joblogs.handler import JobLogHandler

__all__ = ["JobLogEmitter", "JobLogHandler"]
