import asyncio

import pytest

from services.mqtt.address import parse_address
from services.mqtt.connection import Connection, ConnectionEndedError, Will
from services.mqtt.messages import Received


class Nobody:
    def received(self, received: Received, number: int) -> None: ...

    def unreadable(self, topic: bytes) -> None: ...

    def acknowledged(self, number: int, refusal: str | None) -> None: ...


async def refused(answer: bytes) -> str:
    """Return why there is no connection with something that answers so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection(parse_address(f"mqtt://127.0.0.1:{port}"), WILL, Nobody())
        with pytest.raises(ConnectionEndedError) as error:
            await connection.open()
        await connection.aclose()
        return str(error.value)


WILL = Will("hsi/status", b"offline")


async def test_what_is_no_broker_is_no_connection() -> None:
    for answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x7f\x00", b"\x20\x02\x00\x01"):
        assert await refused(answer)


async def test_nobody_at_the_address_is_said_in_a_few_words() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    server.close()
    connection = Connection(parse_address(f"mqtt://127.0.0.1:{port}"), WILL, Nobody())
    with pytest.raises(ConnectionEndedError, match=r"^Connection refused$"):
        await connection.open()
    await connection.aclose()


def packet(kind: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([kind, len(body)]) + body


def publication(topic: bytes, number: int) -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + number.to_bytes(2, "big") + b"\0" + b"payload"
    return packet(0x32, body)


ACCEPTED = packet(0x20, b"\0\0\0")


class Listening(Nobody):
    def __init__(self) -> None:
        self.came: list[tuple[str, int]] = []
        self.strange: list[bytes] = []

    def received(self, received: Received, number: int) -> None:
        self.came.append((received.topic, number))

    def unreadable(self, topic: bytes) -> None:
        self.strange.append(topic)


async def test_a_topic_that_is_no_text_is_acknowledged_and_the_next_message_comes() -> None:
    acknowledgements: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(ACCEPTED + publication(b"\xff\xfe", 7) + publication(b"fine", 8))
        acknowledgements.append(await reader.readexactly(4))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        listening = Listening()
        connection = Connection(parse_address(f"mqtt://127.0.0.1:{port}"), WILL, listening)
        assert not (await connection.open()).session_present
        await connection.ended
        await connection.aclose()
    assert listening.strange == [b"\xff\xfe"]
    assert listening.came == [("fine", 8)]
    assert acknowledgements == [packet(0x40, b"\0\7")]


async def test_a_broker_that_is_gone_without_a_word_is_said_to_be_in_words_for_people() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(ACCEPTED)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection(parse_address(f"mqtt://127.0.0.1:{port}"), WILL, Nobody())
        await connection.open()
        async with asyncio.timeout(5):
            why = str(await connection.ended)
        await connection.aclose()
    assert why == "lost: it ended without a word; is the broker running?"


async def test_a_broker_that_says_nonsense_ends_the_connection_and_nothing_else() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(ACCEPTED + packet(0x32, b"\0\x7f"))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection(parse_address(f"mqtt://127.0.0.1:{port}"), WILL, Nobody())
        await connection.open()
        async with asyncio.timeout(5):
            assert str(await connection.ended)
        await connection.aclose()


async def test_a_client_that_stops_waiting_for_a_broker_that_says_nothing_is_gone() -> None:
    left = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass
        left.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        connection = Connection(parse_address(f"mqtt://127.0.0.1:{port}"), WILL, Nobody())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await connection.open()
        await connection.aclose()
        async with asyncio.timeout(5):
            await left.wait()
