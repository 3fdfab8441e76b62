"""`hsi webhook`, as typed."""

from click.testing import CliRunner

from hsi.cli.commands import main
from services.notify.webhook import Signer


def test_a_new_secret_is_one_that_the_service_takes() -> None:
    first, second = (CliRunner().invoke(main, ["webhook", "secret"]).stdout for _ in range(2))
    assert first != second
    Signer(first + second)


def test_a_replay_that_nobody_answers_is_one_line() -> None:
    arguments = ["webhook", "replay", "nas", "--since", "0-0", "--server", "ws://127.0.0.1:1"]
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: the service cannot be reached: ")
