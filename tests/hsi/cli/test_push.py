"""`hsi push`, as typed."""

from click.testing import CliRunner

from hsi.cli.commands import main
from hsi.cli.push import vapid_key
from services.notify.vapid import Vapid


def test_a_new_vapid_key_is_printed_as_the_service_reads_it() -> None:
    done = CliRunner().invoke(main, ["push", "keys"])
    lines = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert lines.keys() == {"VAPID_PRIVATE_KEY", "VAPID_SUBJECT"}
    vapid = Vapid(lines["VAPID_PRIVATE_KEY"], lines["VAPID_SUBJECT"])
    assert len(vapid.public_key) == 87
    assert "your own address" in done.stderr


def test_no_two_keys_are_the_same() -> None:
    keys = {vapid_key() for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {43}
