"""The demo's Frigate: a day that was written down, told to the broker again and again.

`python -m local.frigate HOST PORT`, with MQTT_USERNAME and MQTT_PASSWORD, until it is ended. What
it publishes has the form of Frigate's documentation (`frigate/events`), and is made up.
"""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiomqtt

from hsi.schemas.base import now
from local.processes import Process

DAY = Path(__file__).with_name("frigate_day.json")
PAUSE = 4.0
"""Seconds between two objects, which in the day itself are hours apart."""
RECONNECT_DELAY = 1.0
_TIMES = ("frame_time", "start_time", "end_time")


class Message(NamedTuple):
    """What is published, and when."""

    after: float
    """Seconds since the replay began."""
    topic: str
    payload: dict[str, Any]


def recorded() -> list[dict[str, Any]]:
    """Return the day's messages: each a topic and a payload."""
    messages: list[dict[str, Any]] = json.loads(DAY.read_text())
    return messages


def replay(messages: list[dict[str, Any]], began: float, number: int = 0) -> Iterator[Message]:
    """Yield a day's messages, an object shortly after the other, as if it happened now. Pure.

    Args:
        messages: The day, in its order.
        began: When the replay begins, in seconds since 1970.
        number: Of the replay: the same object has another id in the next.

    """
    starts: dict[str, float] = {}
    end = 0.0
    for message in messages:
        after = message["payload"]["after"]
        recorded_start = after["start_time"]
        start = starts.setdefault(after["id"], end + PAUSE)
        at = start + after["frame_time"] - recorded_start
        end = max(end, at)
        shift = began + start - recorded_start
        yield Message(at, message["topic"], _moved(message["payload"], shift, number))


def _moved(value: Any, shift: float, number: int, name: str = "") -> Any:
    """Return a part of a payload, with its times moved and its id made new."""
    if isinstance(value, dict):
        return {key: _moved(each, shift, number, key) for key, each in value.items()}
    if name in _TIMES and value is not None:
        return round(value + shift, 6)
    if name == "path_data":
        return [[point, round(time + shift, 6)] for point, time in value]
    if name == "id":
        started, _, rest = value.partition("-")
        return f"{float(started) + shift:.6f}-{rest[:-1]}{number % 10}"
    return value


class FrigateDay(Process):
    """The replay, as a process of its own."""

    def __init__(self, *, host: str, port: int, log: Path, username: str, password: str) -> None:
        """Set the program up; `start` runs it."""
        super().__init__(
            "demo frigate",
            [sys.executable, "-m", "local.frigate", host, str(port)],
            url=f"mqtt://{host}:{port}",
            log=log,
            environment=os.environ | {"MQTT_USERNAME": username, "MQTT_PASSWORD": password},
        )


async def publish(host: str, port: int) -> None:
    """Publish the day again and again, through any outage of the broker; without end."""
    for number in itertools.count():
        messages = replay(recorded(), now().timestamp(), number)
        began = asyncio.get_running_loop().time()
        while True:
            try:
                async with aiomqtt.Client(
                    host,
                    port,
                    identifier="demo-frigate",
                    username=os.environ.get("MQTT_USERNAME") or None,
                    password=os.environ.get("MQTT_PASSWORD") or None,
                ) as client:
                    for message in messages:
                        wait = began + message.after - asyncio.get_running_loop().time()
                        await asyncio.sleep(max(0.0, wait))
                        # As Frigate does: QoS 0, at most once.
                        await client.publish(message.topic, json.dumps(message.payload), qos=0)
                break
            except aiomqtt.MqttError as error:
                print(f"the broker is away: {error}", flush=True)
                await asyncio.sleep(RECONNECT_DELAY)


if __name__ == "__main__":
    asyncio.run(publish(sys.argv[1], int(sys.argv[2])))
