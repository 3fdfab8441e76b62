"""A job's ordinary logging, as lines of its log."""

import logging

from hsi.joblogs.lines import level_of, log_line
from hsi.joblogs.scope import JobScope
from hsi.joblogs.sender import Sender
from hsi.logs import extra_of


class JobLogHandler(logging.Handler):
    """Sends each record to a job's log: its message, its traceback, its `extra` as context.

    Made by `JobLogEmitter.handler`. Without a formatter of its own, a line is the bare message;
    its level, its time and the logger's name travel beside it. What another job of the process logs
    is left out.
    """

    def __init__(
        self, sender: Sender, level: int | str = logging.NOTSET, *, scope: JobScope | None = None
    ) -> None:
        """Send records of this level and above.

        Args:
            sender: The job's.
            level: Less serious records are left out; a name in any case of letters.
            scope: The job's; None: what every job of the process logs is sent.

        """
        super().__init__(level.upper() if isinstance(level, str) else level)
        self._sender = sender
        self._scope = scope

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; takes microseconds, and never fails the job."""
        sender = self._sender
        # Records of the sending itself must not be sent: each would cause another.
        if sender.closed or sender.is_own_thread():
            return
        if self._scope is not None and self._scope.is_elsewhere():
            return
        try:
            plain = self.formatter is None and not (
                record.exc_info or record.exc_text or record.stack_info
            )
            message = record.getMessage() if plain else self.format(record)
            context = {"logger": record.name} | extra_of(record)
            line = log_line(level_of(record.levelno), message, context, created=record.created)
            sender.send(line)
        except Exception:  # noqa: BLE001 (as every handler: what a job logs may raise anything)
            self.handleError(record)

    def detach(self) -> None:
        """Take the handler from every logger that has it, so that nothing of the job stays."""
        loggers = [logging.root, *logging.root.manager.loggerDict.values()]
        for logger in loggers:
            # A name that only stands between others has no logger.
            if isinstance(logger, logging.Logger) and self in logger.handlers:
                logger.removeHandler(self)
        self.close()
