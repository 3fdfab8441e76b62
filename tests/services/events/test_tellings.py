"""Which events a replica's history tells of: read once, and then what is new."""

from collections.abc import AsyncIterator

import pytest

from hsi.schemas.cursor import Cursor
from hsi_service.bus.continuity import Page
from hsi_service.bus.history import History
from hsi_service.skeleton.service import Service
from services.events.settings import EventsSettings
from services.events.tellings import Tellings
from tests.services.events.home import Home


@pytest.fixture
async def service(redis_url: str) -> AsyncIterator[Service]:
    service = Service("events", EventsSettings(redis_url=redis_url))
    yield service
    await service.history.aclose()


async def test_only_what_is_new_is_read_again_and_what_was_wiped_is_forgotten(
    home: Home, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, reads = History.read, []

    async def counted(self: History, channel: str, after: Cursor | None, count: int = 50) -> Page:
        page = await read(self, channel, after, count)
        reads.append(len(page.entries))
        return page

    monkeypatch.setattr(History, "read", counted)
    tellings = Tellings(service, home.channel)
    cursors = await home.happened(*range(9, 0, -1), camera_id="door")
    first = Cursor.parse(cursors[0])
    assert len(await tellings.told(first)) == 9
    await home.happened(0, id=1, camera_id="door")
    assert first is not None
    assert (await tellings.told(first)).is_outdated(first, '{"type":"event","data":{"id":1}}')
    assert reads == [9, 1]
    await home.redis.delete(home.history, home.number)
    assert len(await tellings.told(None)) == 0
