"""What is heard of a channel feeds all who listen to a part of it, on a real Redis."""

import asyncio
import json
from collections.abc import Callable

from redis.asyncio import Redis

from hsi.publisher import Publisher
from hsi_service.bus.intake import Message
from hsi_service.fanout.hub import Hub
from hsi_service.fanout.topic import OrderedTopic, Topic
from tests.hsi_service.fanout.test_topic import Ear, event


async def test_all_filters_of_a_channel_stand_above_one_position_and_ask_once_a_message(
    hub: Hub, redis_url: str, channel: str
) -> None:
    asked: list[tuple[str, str]] = []

    def counted(name: str) -> Callable[[Message], bool]:
        def passes(message: Message) -> bool:
            asked.append((name, message.text))
            return name == "all"

        return passes

    filters = {name: counted(name) for name in ("all", "none")}
    ears = {name: [Ear() for _ in range(20)] for name in filters}
    for name, some in ears.items():
        for ear in some:
            topic = hub.enter(ear, channel, OrderedTopic, filters[name])
            await topic.ready()
            topic.join(ear)
    (feed,) = hub.feeds
    assert {topic.position for topic in map(ordered, hub.topics.values())} == {feed.position}
    async with Redis.from_url(redis_url) as redis, Publisher(redis_url) as publisher:
        assert (await redis.pubsub_numsub(channel))[0][1] == 1
        cursor = (await publisher.publish(channel, event(1))).cursor
    for ear in ears["all"]:
        assert (await ear.next())["cursor"] == cursor
    assert [name for name, _ in asked] == ["all", "none"]
    assert all(ear.heard.empty() for ear in ears["none"])
    for name, some in ears.items():
        for ear in some:
            hub.leave(ear, hub.topics[channel, filters[name]])
    assert not list(hub.feeds)


async def test_a_broken_subscription_is_told_for_what_has_no_cursor_is_in_no_history(
    hub: Hub, redis_url: str, channel: str
) -> None:
    ear = Ear()
    topic = hub.enter(ear, channel, OrderedTopic)
    await topic.ready()
    topic.join(ear)
    said = [json.loads(text) for text in topic.pong(ear).texts]
    assert "breaks" not in said[0]
    async with Redis.from_url(redis_url) as redis, asyncio.timeout(10):
        await redis.client_kill_filter(_type="pubsub")
        while not (topic.breaks and topic.is_live()):
            await asyncio.sleep(0.01)
    heartbeat = topic.heartbeat()
    assert heartbeat
    assert json.loads(heartbeat.text)["breaks"] == topic.breaks


def ordered(topic: Topic) -> OrderedTopic:
    assert isinstance(topic, OrderedTopic)
    return topic
