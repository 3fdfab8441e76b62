import asyncio
import logging

import pytest

from hsi.tasks import cancel_and_wait
from services.mqtt import connection
from services.mqtt.broker import PublishRefusedError
from services.mqtt.messages import Received
from tests.mosquitto import Mosquitto, StartMosquitto
from tests.services.mqtt.running import at, connected, until

PASSWORD = "quiet-secret"


async def test_a_message_reaches_its_handler_and_a_published_one_the_broker(
    mosquitto: Mosquitto,
) -> None:
    async with mosquitto.client() as somebody, connected(mosquitto.address(), "in/#") as home:
        await somebody.subscribe("out/#", qos=1)
        await somebody.publish("in/a", b"1", qos=1)
        await somebody.publish("in/a", b"2", qos=0)
        await until(lambda: len(home.got) == 2)
        assert home.got == [b"1", b"2"]
        for number in range(100):
            await home.broker.publish("out/a", str(number).encode())
        await home.broker.publish("out/b", b"\xff\x00", qos=0)
        heard = [(await anext(somebody.messages)).payload for _ in range(101)]
        assert heard == [*(str(number).encode() for number in range(100)), b"\xff\x00"]
        assert home.counted("hsi_mqtt_received_total", "handled") == 2
        # The 102nd is "online".
        assert home.counted("hsi_mqtt_published_total", "acknowledged") == 102


async def test_what_a_handler_raises_is_tried_again_and_acknowledged_only_then(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    async def hear(_: Received) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise ConnectionError("not now")

    async with mosquitto.client() as somebody, at(mosquitto.address()) as home:
        home.broker.on_message("in", hear)
        await until(lambda: home.broker.connected)
        await somebody.publish("in", b"1", qos=1)
        await until(lambda: home.counted("hsi_mqtt_received_total", "handled") == 1)
    assert tries == 4
    assert home.counted("hsi_mqtt_received_total", "retried") == 3
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


async def test_what_was_not_acknowledged_comes_again_to_the_next_process(
    mosquitto: Mosquitto,
) -> None:
    first: list[bytes] = []

    async def hang(received: Received) -> None:
        first.append(received.payload)
        await asyncio.Event().wait()

    async with mosquitto.client() as somebody:
        async with at(mosquitto.address()) as home:
            home.broker.on_message("in", hang)
            await until(lambda: home.broker.connected)
            for number in range(40):
                await somebody.publish("in", str(number).encode(), qos=1)
            # The broker sends as many as it may without an acknowledgement, and keeps the rest.
            await until(lambda: home.broker.report().waiting_in == 19)
        assert first == [b"0"]
        async with connected(mosquitto.address(), "in") as home:
            await until(lambda: len(home.got) == 40)
    assert home.got == [str(number).encode() for number in range(40)]


@pytest.mark.faults
async def test_others_learn_whether_somebody_is_connected(mosquitto: Mosquitto) -> None:
    async with mosquitto.client() as somebody:
        await somebody.subscribe("hsi/status", qos=1)
        async with connected(mosquitto.address()):
            message = await anext(somebody.messages)
            assert message.payload == b"online"
        async with asyncio.timeout(15):
            message = await anext(somebody.messages)
        assert message.payload == b"offline"


async def test_a_topic_that_would_end_the_connection_is_refused_before_it_is_sent(
    mosquitto: Mosquitto,
) -> None:
    async with connected(mosquitto.address()) as home:
        for topic in ("", "a/+", "#", "a\0b", "\ud800", "a" * 70_000):
            with pytest.raises(ValueError, match="topic"):
                await home.broker.publish(topic, b"")
        assert home.broker.report().connections == 1


async def test_a_message_larger_than_the_broker_takes_is_refused_and_the_next_goes_through(
    start_mosquitto: StartMosquitto,
) -> None:
    mosquitto = start_mosquitto(more="max_packet_size 10000")
    async with connected(mosquitto.address()) as home:
        with pytest.raises(PublishRefusedError, match="10000"):
            await home.broker.publish("a", b"x" * 20_000)
        await home.broker.publish("a", b"x")
        assert home.broker.report().connections == 1


async def test_a_message_that_is_too_large_stays_with_the_broker_and_the_next_comes(
    mosquitto: Mosquitto,
) -> None:
    async with mosquitto.client() as somebody, connected(mosquitto.address(), "in") as home:
        for qos in (0, 1):
            await somebody.publish("in", b"x" * 1_100_000, qos=qos)
        await somebody.publish("in", b"\xff\xfe")
        await until(lambda: len(home.got) == 1)
        assert home.got == [b"\xff\xfe"]
        assert home.broker.report().connections == 1


async def test_tls_with_a_private_authority_and_a_client_certificate(
    start_mosquitto: StartMosquitto,
) -> None:
    mosquitto = start_mosquitto(tls=True, password=PASSWORD)
    async with mosquitto.client() as somebody, connected(mosquitto.address(), "in") as home:
        await somebody.publish("in", b"x" * 300_000, qos=1)
        await until(lambda: len(home.got) == 1)


async def test_a_wrong_password_is_told_without_it(
    start_mosquitto: StartMosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto = start_mosquitto(password=PASSWORD)
    mosquitto.password = "another-secret"
    async with at(mosquitto.address()) as home:
        await until(lambda: "refuses us" in (home.broker.report().trouble or ""))
    assert "another-secret" not in caplog.text + repr(home.broker.report())
    assert "another-secret" not in repr(mosquitto.address())


async def test_a_subscription_that_the_broker_refuses_is_told(
    start_mosquitto: StartMosquitto,
) -> None:
    folder = start_mosquitto().folder
    (folder / "acl").write_text("topic readwrite hsi/#\n")
    mosquitto = start_mosquitto(more=f"acl_file {folder / 'acl'}")
    async with connected(mosquitto.address(), "secret/#", "hsi/in") as home:
        assert set(home.broker.report().refused) <= {"secret/#"}


async def test_a_publisher_that_gives_up_is_not_sent_for(mosquitto: Mosquitto) -> None:
    async with at(mosquitto.address()) as home, mosquitto.client() as somebody:
        mosquitto_is_away = asyncio.create_task(home.broker.publish("out", b"given up"))
        await asyncio.sleep(0)
        await cancel_and_wait(mosquitto_is_away)
        await somebody.subscribe("out", qos=1)
        await home.broker.publish("out", b"wanted")
        assert (await anext(somebody.messages)).payload == b"wanted"


async def test_what_a_session_of_before_had_subscribed_to_is_given_up(
    mosquitto: Mosquitto,
) -> None:
    async with connected(mosquitto.address(), "old", "kept"):
        pass
    async with mosquitto.client() as somebody, connected(mosquitto.address(), "kept") as home:
        for number in range(3):
            await somebody.publish("old", b"%d" % number, qos=1)
            await somebody.publish("kept", b"%d" % number, qos=1)
            await until(lambda: len(home.got) == number + 1)  # noqa: B023 (awaited here)
        assert home.counted("hsi_mqtt_received_total", "unwanted") < 3


@pytest.mark.faults
async def test_a_short_interruption_is_no_news_to_others(mosquitto: Mosquitto) -> None:
    heard: list[bytes] = []
    async with mosquitto.client() as somebody:
        await somebody.subscribe("hsi/status", qos=1)

        async def hear() -> None:
            while True:
                heard.append(bytes((await anext(somebody.messages)).payload))

        hearing = asyncio.create_task(hear())
        try:
            async with connected(mosquitto.address()):
                pass
            async with connected(mosquitto.address()):
                await asyncio.sleep(connection.WILL_DELAY + 2)
                assert heard == [b"online", b"online"]
        finally:
            await cancel_and_wait(hearing)
