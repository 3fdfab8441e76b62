import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from litestar import Litestar
from redis.asyncio import Redis

from hsi.schemas import channels
from hsi.settings import load
from services.mqtt.app import create_mqtt_app
from services.mqtt.settings import MqttSettings
from tests.mosquitto import Mosquitto
from tests.servers import as_user, serving
from tests.services.mqtt.running import until
from tests.services.mqtt.stories import changed, story

NEW, IN_DRIVEWAY, ON_PORCH, STILL, END = story("events", "0.17")


class Service(NamedTuple):
    app: Litestar
    redis: Redis
    channel: str

    @property
    def reports(self) -> dict[str, Any]:
        return {name: report() for name, report in self.app.state["service"].reports.items()}

    async def events(self) -> list[dict[str, Any]]:
        entries: Any = await self.redis.xrange(channels.history(self.channel))
        return [json.loads(fields[b"m"])["data"] for _, fields in entries]

    async def until_told(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(15):
            while len(events := await self.events()) < count:
                await asyncio.sleep(0.02)
        return events


@contextlib.asynccontextmanager
async def following(
    redis_url: str, channel: str, mosquitto: Mosquitto, **more: str
) -> AsyncIterator[Service]:
    """Run the service beside a test, from when it is connected."""
    settings = load(
        MqttSettings,
        {
            "REDIS_URL": as_user("mqtt", redis_url),
            "REDIS_EVENT_CHANNEL": channel,
            "LEASE_SECONDS": "1",
            **mosquitto.settings,
            **more,
        },
    )
    app = create_mqtt_app(settings)
    async with Redis.from_url(redis_url) as redis, serving(app):
        service = Service(app, redis, channel)
        await until(lambda: service.reports["broker"].connected)
        yield service


async def test_what_frigate_tells_of_one_thing_is_one_event_from_its_beginning_to_its_end(
    own_redis: Any, channel: str, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        mosquitto.client() as frigate,
        following(
            own_redis.url, channel, mosquitto, FRIGATE_URL="https://frigate.example"
        ) as service,
    ):
        for payload in (NEW, IN_DRIVEWAY, IN_DRIVEWAY, ON_PORCH, STILL, STILL, END, END):
            await frigate.publish("frigate/events", payload, qos=1)
        events = await service.until_told(4)
        await until(lambda: service.reports["frigate"].unchanged == 4)
        assert [event["summary"] for event in events] == [
            "Person seen by front door",
            "Person in the driveway (front door)",
            "Person in the driveway and the porch (front door)",
            "Ada in the driveway and the porch (front door)",
        ]
        assert len({event["event_id"] for event in events}) == 1
        assert {event["batch_id"] for event in events} == {json.loads(NEW)["after"]["id"]}
        assert "ended_at" not in events[-2]
        assert events[-1]["ended_at"]
        assert events[-1]["clip_url"].endswith("/clip.mp4")
        assert len(await service.events()) == 4

        strange = (b"", b"\xff", b"[]", b"x" * 300_000, changed(NEW, id="a/../b"))
        for payload in strange:
            await frigate.publish("frigate/events", payload, qos=1)
        await frigate.publish("frigate/events", changed(NEW, id="2.5-b", false_positive=True))
        await frigate.publish("frigate/events", changed(NEW, id="3.5-c"), qos=0)
        assert (await service.until_told(5))[-1]["batch_id"] == "3.5-c"
        report = service.reports["frigate"]
        assert (report.invalid, report.false_positive) == (len(strange), 1)
        assert service.reports["broker"].connections == 1
        figures = service.app.state["service"].metrics.exposition().decode()
        assert "hsi_mqtt_connected 1.0" in figures
        assert f'hsi_mqtt_frigate_total{{outcome="invalid"}} {len(strange):.1f}' in figures
    said = [record for record in caplog.records if "not Frigate's" in record.message]
    assert len(said) == 1


async def test_what_redis_has_is_not_told_again_by_a_process_that_gets_it_again(
    own_redis: Any, channel: str, mosquitto: Mosquitto
) -> None:
    async with mosquitto.client() as frigate:
        async with following(own_redis.url, channel, mosquitto) as service:
            for payload in (NEW, IN_DRIVEWAY):
                await frigate.publish("frigate/events", payload, qos=1)
            before = await service.until_told(2)
            # Redis' memory of keys is shorter than a night: the history alone must do.
            for key in await service.redis.keys(f"{{{channel}}}:once:*"):
                await service.redis.delete(key)
        async with following(own_redis.url, channel, mosquitto) as service:
            for payload in (NEW, IN_DRIVEWAY, ON_PORCH):
                await frigate.publish("frigate/events", payload, qos=1)
            assert (await service.until_told(3))[:2] == before
            await until(lambda: service.reports["frigate"].unchanged == 2)


async def test_reviews_are_followed_where_that_is_wanted(
    own_redis: Any, channel: str, mosquitto: Mosquitto
) -> None:
    async with (
        mosquitto.client() as frigate,
        following(
            own_redis.url, channel, mosquitto, FRIGATE_FOLLOW="reviews", FRIGATE_TOPIC="cams/one"
        ) as service,
    ):
        await frigate.publish("cams/one/events", NEW, qos=1)
        for payload in story("reviews", "0.17"):
            await frigate.publish("cams/one/reviews", payload, qos=1)
        events = await service.until_told(4)
        assert {event["camera_id"] for event in events} == {"front_door"}
        assert events[-1]["summary"] == "Car and person (Ada) in the driveway (front door)"
