"""A consumer: prints every event, and goes on where it was after a restart.

How far it came is in Redis, under its name, so an event is missed neither while it is stopped nor
after a crash. An event that was printed and not yet acknowledged comes again.

    pip install ./shared
    python examples/consumer.py my-notifier

Redis is REDIS_URL; by default redis://127.0.0.1:6379/0, where `make run` has its own. Stop: Ctrl-C.
"""

import asyncio
import contextlib
import os
import sys

from hsi import Consumer
from hsi.consumer import Gap
from hsi.schemas import Event


async def main(name: str) -> None:
    """Print the events that come after the last one that was acknowledged under this name."""
    redis_url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
    async with Consumer(redis_url, name, "security_events") as consumer:
        async for received in consumer.messages():
            match received:
                case Gap(after=cursor):
                    print(f"events are missing after {cursor}")
                case _ if isinstance(received.message, Event):
                    data = received.message.data
                    print(f"{data.started_at:%H:%M:%S} {data.camera_id}: {data.summary}")
                case _:
                    print(received.text)  # of a type that this version does not know
            await consumer.acknowledge(received)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "example"))
