"""`hsi seen`, as typed."""

from hsi.keys import KeyEntry, digest
from hsi.sync_publisher import SyncPublisher
from tests.clients import golden
from tests.conftest import StartReplica
from tests.hsi.cli.test_commands import address, hsi

KEY = "a-key"
ENTRY = KeyEntry("kitchen", "act", digest(KEY.encode()).hex())


def test_an_event_is_marked_as_seen_and_the_mark_taken_back(
    redis_url: str, channel: str, start_replica: StartReplica
) -> None:
    replica = start_replica(redis_url, channel, API_KEYS=str(ENTRY))
    with SyncPublisher(redis_url) as publisher:
        publisher.publish(channel, golden("event"))
    server = "--server", address(replica)
    done = hsi("seen", "123", *server, HSI_API_KEY=KEY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("123: seen by kitchen at 20")
    done = hsi("seen", "123", "--undo", *server, HSI_API_KEY=KEY)
    assert (done.returncode, done.stdout) == (0, "123: not seen\n")
    for event_id, key, complaint in (
        ("124", KEY, "HTTP 404: the history has no such event"),
        ("../session", KEY, "HTTP 404: "),
        ("123", "", "HTTP 401: no API key"),
    ):
        done = hsi("seen", event_id, *server, HSI_API_KEY=key)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"Error: {complaint}")
        assert len(done.stderr.splitlines()) == 1
