"""`hsi run-job`: a command whose output is a job's log, and otherwise the command as it is."""

import contextlib
import fcntl
import os
import re
import select
import selectors
import signal
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType
from typing import NamedTuple

from hsi.cli.output import OutputLine, OutputLines
from hsi.joblogs import JobLogEmitter
from hsi.schemas import EndStatus, LogLevel
from hsi.schemas.job_ids import MAX_LENGTH

PROGRESS_INTERVAL = 5.0
"""Seconds between two log lines of a line that is written over again and again."""
AFTER_EXIT = 1.0
"""Seconds that processes the command left behind may still write after its end."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
"""Exit statuses of a shell."""
_POLL = 0.1
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_MAX_READ = 64 * 1024
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class _Output(NamedTuple):
    """One of the command's two outputs."""

    read_from: int
    echo_to: int
    level: LogLevel
    context: dict[str, str]
    lines: OutputLines


def new_job_id(command: Sequence[str]) -> str:
    """Return a readable and unique id for a job that runs this command."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", os.path.basename(command[0]))  # noqa: PTH119 (a text)
    return f"{name.strip('.-_')[: MAX_LENGTH // 2] or 'job'}-{uuid.uuid4().hex[:8]}"


def run(command: Sequence[str], emitter: JobLogEmitter) -> int:
    """Run a command; echo its output, and stream it as a job's log.

    Standard output is INFO, standard error WARNING, marked with its name. On a terminal, the
    command gets one too, so that it keeps its colours, always as large as ours. Ctrl-C and other
    signals that ask to end go to the command.

    Returns:
        Its exit status; 128+n if signal n ended it.

    """
    with emitter, contextlib.ExitStack() as stack:
        out, out_end = _channel(_STDOUT)
        err, err_end = _channel(_STDERR)
        stack.callback(os.close, out)
        stack.callback(os.close, err)
        # With a terminal to read from, the command has to be in its foreground group, as we are;
        # so what is typed there (Ctrl-C) reaches both of us, and only the rest is forwarded.
        shares_terminal = os.isatty(_STDIN)
        asked_to_end: list[int] = []
        process: subprocess.Popen[bytes] | None = None

        def forward(number: int, _frame: FrameType | None) -> None:
            asked_to_end.append(number)
            typed = shares_terminal and number in {signal.SIGINT, signal.SIGQUIT}
            if process is not None and not typed:
                with contextlib.suppress(ProcessLookupError):
                    (os.kill if shares_terminal else os.killpg)(process.pid, number)

        def resize(_number: int = 0, _frame: FrameType | None = None) -> None:
            # The command's terminals are not the one that its session has, so nobody else tells it.
            changed = [_copy_size(ours, other) for ours, other in ((_STDOUT, out), (_STDERR, err))]
            if process is not None and any(changed):
                with contextlib.suppress(ProcessLookupError):
                    group = os.getpgrp() if shares_terminal else process.pid
                    os.killpg(group, signal.SIGWINCH)  # Ours finds nothing changed, and ends there.

        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]
        handlers = dict.fromkeys(_FORWARDED, forward) | {signal.SIGWINCH: resize}
        stack.enter_context(_handling(handlers))
        try:
            process = subprocess.Popen(  # noqa: S603 (what the user typed)
                command,
                stdout=out_end,
                stderr=err_end,
                process_group=None if shares_terminal else 0,
            )
        except OSError as error:
            return _did_not_start(command[0], error, emitter)
        finally:
            os.close(out_end)
            os.close(err_end)
        outputs = [
            _Output(out, _STDOUT, "INFO", {}, OutputLines()),
            _Output(err, _STDERR, "WARNING", {"stream": "stderr"}, OutputLines()),
        ]
        for number in asked_to_end:  # while it was being started
            process.send_signal(number)
        resize()
        _carry(process, outputs, emitter)
        status = process.wait()
        code = status if status >= 0 else 128 - status
        emitter.close(_end_status(code, asked=bool(asked_to_end)), exit_code=code)
    return code


def _end_status(code: int, *, asked: bool) -> EndStatus:
    if code == 0:
        return "completed"
    return "cancelled" if asked else "failed"


def why_not_started(name: str, error: OSError) -> tuple[int, str]:
    """Return a shell's exit status for a command that cannot be run, and why in words."""
    code = NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    return code, f"{name} cannot be run: {error.strerror}"


def _did_not_start(name: str, error: OSError, emitter: JobLogEmitter) -> int:
    code, message = why_not_started(name, error)
    print(f"hsi: {message}", file=sys.stderr)
    emitter.error(message)
    emitter.close("failed", exit_code=code)
    return code


def _channel(ours: int) -> tuple[int, int]:
    """Return descriptors to read from and to write to: a terminal where ours is one."""
    if not os.isatty(ours):
        return os.pipe()
    outer, inner = os.openpty()
    attributes = termios.tcgetattr(inner)
    attributes[1] &= ~termios.OPOST  # Our own terminal makes the ends of lines.
    termios.tcsetattr(inner, termios.TCSANOW, attributes)
    _copy_size(ours, inner)
    return outer, inner


def _copy_size(ours: int, other: int) -> bool:
    """Give another terminal our size; return whether it had a different one."""
    if not (os.isatty(ours) and os.isatty(other)):
        return False
    size, before = (fcntl.ioctl(one, termios.TIOCGWINSZ, bytes(8)) for one in (ours, other))
    if size == before:
        return False
    fcntl.ioctl(other, termios.TIOCSWINSZ, size)
    return True


def _carry(
    process: "subprocess.Popen[bytes]", outputs: Sequence[_Output], emitter: JobLogEmitter
) -> None:
    """Carry the command's output until it has ended and all of its output is read."""
    give_up, look_at = float("inf"), time.monotonic() + PROGRESS_INTERVAL
    with selectors.DefaultSelector() as selector:
        for output in outputs:
            selector.register(output.read_from, selectors.EVENT_READ, output)
        while selector.get_map() and time.monotonic() < give_up:
            for key, _ in selector.select(_POLL):
                if not _carry_some(key.data, emitter):
                    selector.unregister(key.fd)
            if give_up == float("inf") and process.poll() is not None:
                # Processes that it left behind may keep its output open without end.
                give_up = time.monotonic() + AFTER_EXIT
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + PROGRESS_INTERVAL
                for output in outputs:
                    if output.lines.is_written_over:
                        _log(output, output.lines.current(), emitter)
    for output in outputs:
        _log(output, output.lines.end(), emitter)


def _carry_some(output: _Output, emitter: JobLogEmitter) -> bool:
    """Carry the output that is there; return whether more may come."""
    data = _read(output.read_from)
    _echo(output.echo_to, data)
    _log(output, output.lines.feed(data), emitter)
    return bool(data)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _MAX_READ)
    except OSError:  # So a terminal says on Linux that the other side is closed.
        return b""


def _echo(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(OSError):  # The reader has enough or is gone; the log goes on.
        while data:
            try:
                data = data[os.write(descriptor, data) :]
            except BlockingIOError:  # Others who share it chose so; we wait all the same.
                select.select([], [descriptor], [])


def _log(output: _Output, lines: Iterator[OutputLine], emitter: JobLogEmitter) -> None:
    for line in lines:
        emitter.log(output.level, line.text, dict(output.context), size=line.size)


@contextlib.contextmanager
def _handling(handlers: "Mapping[signal.Signals, signal._HANDLER]") -> Iterator[None]:
    """Handle signals; those that we were started to ignore stay ignored."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in handlers.items()
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
