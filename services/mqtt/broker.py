"""The broker, in both directions, over one connection at a time that is made again without end.

What comes at QoS 1 is acknowledged after its handler has returned, and in the order in which it
came: until then the broker holds it, through our restarts and crashes, for the session outlives the
connection. So a handler may get a message twice, and never none. What is published waits for the
broker's acknowledgement, and is sent again, in its place, over the next connection.

The broker tells others by `status_topic`, retained, whether somebody is connected: "online", and
its will, "offline", some seconds after nobody is.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import paho.mqtt.client as paho
from msgspec import Struct
from prometheus_client import Counter, Gauge
from redis.backoff import EqualJitterBackoff

from hsi.logs import Throttled
from hsi.tasks import cancel_and_wait
from hsi_service.metrics import LabelledCounter, Metrics
from services.mqtt.address import BrokerAddress
from services.mqtt.connection import Accepted, Connection, ConnectionEndedError, Will
from services.mqtt.inbox import Inbox, Waiting
from services.mqtt.messages import Outgoing, Received, check_topic, describe_topic
from services.mqtt.outbox import Outbox
from services.mqtt.pauses import Pauses

logger = logging.getLogger(__name__)

MAX_PUBLISHING = 200
"""Messages that may wait for the broker; who publishes one more waits before."""
MAX_IN_FLIGHT = 20
"""Messages that are sent without an acknowledgement, unless the broker takes fewer."""
RETRY_BASE = 0.1
RETRY_CAP = 5.0
"""Seconds between two tries of a handler that failed, at most."""
ONLINE, OFFLINE = b"online", b"offline"

Handle = Callable[[Received], Awaitable[None]]
Do = Callable[[], Awaitable[None]]


class PublishRefusedError(Exception):
    """The broker does not take a message, and would not take it again."""


class BrokerReport(Struct):
    """What `GET /status` tells of the broker."""

    address: str
    connected: bool
    connected_for_s: float | None
    connections: int
    """Times that it was connected with since this process began."""
    waiting_in: int
    """Messages that came and were not dealt with yet."""
    waiting_out: int
    """Messages that the broker has not acknowledged yet."""
    refused: dict[str, str]
    """What may not be subscribed to, and why."""
    trouble: str | None
    """Why there is no connection; null while there is one."""


class Broker:
    """Messages from and to an MQTT broker. `run` connects; everything else waits for it."""

    def __init__(
        self, address: BrokerAddress, metrics: Metrics, *, status_topic: str = "hsi/status"
    ) -> None:
        """Prepare; `run` does the work.

        Args:
            address: The broker.
            metrics: The service's.
            status_topic: Where others learn whether somebody is connected.

        """
        self.status_topic = status_topic
        self._address = address
        self._will = Will(status_topic, OFFLINE)
        self._handlers: dict[str, list[Handle]] = {}
        self._when_connected: list[Do] = []
        self._when_begun: list[Callable[[], object]] = []
        self._inbox = Inbox()
        self._came = asyncio.Event()
        self._outbox = Outbox()
        self._room = asyncio.Semaphore(MAX_PUBLISHING)
        self._pauses = Pauses()
        self._connection: Connection | None = None
        self._accepted: Accepted | None = None
        self._connected_at: float | None = None
        self._stood = 0.0
        self._trouble: str | None = "not connected yet"
        self._refused: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._number = 0
        self._losses, self._rivals, self._failures, self._strange, self._crowded = (
            Throttled(logger) for _ in range(5)
        )
        registry = metrics.registry
        self._connections = Counter(
            "hsi_mqtt_connections", "Times that the broker was connected with.", registry=registry
        )
        self._times_connected = 0
        Gauge(
            "hsi_mqtt_connected", "1 while the broker is connected with; else 0.", registry=registry
        ).set_function(lambda: self.connected)
        self._received = LabelledCounter(
            Counter(
                "hsi_mqtt_received",
                "Messages from the broker, by what became of them.",
                ["outcome"],
                registry=registry,
            )
        )
        self._published = LabelledCounter(
            Counter(
                "hsi_mqtt_published",
                "Messages to the broker, by what became of them.",
                ["outcome"],
                registry=registry,
            )
        )
        for outcome in ("handled", "retried", "lost", "unreadable", "unwanted"):
            self._received.labels(outcome)
        for outcome in ("acknowledged", "refused"):
            self._published.labels(outcome)

    @property
    def connected(self) -> bool:
        """Whether the broker takes messages, and sends what was subscribed to."""
        return self._connected_at is not None

    def on_message(self, topic_filter: str, handle: Handle) -> None:
        """Subscribe, from the next connection on.

        One message is handled at a time, of all filters, in the order in which they came.

        Args:
            topic_filter: Of topics, with + and # as MQTT has them.
            handle: The message is acknowledged when it returns. What it raises is logged, and the
                message handled again, while others wait: so it raises what passes, and nothing
                else. It may get a message twice.

        """
        self._handlers.setdefault(topic_filter, []).append(handle)

    def on_connected(self, do: Do) -> None:
        """Do something whenever a connection stands; should it fail, again while it does."""
        self._when_connected.append(do)

    def on_begin(self, do: Callable[[], object]) -> None:
        """Do something when `run` begins: until then another replica may have led."""
        self._when_begun.append(do)

    async def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, qos: int = 1
    ) -> None:
        """Publish a message; return when the broker has it. Waits for a connection.

        Messages are sent in the order in which they were published.

        Args:
            topic: Without + and #.
            payload: Empty and retained: the broker forgets the topic's last one.
            retain: Let the broker keep it for those that subscribe later.
            qos: 0: return when it was sent, and nobody knows whether it arrived.

        Raises:
            ValueError: Nothing can be published to such a topic, or it is no such QoS.
            PublishRefusedError: The broker will not take it.

        """
        check_topic(topic)
        if qos not in {0, 1}:
            raise ValueError(f"QoS {qos}: expected 0 or 1")
        async with self._room:
            acknowledged = asyncio.get_running_loop().create_future()
            self._outbox.append(Outgoing(topic, payload, qos, retain, acknowledged))
            self._send()
            await acknowledged

    async def run(self) -> None:
        """Be connected, again and again; ends only when cancelled."""
        # The broker holds these, and another replica may have dealt with them.
        self._number = next(self._numbers)
        self._inbox.drop_unacknowledged(self._number)
        for do in self._when_begun:
            do()
        working = asyncio.create_task(self._work(), name="mqtt inbox")
        connecting = asyncio.create_task(self._stay_connected(), name="mqtt connection")
        try:
            # Neither ends by itself; should one, the service's supervisor begins again.
            await asyncio.wait({working, connecting}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*(task for task in (working, connecting) if task.done()))
        finally:
            await cancel_and_wait(working, connecting)

    def report(self) -> BrokerReport:
        """Return what `GET /status` tells."""
        since = self._connected_at
        return BrokerReport(
            address=str(self._address),
            connected=self.connected,
            connected_for_s=None if since is None else round(time.monotonic() - since, 3),
            connections=self._times_connected,
            waiting_in=len(self._inbox),
            waiting_out=len(self._outbox),
            refused=dict(self._refused),
            trouble=self._trouble,
        )

    async def _stay_connected(self) -> None:
        while True:
            self._stood = 0.0
            try:
                ended = await self._connect_once()
            except ConnectionEndedError as error:
                ended = error
            self._trouble = str(ended)
            pause = self._pauses.after(self._stood, taken_over=ended.taken_over)
            if self._pauses.suspects_rival:
                self._rivals.warning(
                    "the broker ends each connection soon: has another client our id? Each needs "
                    "an MQTT_CLIENT_ID of its own",
                    client_id=self._address.client_id,
                    pause_s=round(pause, 1),
                )
            else:
                self._losses.warning(
                    "the broker is away",
                    broker=str(self._address),
                    trouble=str(ended),
                    pause_s=round(pause, 1),
                )
            await asyncio.sleep(pause)

    async def _connect_once(self) -> ConnectionEndedError:
        """Connect, and stay until the connection ends; return why it did."""
        self._number = next(self._numbers)
        connection = Connection(self._address, self._will, self)
        following = asyncio.create_task(self._follow(connection), name="mqtt connected")
        try:
            either: set[asyncio.Future[Any]] = {following, connection.ended}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()
            return await connection.ended
        finally:
            if self._connected_at is not None:
                self._stood = time.monotonic() - self._connected_at
            self._connection = self._accepted = self._connected_at = None
            await cancel_and_wait(following)
            await connection.aclose()
            self._outbox.connection_lost()

    async def _follow(self, connection: Connection) -> None:
        """Open a connection, and do what is to be done once it stands."""
        self._accepted = await connection.open()
        if self._accepted.session_present:
            self._inbox.drop_unacknowledged(self._number)
        self._connection = connection
        self._send()
        self._refused = await connection.subscribe(self._handlers)
        for topic_filter, reason in self._refused.items():
            logger.warning(
                "the broker lets us not subscribe",
                extra={"filter": topic_filter, "reason": reason},
            )
        self._connected_at, self._trouble = time.monotonic(), None
        self._times_connected += 1
        self._connections.inc()
        logger.info(
            "connected with the broker",
            extra={
                "broker": str(self._address),
                "session_present": self._accepted.session_present,
            },
        )
        await asyncio.gather(
            self.publish(self.status_topic, ONLINE, retain=True),
            *(self._until_done(do) for do in self._when_connected),
        )

    async def _until_done(self, do: Do) -> None:
        await self._retry(do, "what follows a connection failed")

    async def _retry(self, do: Do, words: str) -> None:
        """Do something until it succeeds."""
        backoff = EqualJitterBackoff(cap=RETRY_CAP, base=RETRY_BASE)
        for failures in itertools.count(1):
            try:
                await do()
            except Exception as error:  # noqa: BLE001 (whatever it is, the rest goes on)
                self._failures.error(words, error)
                await asyncio.sleep(backoff.compute(failures))
            else:
                return

    async def _work(self) -> None:
        """Handle what came, one after another."""
        while True:
            while not (waiting := self._inbox.next()):
                self._came.clear()
                await self._came.wait()
            try:
                await self._handle(waiting.received)
            except asyncio.CancelledError:
                self._inbox.put_back(waiting)
                raise
            if waiting.received.qos and waiting.connection == self._number and self._connection:
                self._connection.acknowledge(waiting.number)

    async def _handle(self, received: Received) -> None:
        handlers = [
            handle
            for topic_filter, handles in self._handlers.items()
            if paho.topic_matches_sub(topic_filter, received.topic)
            for handle in handles
        ]
        for handle in handlers:
            await self._retry(partial(self._try, handle, received), "a message is not handled yet")
        self._received.labels("handled" if handlers else "unwanted").inc()
        if not handlers and self._connection:
            # The session is older than a setting that has changed.
            self._connection.unsubscribe(received.topic)

    async def _try(self, handle: Handle, received: Received) -> None:
        try:
            await handle(received)
        except Exception:
            self._received.labels("retried").inc()
            raise

    def _send(self) -> None:
        """Send what waits, as far as the broker takes it."""
        while self._connection and self._accepted and not self._connection.ended.done():
            if self._outbox.in_flight >= min(MAX_IN_FLIGHT, self._accepted.receive_maximum):
                return
            if not (outgoing := self._outbox.next()):
                return
            size = len(outgoing.payload) + len(outgoing.topic.encode()) + 16
            if size > self._accepted.max_packet:
                self._refuse(outgoing, f"{size} bytes; it takes {self._accepted.max_packet:.0f}")
                continue
            outgoing.qos = min(outgoing.qos, self._accepted.max_qos)
            self._outbox.sent(self._connection.send(outgoing), outgoing)

    def _refuse(self, outgoing: Outgoing, why: str) -> None:
        self._published.labels("refused").inc()
        if not outgoing.acknowledged.done():
            outgoing.acknowledged.set_exception(
                PublishRefusedError(f"the broker does not take {outgoing.topic!r}: {why}")
            )

    # What a connection tells (`connection.Listener`).

    def received(self, received: Received, number: int) -> None:
        """Let a message wait for its handler."""
        if lost := self._inbox.append(Waiting(received, number, self._number)):
            self._received.labels("lost").inc(lost)
            self._crowded.warning(
                "messages of QoS 0 came faster than they could be dealt with; the oldest are lost",
                waiting=len(self._inbox),
            )
        self._came.set()

    def unreadable(self, topic: bytes) -> None:
        """Count a message whose topic is no text."""
        self._received.labels("unreadable").inc()
        self._strange.warning("a topic that is no text", topic=describe_topic(topic))

    def acknowledged(self, number: int, refusal: str | None) -> None:
        """Tell the publisher of a message that the broker has it, or will not."""
        if outgoing := self._outbox.acknowledged(number):
            if refusal:
                self._refuse(outgoing, refusal)
            else:
                self._published.labels("acknowledged").inc()
                if not outgoing.acknowledged.done():
                    outgoing.acknowledged.set_result(None)
        self._send()
