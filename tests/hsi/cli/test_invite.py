"""`hsi invite`, as typed."""

import httpx

from hsi.keys import KeyEntry, digest
from local.processes import free_port
from tests.conftest import StartReplica
from tests.hsi.cli.test_commands import address, hsi

KEY = "a-key"
ENTRY = KeyEntry("kitchen", "act", digest(KEY.encode()).hex())


def test_an_invite_is_a_link_and_a_code_for_a_camera_that_let_a_guest_in(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, API_KEYS=str(ENTRY), SESSION_SECRET="x" * 32)
    server = "--server", address(replica)
    done = hsi("invite", "--scope", "act", *server, HSI_API_KEY=KEY)
    assert done.returncode == 0, done.stderr
    page, _, code = done.stdout.strip().partition("#invite=")
    assert page == f"{replica.url}/"
    assert "█" in done.stderr
    assert "for one use, until " in done.stderr
    assert code not in done.stderr
    answer = httpx.post(f"{replica.url}/api/session", json={"invite": code})
    assert answer.json()["name"] == "kitchen's guest"
    for arguments, key, complaint in (
        (("--scope", "admin"), KEY, "HTTP 403: an invite's scope has to be within your own"),
        (
            (),
            "wrong",
            "HTTP 401: no valid credential: this API key or token is not known",
        ),
        ((), "", "HTTP 401: no API key: send it as"),
        ((), "hunter2\nX: y", "the service cannot be asked: ValueError"),
    ):
        done = hsi("invite", *arguments, *server, HSI_API_KEY=key)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Error: {complaint}")
        assert len(done.stderr.splitlines()) == 1
        assert "hunter2" not in done.stderr
    assert code not in replica.log.read_text()


def test_where_there_is_no_service_it_says_so_in_one_line() -> None:
    done = hsi("invite", "--server", f"ws://127.0.0.1:{free_port()}", HSI_API_KEY=KEY)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the service cannot be reached: ")
    assert len(done.stderr.splitlines()) == 1
