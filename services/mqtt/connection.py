"""One connection with the broker, from CONNECT until it ends; the next one is another object.

paho's client does the protocol, and this event loop its reading and writing. aiomqtt, which does
the same, acknowledges a message when it has come, and not when it was dealt with; nor does it tell
whether the broker has kept the session. So this stands on paho itself, with its `manual_ack`.
"""

import asyncio
import contextlib
import math
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, Protocol

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from hsi.tasks import cancel_and_wait
from services.mqtt.address import BrokerAddress
from services.mqtt.messages import Outgoing, Received

KEEPALIVE = 10
"""Seconds of silence after which the broker is asked; as many later, it is given up."""
CONNECT_TIMEOUT = 5.0
ANSWER_TIMEOUT = 10.0
"""Seconds that connecting, or an answer, may take."""
SESSION_EXPIRY = 7 * 86400
"""Seconds for which the broker keeps what comes while nobody is connected."""
WILL_DELAY = 5
"""Seconds until the broker tells that nobody is connected: a short interruption is no news."""
RECEIVE_MAXIMUM = 20
"""Messages that the broker may send without an acknowledgement."""
MAX_PACKET = 1024 * 1024
"""Bytes of a message that the broker may send. It drops a larger one, and tells nobody: so nobody
can count it."""
_NO_LIMIT: Final = 65_535
_UNSPECIFIED: Final = 128
_TAKEN_OVER: Final = 142


class ConnectionEndedError(Exception):
    """There is no connection; the text says why, without a secret."""

    def __init__(self, why: str, *, taken_over: bool = False) -> None:
        super().__init__(why)
        self.taken_over = taken_over


class Accepted(NamedTuple):
    """What the broker says when it lets us in."""

    session_present: bool
    """It has kept our subscriptions, and sends again what was not acknowledged."""
    receive_maximum: int
    max_packet: float
    max_qos: int


class Will(NamedTuple):
    """What the broker is to say when this client is gone."""

    topic: str
    payload: bytes


class Listener(Protocol):
    """Who hears what comes over a connection; called by the event loop, one at a time."""

    def received(self, received: Received, number: int) -> None:
        """Hear a message; its number is for `Connection.acknowledge`."""

    def unreadable(self, topic: bytes) -> None:
        """Hear of a message whose topic is no text; it is acknowledged already."""

    def acknowledged(self, number: int, refusal: str | None) -> None:
        """Hear that the broker has a message, or why it does not take it."""


class Connection:
    """One connection: `open` it, use it until `ended` is done, `aclose` it."""

    def __init__(self, address: BrokerAddress, will: Will, listener: Listener) -> None:
        """Set it up; nothing is begun yet.

        Args:
            address: The broker.
            will: Said when this client is gone.
            listener: Hears what comes.

        Raises:
            SettingsError: A certificate cannot be used.

        """
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._listener = listener
        self._address = address
        self._closed = False
        self._accepted: asyncio.Future[Accepted] = self._loop.create_future()
        self._subscribing: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._keeping_alive: asyncio.Task[None] | None = None
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            protocol=paho.MQTTv5,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self.ended: asyncio.Future[ConnectionEndedError] = self._loop.create_future()
        """Why there is no connection any more."""
        client.connect_timeout = CONNECT_TIMEOUT
        # Its own queue is never used: our outbox knows how many the broker takes at once.
        client.max_inflight_messages_set(_NO_LIMIT)
        if address.username:
            client.username_pw_set(address.username, address.password or None)
        if context := address.tls_context():
            client.tls_set_context(context)
        properties = _properties(PacketTypes.WILLMESSAGE)
        properties.WillDelayInterval = WILL_DELAY
        client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_wants_to_write
        client.on_socket_unregister_write = self._on_has_written
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe

    async def open(self) -> Accepted:
        """Connect, and wait until the broker lets us in.

        Raises:
            ConnectionEndedError: It does not, or there is none.

        """
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAX_PACKET
        self._client.connect_async(
            self._address.host,
            self._address.port,
            KEEPALIVE,
            clean_start=False,
            properties=properties,
        )
        # It looks an address up and shakes hands, which blocks.
        connecting = self._loop.run_in_executor(None, self._client.reconnect)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await connecting
                return await self._accepted
        except TimeoutError:
            raise ConnectionEndedError("no answer in time") from None
        except (OSError, ValueError) as error:
            raise ConnectionEndedError(_reason(error)) from None

    async def subscribe(self, filters: Iterable[str]) -> dict[str, str]:
        """Subscribe; return which filters the broker refuses, and why.

        Raises:
            ConnectionEndedError: It has not answered.

        """
        wanted = list(filters)
        if not wanted:
            return {}
        # What is retained comes with the first subscription of a session, not with each.
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
        code, number = self._client.subscribe([(one, options) for one in wanted])
        if code or number is None:
            raise ConnectionEndedError("lost while it subscribed")
        answer = self._subscribing[number] = self._loop.create_future()
        try:
            await asyncio.wait(
                {answer, self.ended},
                timeout=ANSWER_TIMEOUT,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            del self._subscribing[number]
        if not answer.done():
            raise ConnectionEndedError("no answer to the subscription in time")
        return {
            one: str(reason)
            for one, reason in zip(wanted, answer.result(), strict=False)
            if reason.is_failure
        }

    def unsubscribe(self, topic: str) -> None:
        """Ask for no more of a topic, which a session of before may have subscribed to."""
        if not self.ended.done():
            self._client.unsubscribe(topic)

    def send(self, outgoing: Outgoing) -> int:
        """Hand a message to the broker; return the number of its acknowledgement."""
        return self._client.publish(
            outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain
        ).mid

    def acknowledge(self, number: int) -> None:
        """Let the broker forget a message of this connection."""
        if not self.ended.done():
            self._client.ack(number, 1)

    async def aclose(self) -> None:
        """Say good-bye, so that the will is said unless somebody else comes soon; and end."""
        if self._client.is_connected() and not self.ended.done():
            self._client.disconnect(
                ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
            )
            self._client.loop_write()
        self._end("closed")
        self._close_socket()
        if self._keeping_alive:
            await cancel_and_wait(self._keeping_alive)

    def _end(self, why: str, *, taken_over: bool = False) -> None:
        """Be without a connection from now on, whatever paho still thinks."""
        self._closed = True
        error = ConnectionEndedError(why, taken_over=taken_over)
        if not self.ended.done():
            self.ended.set_result(error)
        if not self._accepted.done():
            self._accepted.set_exception(error)
            self._accepted.exception()  # Seen: nobody may be waiting for it.
        # Later: paho's callbacks hold a lock that closing takes.
        self._in_loop(self._loop.call_soon, self._close_socket)

    def _close_socket(self) -> None:
        # "Any already established connection will be terminated immediately."
        self._client.connect_async(self._address.host, self._address.port)

    def _in_loop(self, do: Callable[..., object], *arguments: object) -> None:
        """Do something in the event loop; paho connects in a thread of its own."""
        if threading.get_ident() == self._thread:
            do(*arguments)
        else:
            with contextlib.suppress(RuntimeError):  # The loop may be closed by now.
                self._loop.call_soon_threadsafe(do, *arguments)

    def _on_socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        self._in_loop(self._begin, sock)

    def _begin(self, sock: Any) -> None:
        if self._closed:
            # Nobody waited for it: the thread that connects cannot be stopped.
            self._end("closed")
            return
        # A small acknowledgement would wait for the broker's TCP, and its next message for ours.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(sock.fileno(), self._read)
        self._keeping_alive = self._loop.create_task(self._keep_alive(), name="mqtt keepalive")

    def _on_socket_close(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        if (number := sock.fileno()) >= 0:
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)

    def _on_wants_to_write(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        self._in_loop(self._add_writer, sock)

    def _add_writer(self, sock: Any) -> None:
        if not self._closed and sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._write)

    def _on_has_written(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock.fileno())

    def _read(self) -> None:
        try:
            while True:
                self._client.loop_read()
                # What TLS has decoded already, no selector tells of.
                sock = self._client.socket()
                if not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
                    break
        except Exception as error:  # noqa: BLE001 (what a broker sends may trip paho anywhere)
            self._end(f"what came cannot be read: {type(error).__name__}")

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:  # noqa: BLE001 (as in reading)
            self._end(f"cannot be written to: {type(error).__name__}")

    async def _keep_alive(self) -> None:
        while not self._closed:
            await asyncio.sleep(1)
            try:
                self._client.loop_misc()  # paho looks at the clock when it is asked to.
            except Exception as error:  # noqa: BLE001 (as in reading)
                self._end(f"cannot be asked whether it lives: {type(error).__name__}")

    def _on_connect(
        self,
        _client: paho.Client,
        _data: Any,
        flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._accepted.done():
            return
        if reason.is_failure:
            self._end(f"the broker refuses us: {reason}")
            return
        self._accepted.set_result(
            Accepted(
                session_present=flags.session_present,
                receive_maximum=getattr(properties, "ReceiveMaximum", _NO_LIMIT),
                max_packet=getattr(properties, "MaximumPacketSize", math.inf),
                max_qos=getattr(properties, "MaximumQoS", 2),
            )
        )

    def _on_disconnect(
        self,
        _client: paho.Client,
        _data: Any,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        # paho's word for a connection that ended without one is "Unspecified error".
        words = (
            "it ended without a word; is the broker running?"
            if reason.value == _UNSPECIFIED
            else str(reason)
        )
        self._end(f"lost: {words}", taken_over=reason.value == _TAKEN_OVER)

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            self._listener.unreadable(error.object)
            self.acknowledge(message.mid)
            return
        self._listener.received(
            Received(topic, bytes(message.payload), message.retain, message.qos), message.mid
        )

    def _on_publish(
        self,
        _client: paho.Client,
        _data: Any,
        number: int,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._listener.acknowledged(number, str(reason) if reason.is_failure else None)

    def _on_subscribe(
        self,
        _client: paho.Client,
        _data: Any,
        number: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if (answer := self._subscribing.get(number)) and not answer.done():
            answer.set_result(reasons)


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho's


def _reason(error: OSError | ValueError) -> str:
    """Return why there is no connection, in a few words without an address."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not believed: {error.verify_message}"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return type(error).__name__
