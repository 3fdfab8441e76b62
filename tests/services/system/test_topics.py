"""What clients of /ws/system are sent of what is heard."""

import json

import pytest
from websockets.asyncio.client import connect

from hsi.schemas import channels
from hsi_service.bus.history import History
from hsi_service.bus.subscriber import Subscriber
from hsi_service.fanout.feed import Source
from hsi_service.fanout.pages import Pages
from hsi_service.metrics import Metrics
from hsi_service.supervision import Supervisor
from services.system.topics import PERFORMANCE, STATUS, StatusTopic, collected_at
from tests.clients import golden, hear
from tests.services.running import running

UNREACHABLE = "redis://127.0.0.1:1/0"


@pytest.fixture
def topic() -> StatusTopic:
    """A topic of a replica that hears what the test says."""
    metrics = Metrics()
    source = Source(
        Subscriber(UNREACHABLE, name="test", on_outage=lambda: None),
        History(UNREACHABLE, name="test"),
        metrics,
        Supervisor(metrics),
        Pages(),
    )
    return StatusTopic(channels.SYSTEM_STATUS, None, source)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ('{"timestamp":"1970-01-01T00:00:07.5Z"}', 7.5),
        ('{"timestamp":"1970-01-01T01:00:07+01:00","data":{}}', 7.0),
        ('{"timestamp":"1970-01-01T00:00:07"}', 7.0),
        ('{"timestamp":null}', None),
        ('{"timestamp":"yesterday"}', None),
        ('{"timestamp":7}', None),
        ("{}", None),
        ("not JSON", None),
        ("\ud83d", None),
    ],
)
def test_a_status_is_of_the_time_that_it_says(text: str, moment: float | None) -> None:
    assert collected_at(text) == moment


async def test_its_own_status_is_shown_once_and_its_echo_is_told(topic: StatusTopic) -> None:
    echoes = []
    topic.on_echo = lambda: echoes.append(1)
    status = golden("system_status")
    topic.show(status)
    topic.expect(status)
    topic.latest.clear()
    topic.hear(status)
    assert (topic.latest, echoes) == ({}, [1])
    topic.hear(status)  # another producer's, which says the same
    assert topic.latest[STATUS].text == status.decode()


async def test_what_clients_are_not_to_be_shown_is_not_kept_for_later_ones(
    topic: StatusTopic,
) -> None:
    asked: list[float | None] = []

    def accepts(moment: float | None) -> bool:
        asked.append(moment)
        return len(asked) > 1

    topic.accepts = accepts
    status = golden("system_status")
    topic.hear(status)
    assert topic.latest == {}
    topic.hear(status)
    assert topic.latest[STATUS].text == status.decode()
    assert asked == [collected_at(status.decode())] * 2
    topic.hear(golden("performance_update"))  # only statuses are asked about
    assert PERFORMANCE in topic.latest
    assert len(asked) == 2


async def test_a_page_that_asks_is_told_the_time_and_whether_redis_is_heard(
    redis_url: str,
) -> None:
    async with running("system", redis_url) as system:
        url = str(system.http.base_url).replace("http", "ws") + "/ws/system"
        async with connect(url) as client:
            await client.send("ping")
            pong = json.loads(await hear(client))
            while pong["type"] != "pong":
                pong = json.loads(await hear(client))
            assert (await system.get("/status"))["redis"]["heard"] is True
        assert pong.keys() == {"type", "now", "heard"}
        assert pong["heard"] is True
