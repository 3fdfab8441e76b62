"""The last descriptors: a replica that has no more lets nobody in, and answers probes."""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from websockets.exceptions import InvalidStatus

from hsi_service.skeleton.reserve import SIZE
from local.processes import Process, free_port
from local.service import ServiceProcess
from tests.clients import dashboard, http_client
from tests.servers import as_user

DESCRIPTORS = 128


async def test_out_of_descriptors_probes_are_answered_and_the_log_says_why_once(
    redis_url: str, channel: str, tmp_path: Path, cleanup: Callable[[Process], None]
) -> None:
    replica = ServiceProcess(
        "events",
        name="events",
        port=free_port(),
        log=tmp_path / "events.log",
        REDIS_URL=as_user("events", redis_url),
        REDIS_EVENT_CHANNEL=channel,
        DRAIN_DELAY="0",
        DRAIN_WINDOW="0",
    )
    limited = f'ulimit -n {DESCRIPTORS} && exec "$@"'
    replica.command = ["sh", "-c", limited, "sh", *replica.command]
    cleanup(replica)
    replica.start()
    async with (
        contextlib.AsyncExitStack() as stack,
        http_client(headers={"Connection": "close"}) as http,
    ):
        refused: list[InvalidStatus] = []
        for _ in range(DESCRIPTORS):
            try:
                await stack.enter_async_context(dashboard(replica))
            except InvalidStatus as error:
                refused.append(error)
        assert refused
        assert {error.response.status_code for error in refused} == {503}
        assert refused[0].response.headers["Retry-After"]
        port = int(replica.url.rpartition(":")[2])
        for _ in range(2 * SIZE):  # who asks for nothing
            _, silent = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(silent.close)
            alive = await http.get(f"{replica.url}/health/live", timeout=5)
            assert alive.json() == {"status": "alive"}
        said = [line for line in replica.log.read_text().splitlines() if "descriptors" in line]
        assert len(said) == 1
        assert f'"limit": {DESCRIPTORS}' in said[0]
    async with dashboard(replica):  # there is room again
        pass
