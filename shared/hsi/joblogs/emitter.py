"""JobLogEmitter: a job's log and its end, streamed to everybody who watches it."""

import asyncio
import logging
import time
import traceback
import weakref
from collections.abc import Awaitable, Generator
from types import TracebackType
from typing import Any, Self

from msgspec import UNSET

from hsi.joblogs.handler import JobLogHandler
from hsi.joblogs.lines import log_line
from hsi.joblogs.scope import JobScope
from hsi.joblogs.sender import PATIENCE, Sender
from hsi.logs import Throttled
from hsi.schemas import EndStatus, JobEnd, JobEndData, LogLevel

logger = logging.getLogger(__name__)


class JobLogEmitter:
    """Streams a job's log (R21): its lines as they come, and an honest end.

        async with JobLogEmitter(redis_url, job_id) as emitter:
            await emitter.info("Processing batch 2/3", batch_id="abc123")

    It works as well without asyncio, and from threads: `with` instead of `async with`, and no
    `await`. Nothing here waits for Redis but the end, and that for `PATIENCE` seconds: lines wait
    in a bounded buffer, keep their order, and are sent again until Redis has them, once. If they
    become too many, the oldest are dropped, and a line in their place says how many.

    The block says how the job is: running, then completed; failed on an exception, which is logged
    too; cancelled on a cancellation or Ctrl-C. Without a block, it only adds lines, to a job whose
    state somebody else keeps.
    """

    def __init__(self, redis_url: str, job_id: str, *, patience: float = PATIENCE) -> None:
        """Connect with the first line.

        Args:
            redis_url: As `hsi.redis_url.parse` takes it.
            job_id: The job; see `hsi.schemas.job_ids`.
            patience: Seconds that closing waits for Redis.

        Raises:
            InvalidJobIdError: It is not a job id.

        """
        self.job_id = job_id
        self._sender = Sender(redis_url, job_id, patience=patience)
        self._throttled = Throttled(logger)
        self._scope = JobScope()
        self._handlers: weakref.WeakSet[JobLogHandler] = weakref.WeakSet()

    def debug(self, message: str, /, **context: Any) -> Awaitable[None]:
        """Log a line of level DEBUG, with `context` beside it."""
        return self.log("DEBUG", message, context)

    def info(self, message: str, /, **context: Any) -> Awaitable[None]:
        """Log a line of level INFO, with `context` beside it."""
        return self.log("INFO", message, context)

    def warning(self, message: str, /, **context: Any) -> Awaitable[None]:
        """Log a line of level WARNING, with `context` beside it."""
        return self.log("WARNING", message, context)

    def error(self, message: str, /, **context: Any) -> Awaitable[None]:
        """Log a line of level ERROR, with `context` beside it."""
        return self.log("ERROR", message, context)

    def critical(self, message: str, /, **context: Any) -> Awaitable[None]:
        """Log a line of level CRITICAL, with `context` beside it."""
        return self.log("CRITICAL", message, context)

    def log(
        self, level: LogLevel, message: str, context: dict[str, Any], *, size: int | None = None
    ) -> Awaitable[None]:
        """Log a line; it is accepted when this returns, and awaiting it does not wait.

        Args:
            level: How serious it is.
            message: The line; over 16 KiB of UTF-8 it is cut.
            context: Fields beside it; values that JSON does not have become text.
            size: Bytes that the line has, if `message` is only its beginning.

        """
        if self._sender.closed:
            self._throttled.warning(f"job {self.job_id} logged after its end")
        else:
            line = log_line(level, message, context, created=time.time(), size=size)
            self._sender.send(line)
        return _ACCEPTED

    def handler(self, level: int | str = logging.NOTSET) -> JobLogHandler:
        """Return a handler that streams ordinary logging as this job's.

        Where several jobs run in a process, each has what is logged in its own block: by its
        thread, its tasks and `asyncio.to_thread`. What a thread logs that nobody gave a job's
        context (`contextvars.copy_context().run`) goes to every job whose handler hears it.
        Closing takes the handler from its loggers.

        Args:
            level: Less serious records are left out.

        """
        handler = JobLogHandler(self._sender, level, scope=self._scope)
        self._handlers.add(handler)
        return handler

    def flush(self, patience: float = PATIENCE) -> bool:
        """Wait for at most `patience` seconds until Redis has all lines.

        Returns:
            Whether it has.

        """
        return self._sender.flush(patience)

    def begin(self) -> None:
        """Report that the job runs, as entering the block does."""
        self._scope.begin()
        self._sender.begin()

    def close(self, status: EndStatus | None = None, *, exit_code: int | None = None) -> None:
        """Report how the job ended, if it was begun here; send the lines that wait; take no more.

        It waits for `patience` seconds at most. Lines that Redis does not have by then are counted
        in a warning, and tried for ten minutes more while the process lives.

        Args:
            status: How it ended; None leaves that to somebody else.
            exit_code: A command's exit status.

        """
        self._scope.end()
        if self._sender.closed:
            return
        for handler in list(self._handlers):
            handler.detach()
        end = None
        if status is not None:
            data = JobEndData(
                job_id=self.job_id,
                status=status,
                exit_code=UNSET if exit_code is None else exit_code,
            )
            end = JobEnd(data=data)
        self._sender.close(end)

    def _end(self, error: BaseException | None) -> None:
        status = status_of(error)
        if error is not None and status == "failed":
            name = traceback.format_exception_only(error)[-1].strip()
            trace = "".join(traceback.format_exception(error)).rstrip()
            self.log("ERROR", f"the job failed: {name}\n{trace}", {})
        self.close(status)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end(error)

    async def __aenter__(self) -> Self:
        self.begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            await asyncio.to_thread(self._end, error)
        finally:
            self._scope.end()  # Here too: the thread has a context of its own.


def status_of(error: BaseException | None) -> EndStatus:
    """Return how a job ended that this exception ended."""
    match error:
        case None | SystemExit(code=None | 0):
            return "completed"
        case asyncio.CancelledError() | KeyboardInterrupt():
            return "cancelled"
        case _:
            return "failed"


class _Accepted:
    """The awaitable that logging a line returns; awaiting it does not wait."""

    def __await__(self) -> Generator[None]:
        return
        yield


_ACCEPTED = _Accepted()
