"""The dashboard of `make run` in a real Firefox: what each page owes its reader, and the stream."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from hsi.publisher import Publisher
from tests.firefox import FIREFOX, HOW_TO_GET_IT, Firefox, firefox
from tests.servers import OwnRedis, Stack
from tests.system.test_dashboard import event

pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("make run"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(FIREFOX is None, reason=HOW_TO_GET_IT),
]
HEADINGS = {
    "/": "Dashboard",
    "/events": "Events",
    "/performance": "Performance",
    "/jobs": "Jobs",
}
"""Of each page, by its path."""
CONNECTION = "[aria-label=Connection] strong"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, redis: OwnRedis) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("run") / "stack", REDIS_URL=redis.url, DEMO="0")
    stack.log.parent.mkdir()
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Firefox]:
    async with firefox(tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


@pytest.mark.parametrize("path", HEADINGS)
async def test_every_page_fits_every_width_and_is_accessible(
    stack: Stack, browser: Firefox, path: str
) -> None:
    for width in (360, 768, 1280, 2560):
        await browser.open(stack.url.replace("ws", "http", 1) + path, width=width)
        await browser.shows("Live", at=CONNECTION)
        await browser.shows(HEADINGS[path], at="h1")
        assert await browser.overflow() == 0
    assert await browser.inaccessible() == []
    assert browser.complaints == []


async def test_events_come_and_none_is_missed_while_the_events_service_is_away(
    stack: Stack, redis: OwnRedis, browser: Firefox
) -> None:
    await browser.open(stack.url.replace("ws", "http", 1))
    await browser.shows("Live", at=CONNECTION)
    async with Publisher(redis.url) as publisher:
        await publisher.publish("security_events", event("Before"))
        await browser.shows("Before", at="[aria-label=Events]")
        (replica,) = stack.replicas("services.events")
        replica.send_signal(signal.SIGKILL)
        await publisher.publish("security_events", event("Meanwhile"))
    await browser.shows("Meanwhile", at="[aria-label=Events]")

    await browser.shows("Live", at=CONNECTION)
