"""Which job the running code belongs to, where one process runs several. Pure, no I/O.

It is kept in the context that asyncio's tasks and `asyncio.to_thread` inherit, and that each thread
has of its own.
"""

from contextvars import ContextVar


class JobScope:
    """The part of a program that is one job's, from its begin to its end."""

    __slots__ = ("_begun", "is_over", "outer")

    def __init__(self) -> None:
        self.outer: JobScope | None = None
        """The job's within which this one began."""
        self.is_over = False
        """Whether the job has ended."""
        self._begun = False

    def begin(self) -> None:
        """Make the running code this job's; once more does nothing."""
        if not self._begun:
            self._begun = True
            self.outer = current()
            _current.set(self)

    def end(self) -> None:
        """Make no code this job's any more, wherever its context went."""
        self.is_over = True
        if _current.get() is self:
            _current.set(self.outer)

    def is_elsewhere(self) -> bool:
        """Return whether the running code is another job's. What no job began is anybody's."""
        scope = current()
        return scope is not None and scope is not self


def current() -> JobScope | None:
    """Return the scope of the innermost job that runs this code and has not ended."""
    scope = _current.get()
    while scope is not None and scope.is_over:
        scope = scope.outer
    return scope


_current: ContextVar[JobScope | None] = ContextVar("hsi_job", default=None)
