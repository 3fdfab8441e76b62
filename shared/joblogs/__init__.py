"""What a job uses to stream its log: from any program, without waiting for Redis."""

from shared.joblogs.emitter import JobLogEmitter
from shared.joblogs.handler import JobLogHandler

__all__ = ["JobLogEmitter", "JobLogHandler"]
