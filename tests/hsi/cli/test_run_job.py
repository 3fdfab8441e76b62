"""`hsi run-job`: the command as it is, and its output as a job's log."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hsi.cli.run_job import new_job_id
from hsi.schemas.job_ids import MAX_LENGTH, check
from local.processes import Process
from tests.clients import until
from tests.hsi.cli.test_commands import HSI, hsi
from tests.job_logs import history, said, state
from tests.servers import RedisServer


def run_job(redis_url: str, job_id: str, script: str) -> subprocess.CompletedProcess[str]:
    return hsi("run-job", "--id", job_id, "--", "sh", "-c", script, REDIS_URL=redis_url)


def test_output_is_shown_and_streamed_in_order(redis_url: str, job_id: str) -> None:
    result = run_job(redis_url, job_id, "echo one; echo two; printf '\\033[31mred\\033[0m\\nend'")
    assert (result.returncode, result.stdout) == (0, "one\ntwo\n\x1b[31mred\x1b[0m\nend")
    assert result.stderr == f"-- job {job_id}\n"
    assert said(redis_url, job_id) == ["one", "two", "\x1b[31mred\x1b[0m", "end", "end: completed"]
    assert state(redis_url, job_id)["status"] == "completed"


def test_standard_error_is_a_warning_and_says_so(redis_url: str, job_id: str) -> None:
    result = run_job(redis_url, job_id, "echo out; echo err >&2")
    assert result.stderr == f"-- job {job_id}\nerr\n"
    *lines, _ = [message["data"] for message in history(redis_url, job_id)]
    found = {line["message"]: (line["level"], line.get("context")) for line in lines}
    assert found == {"out": ("INFO", None), "err": ("WARNING", {"stream": "stderr"})}


@pytest.mark.parametrize(
    ("script", "code"), [("exit 3", 3), ("kill -KILL $$", 137), ("kill -TERM $$", 143)]
)
def test_the_exit_status_is_the_commands(
    redis_url: str, job_id: str, script: str, code: int
) -> None:
    assert run_job(redis_url, job_id, script).returncode == code
    *_, end = history(redis_url, job_id)
    assert end["data"] == {"job_id": job_id, "status": "failed", "exit_code": code}


def test_whatever_stands_in_its_environment_the_command_runs(redis_url: str, job_id: str) -> None:
    script = "echo $PORT $HISTORY_LENGTH"
    result = hsi(
        *("run-job", "--id", job_id, "--", "sh", "-c", script),
        REDIS_URL=redis_url,
        HISTORY_LENGTH="many",
        LOG_LEVEL="info",
        PORT="tcp://10.43.0.1:80",
    )
    assert (result.returncode, result.stdout) == (0, "tcp://10.43.0.1:80 many\n")
    assert said(redis_url, job_id) == ["tcp://10.43.0.1:80 many", "end: completed"]


@pytest.mark.parametrize("url", ["tcp://10.43.0.1:6379", "redis://:hunter2@127.0.0.1:1?db=abc"])
def test_where_redis_can_have_no_log_the_command_runs_without_one(url: str) -> None:
    result = hsi("run-job", "--", "sh", "-c", "echo out; echo err >&2; exit 3", REDIS_URL=url)
    assert (result.returncode, result.stdout) == (3, "out\n")
    note, err = result.stderr.splitlines()
    assert note.startswith("-- this job has no log: REDIS_URL: ")
    assert "hunter2" not in note
    assert err == "err"
    result = hsi("run-job", "--", "no-such-command", REDIS_URL=url)
    assert result.returncode == 127
    assert "no-such-command cannot be run: No such file" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_command_that_is_none_is_what_a_shell_says(
    redis_url: str, job_id: str, tmp_path: Path
) -> None:
    (script := tmp_path / "script").write_text("echo not executable")
    for name, code in (("no-such-command", 127), (str(script), 126)):
        result = hsi("run-job", "--id", job_id, "--", name, REDIS_URL=redis_url)
        assert result.returncode == code
        assert f"hsi: {name} cannot be run: " in result.stderr
        line, end = history(redis_url, job_id)[-2:]
        assert line["data"]["message"].startswith(f"{name} cannot be run: ")
        assert end["data"]["exit_code"] == code


def test_output_that_is_odd(redis_url: str, job_id: str) -> None:
    script = "printf 'caf\\351\\n 10%%\\r 99%%\\r100%%\\n'; head -c 100000 /dev/zero | tr '\\0' x"
    result = hsi_bytes(redis_url, job_id, script)
    assert result.stdout == b"caf\xe9\n 10%\r 99%\r100%\n" + b"x" * 100_000  # as it came
    odd, progress, long, _ = said(redis_url, job_id)
    assert (odd, progress) == ("caf\N{REPLACEMENT CHARACTER}", "100%")
    assert long.endswith("xxx … [cut: the line has 100000 bytes]")


def hsi_bytes(redis_url: str, job_id: str, script: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [HSI, "run-job", "--id", job_id, "--", "sh", "-c", script],
        env=os.environ | {"REDIS_URL": redis_url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )


def test_a_redis_that_is_gone_does_not_disturb_the_command(job_id: str) -> None:
    result = run_job("redis://127.0.0.1:1/0", job_id, "echo one; exit 4")
    assert (result.returncode, result.stdout) == (4, "one\n")
    assert "Redis does not have the last 2 lines of its log" in result.stderr
    assert "Traceback" not in result.stderr


def test_what_the_command_leaves_behind_is_not_waited_for(redis_url: str, job_id: str) -> None:
    began = time.monotonic()
    result = run_job(redis_url, job_id, "sleep 50 & echo $!")
    os.kill(int(result.stdout), signal.SIGKILL)
    assert time.monotonic() - began < 40
    assert said(redis_url, job_id)[1:] == ["end: completed"]


def test_who_has_read_enough_does_not_end_the_job(redis_url: str, job_id: str) -> None:
    with subprocess.Popen(
        [HSI, "run-job", "--id", job_id, "--", "sh", "-c", "echo 1; read go; echo 2; echo 3"],
        env=os.environ | {"REDIS_URL": redis_url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"1\n"
        process.stdout.close()
        process.stdin.write(b"go\n")
        process.stdin.close()
        assert process.wait(30) == 0
    assert said(redis_url, job_id) == ["1", "2", "3", "end: completed"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_who_asks_us_to_end_asks_the_command(
    redis_url: str,
    job_id: str,
    tmp_path: Path,
    cleanup: Callable[[Process], None],
    number: signal.Signals,
) -> None:
    job = Process(
        "job",
        [HSI, "run-job", "--id", job_id, "--", "sh", "-c", "echo ready; exec sleep 100"],
        url="",
        log=tmp_path / "job",
        environment=os.environ | {"REDIS_URL": redis_url},
    )
    cleanup(job)
    job.start()

    async def is_ready() -> bool:
        return "ready" in job.log.read_text()

    await until(is_ready)
    job.signal(number)
    assert await job.wait() == 128 + number
    assert said(redis_url, job_id) == ["ready", "end: cancelled"]


@contextlib.contextmanager
def on_terminal(
    redis_url: str, job_id: str, folder: Path, *command: str
) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run a job on a terminal of its own; yield the terminal's other side, and the process."""
    ours, theirs = pty.openpty()
    program = folder / "program"  # takes the terminal as its own, as a shell does
    program.write_text(
        "import fcntl, os, signal, sys, termios\n"
        # A shell that runs us in the background has us ignore it.
        "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    with subprocess.Popen(
        [HSI.with_name("python"), program, HSI, "run-job", "--id", job_id, "--", *command],
        env=os.environ | {"REDIS_URL": redis_url},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield ours, process
        finally:
            process.kill()
    os.close(ours)


def shown_until(terminal: int, *texts: bytes) -> None:
    """Read what a terminal shows until all of this was there."""
    shown, deadline = b"", time.monotonic() + 20
    while not all(text in shown for text in texts):
        assert select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], shown
        shown += os.read(terminal, 1000)


def test_on_a_terminal_the_command_has_one_too_and_ctrl_c_reaches_it(
    redis_url: str, job_id: str, tmp_path: Path
) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && echo a terminal; echo err >&2; exec sleep 100"
    with on_terminal(redis_url, job_id, tmp_path, "sh", "-c", script) as (ours, process):
        shown_until(ours, b"a terminal", b"err\r\n")
        os.write(ours, b"\x03")
        assert process.wait(30) == 130
    assert set(said(redis_url, job_id)) == {"a terminal", "err", "end: cancelled"}


def test_a_terminal_that_is_resized_is_so_for_the_command_too(
    redis_url: str, job_id: str, tmp_path: Path
) -> None:
    script = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print(os.get_terminal_size(1), flush=True))\n"
        "print('ready', flush=True)\n"
        "while True: time.sleep(1)\n"
    )
    with on_terminal(redis_url, job_id, tmp_path, sys.executable, "-c", script) as (ours, process):
        shown_until(ours, b"ready")
        size = struct.pack("HHHH", 37, 123, 0, 0)
        fcntl.ioctl(ours, termios.TIOCSWINSZ, size)
        shown_until(ours, b"columns=123, lines=37")
        os.write(ours, b"\x03")
        process.wait(30)


def test_an_output_that_does_not_block_is_waited_for(redis_url: str, job_id: str) -> None:
    size = 1_000_000
    script = f"head -c {size} /dev/zero | tr '\\0' x"
    read, write = os.pipe()
    os.set_blocking(write, False)
    with subprocess.Popen(
        [HSI, "run-job", "--id", job_id, "--", "sh", "-c", script],
        env=os.environ | {"REDIS_URL": redis_url},
        stdout=write,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(write)
        time.sleep(0.5)  # until it is full
        got = 0
        while data := os.read(read, 65536):
            got += len(data)
        assert process.wait(30) == 0
    os.close(read)
    assert got == size


def test_redis_killed_and_restarted_while_a_command_runs(
    own_redis: RedisServer, job_id: str
) -> None:
    with subprocess.Popen(
        [HSI, "run-job", "--id", job_id, "--", "sh", "-c", "while read line; do echo $line; done"],
        env=os.environ | {"REDIS_URL": own_redis.url},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(300):
            if number == 100:
                own_redis.kill()
            if number == 200:
                own_redis.start()
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()
            assert process.stdout.readline() == b"%d\n" % number
        process.stdin.close()
        assert process.wait(60) == 0
    assert said(own_redis.url, job_id) == [*map(str, range(300)), "end: completed"]


def test_an_id_that_is_none_is_refused_before_anything_runs(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    result = hsi("run-job", "--id", "a:logs", "--", "touch", str(mark))
    assert result.returncode == 1
    assert "'a:logs' is not a job id" in result.stderr
    assert not mark.exists()


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("make", "make"),
        ("/usr/bin/python3.11", "python3.11"),
        ("./my script!.sh", "my-script-.sh"),
        ("[", "job"),
        ("x" * 500, "x" * (MAX_LENGTH // 2)),
    ],
)
def test_a_job_without_an_id_is_called_like_its_command(command: str, name: str) -> None:
    one, other = new_job_id([command]), new_job_id([command])
    assert re.fullmatch(re.escape(name) + "-[0-9a-f]{8}", check(one))
    assert one != other


def test_an_id_is_said_first(redis_url: str) -> None:
    result = hsi("run-job", "echo", "-n", "hi", REDIS_URL=redis_url)
    assert result.stdout == "hi"
    found = re.fullmatch(r"-- job (echo-[0-9a-f]{8})\n", result.stderr)
    assert found is not None
    assert said(redis_url, found[1]) == ["hi", "end: completed"]
