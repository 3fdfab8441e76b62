"""Streaming a job's log from any program, without waiting for Redis (R3)."""

from hsi.joblogs.emitter import JobLogEmitter
from hsi.joblogs.handler import JobLogHandler

__all__ = ["JobLogEmitter", "JobLogHandler"]
