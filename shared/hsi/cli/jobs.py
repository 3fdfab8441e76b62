"""`hsi run-job` and `hsi tail job`: run a command as a job, and follow a job's log."""

import logging
import os
import sys
from typing import NoReturn, TextIO, get_args

import click
from msgspec import UNSET

from hsi.cli.api import page_of, why_missing
from hsi.cli.lines import log_line, plain
from hsi.cli.options import UnusableSettingError, api_key, stream_options, tail_option
from hsi.cli.run_job import new_job_id, run, why_not_started
from hsi.cli.settings import JobSettings
from hsi.cli.streams import follow, note, open_stream
from hsi.client import Received
from hsi.joblogs import JobLogEmitter
from hsi.schemas import EndStatus, JobEnd, JobEndData, Log, LogLevel, job_ids
from hsi.settings import SettingsError, load

_STATUS: dict[EndStatus, int] = {"completed": 0, "failed": 1, "cancelled": 130}
"""Exit statuses of jobs that have none of their own."""
_INTERRUPTED = 130


class NoSuchJobError(click.ClickException):
    """Nothing is kept of a job; the text says whether it ever was."""

    exit_code = os.EX_NOINPUT


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--id", "job_id", help="The job's id; by default the command's name and a number.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run_job(job_id: str | None, command: tuple[str, ...]) -> None:
    """Run COMMAND as a job: its output is shown here, and streamed as the job's log.

    The job's id stands on standard error first; the exit status is the command's. What it writes to
    standard output is INFO, to standard error WARNING. Redis is REDIS_URL; the command never waits
    for it, and where REDIS_URL cannot be used it runs without a log.
    """
    try:
        settings = load(JobSettings, os.environ)
    except SettingsError as error:
        note(f"this job has no log: {error}")
        _become(command)
    logging.basicConfig(format="-- %(message)s", level=logging.WARNING)
    try:
        emitter = JobLogEmitter(settings.redis_url, job_id or new_job_id(command))
    except job_ids.InvalidJobIdError as error:
        raise click.ClickException(str(error)) from error
    note(f"job {emitter.job_id}")
    sys.exit(run(command, emitter))


def _become(command: tuple[str, ...]) -> NoReturn:
    """Run the command in this process's place."""
    try:
        os.execvp(command[0], command)  # noqa: S606 (what the user typed)
    except OSError as error:
        code, message = why_not_started(command[0], error)
        print(f"hsi: {message}", file=sys.stderr)
        sys.exit(code)


@click.command()
@click.argument("job_id")
@click.option(
    "--level",
    type=click.Choice(get_args(LogLevel), case_sensitive=False),
    help="This level and above.",
)
@click.option("--wait", is_flag=True, help="Wait for a job that has not begun.")
@stream_options
@tail_option(1000)
def job(  # noqa: PLR0917 (click passes them by name)
    job_id: str,
    level: str | None,
    wait: bool,  # noqa: FBT001 (an option: click passes it by name)
    server: str,
    since: str | None,
    count: int,
    api_key_file: TextIO | None,
) -> None:
    """Follow the log of job JOB_ID to its end; the exit status is the job's.

    On a terminal with time and level; in a pipe the lines alone, as the job wrote them. A job that
    failed without an exit status of its own gives 1, a cancelled one 130. If there is no such job,
    and without --wait, it is 66; if the job says nothing until the service lets us go, 69.
    """
    try:
        url = f"{server}/ws/jobs/{job_ids.check(job_id)}/logs"
    except job_ids.InvalidJobIdError as error:
        raise click.ClickException(str(error)) from error
    key = api_key(api_key_file)
    stream = open_stream(url + (f"?level={level}" if level else ""), since, count, key)
    _see_that_it_is(job_id, server, key, wait=wait)
    ends: list[JobEndData] = []

    def text(received: Received) -> str | None:
        match received.message:
            case Log(data=line):
                return log_line(line) if sys.stdout.isatty() else line.message
            case JobEnd(data=data):
                ends.append(data)
                return None
            case _:
                return plain(received.text)

    try:
        follow(stream, text)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    if not ends:
        note("the job says nothing, and has not ended")
        sys.exit(os.EX_UNAVAILABLE)
    end = ends[-1]
    note(f"job {job_id} {end.status}")
    sys.exit(_STATUS[end.status] if end.exit_code is UNSET else end.exit_code)


def _see_that_it_is(job_id: str, server: str, key: str, *, wait: bool) -> None:
    """End where there is no such job, or say that it is waited for.

    Args:
        job_id: The job.
        server: ws:// or wss://.
        key: Of `api_key`.
        wait: Whether it is to be waited for.

    Raises:
        NoSuchJobError: There is none, and nobody wants to wait.

    """
    try:
        why = why_missing(f"{page_of(server)}api/jobs/{job_id}", key)
    except UnusableSettingError:
        return  # Good enough for a stream: with a proxy's password in it, for example.
    # What is said of the job names it; a server that knows no jobs says something else.
    if why is None or job_id not in why:
        return
    if not wait:
        raise NoSuchJobError(f"no such job: {why} (--wait waits for it)")
    note(f"waiting for it: {why}")
