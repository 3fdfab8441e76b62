"""What a job uses to stream its log: from any program, without waiting for Redis."""

from hsi.joblogs.emitter import JobLogEmitter
from hsi.joblogs.handler import JobLogHandler

__all__ = ["JobLogEmitter", "JobLogHandler"]
