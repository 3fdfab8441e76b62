"""Home Assistant is told of the home, through a real broker and a real Redis."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hsi.schemas import channels
from local.processes import Process, free_port
from local.service import ServiceProcess
from services.mqtt.outgoing import CONSUMER
from tests.clients import until
from tests.home_assistant import UNAVAILABLE, UNKNOWN
from tests.mosquitto import Mosquitto
from tests.replicas import Replica
from tests.servers import RedisServer, as_user
from tests.services.mqtt.telling import House, house, listening, telling

ACTIVITY = "binary_sensor.hsi_front_door_activity"
RISK = "sensor.hsi_front_door_risk"
LAST = "sensor.hsi_front_door_last_event"
ALERTS = "sensor.hsi_home_alerts"
VERDICT = "sensor.hsi_home_verdict"
CONFIG = "homeassistant/device/hsi/camera_front_door/config"
STATE = "hsi/camera/front_door/state"


@pytest.fixture
async def home(own_redis: RedisServer) -> AsyncIterator[House]:
    async with house(own_redis.url) as found:
        yield found


async def test_a_home_appears_with_its_cameras_and_stays_for_who_asks_later(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.has(front_door="Front door", yard="Yard")
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await assistant.shows_state(VERDICT, "quiet")
        await assistant.shows_state("binary_sensor.hsi_front_door_connectivity", "on")
        assert assistant.shows(ALERTS).state == UNKNOWN
        await home.raises()
        await assistant.shows_state(ALERTS, "0")
        await home.happens(1)
        await assistant.shows_state(RISK, "high")
        await assistant.shows_state(ACTIVITY, "on")
        await assistant.shows_state(LAST, "Event 1")
        await assistant.shows_state(VERDICT, "look_now")
        assert assistant.shows("sensor.hsi_yard_risk").state == "quiet"
        async with listening(mosquitto) as later:
            await later.shows_state(LAST, "Event 1")
            await later.shows_state("sensor.hsi_home_gpu_temperature", "65.0")
            assert all(retained for _, _, retained in later.heard)
            assert not later.told  # An event of before is no news.


async def test_an_event_is_told_once_when_it_becomes_graver_and_when_it_ends(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await ready(home)
        cursor = await home.happens(7, risk_level="medium", summary="Somebody")
        await home.happens(7, risk_level="medium", summary="Somebody still")
        await home.happens(7, risk_level="critical", summary="A stranger")
        await home.happens(7, risk_level="critical", ended_at="2026-11-27T00:01:00Z")
        await home.happens(8, camera="yard")
        await assistant.waits_for(lambda: bool(assistant.of(8)))
        assert [one["event_type"] for one in assistant.of(7)] == ["medium", "critical", "ended"]
        assert assistant.of(7)[0]["cursor"] == cursor
        assert assistant.of(7)[1]["summary"] == "A stranger"
        assert assistant.of(7)[0]["link"] == f"https://home.example/events/{cursor}"
        assert assistant.of(8)[0]["camera_id"] == "yard"


async def test_a_burst_of_events_makes_no_flood_of_states_and_loses_no_event(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.has(front_door="Front door")
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await ready(home)
        await assistant.shows_state(RISK, "high")
        before, began = assistant.count(STATE), asyncio.get_running_loop().time()
        for number in range(100, 300):
            await home.happens(number)
        await assistant.shows_state(LAST, "Event 299")
        took = asyncio.get_running_loop().time() - began
        await assistant.waits_for(lambda: bool(assistant.of(299)))
        assert [one["event_id"] for one in assistant.told[-200:]] == list(range(100, 300))
        assert assistant.count(STATE) - before <= took + 1


async def test_a_camera_that_only_events_tell_of_appears_with_its_first_event(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await ready(home)
        await home.happens(2, camera="Garage #1+")
        await assistant.waits_for(lambda: any("garage_1_" in name for name in assistant.entities))
        names = [config["device"]["name"] for config in assistant.configs.values()]
        assert "Garage #1+" in names


async def test_a_camera_that_goes_is_removed_also_while_nobody_is_here(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.has(front_door="Front door", yard="Yard", porch="Porch")
    async with listening(mosquitto) as assistant:
        async with telling(own_redis.url, mosquitto):
            await assistant.waits_for(lambda: len(assistant.configs) == 4)
            await assistant.shows_state("sensor.hsi_porch_risk", "quiet")
            await home.has(front_door="Front door", yard="Yard")
            await assistant.waits_for(lambda: len(assistant.configs) == 3)
            await assistant.waits_for(lambda: "hsi/camera/porch/state" not in assistant.retained)
        await home.has(yard="Yard")
        async with telling(own_redis.url, mosquitto):
            await assistant.waits_for(lambda: CONFIG not in assistant.configs)
            await assistant.waits_for(lambda: STATE not in assistant.retained)
            await assistant.shows_state("sensor.hsi_yard_risk", "quiet")
    async with listening(mosquitto) as later:
        await later.shows_state("sensor.hsi_yard_risk", "quiet")
        assert len(later.configs) == 2


async def test_while_the_list_of_cameras_is_not_known_none_is_removed(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.has(front_door="Front door", yard="Yard")
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await assistant.waits_for(lambda: len(assistant.configs) == 3)
    await home.redis.delete(channels.CAMERAS)
    home.cameras = {}  # Statuses tell no number of cameras.
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await ready(home)
        await assistant.waits_for(lambda: bool(assistant.of(1)))
        await assistant.shows_state(RISK, "high")
        assert len(assistant.configs) == 3


async def test_home_assistants_birth_has_everything_told_again(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.has(front_door="Front door")
    async with telling(own_redis.url, mosquitto) as told, listening(mosquitto) as assistant:
        await assistant.shows_state(RISK, "quiet")
        before = told.count("configuration")
        async with mosquitto.client() as client:
            await client.publish("homeassistant/status", "offline", qos=1)
            await client.publish("homeassistant/status", "online", qos=1)
        await assistant.waits_for(lambda: assistant.count(CONFIG) == 2)
        await assistant.waits_for(lambda: told.count("configuration") == before + 2)
        assert not assistant.told


async def test_a_restart_neither_doubles_an_event_nor_forgets_one(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    async with listening(mosquitto) as assistant:
        async with telling(own_redis.url, mosquitto):
            await ready(home)
            await is_acknowledged(home, await home.happens(2))
        await home.happens(2, summary="It goes on")
        await home.happens(3)
        async with telling(own_redis.url, mosquitto):
            await assistant.waits_for(lambda: bool(assistant.of(3)))
            await is_acknowledged(home, await home.happens(4))
        await assistant.waits_for(lambda: bool(assistant.of(4)))
        assert [one["event_id"] for one in assistant.told] == [1, 2, 3, 4]


async def test_an_event_that_is_told_twice_after_a_death_between_two_acts_is_known_by_its_cursor(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    async with listening(mosquitto) as assistant:
        async with telling(own_redis.url, mosquitto):
            await ready(home)
            await assistant.waits_for(lambda: bool(assistant.of(1)))
            cursor = await home.happens(2)
            await is_acknowledged(home, cursor)
        # As if it had died after the broker had it, and before Redis knew.
        await home.redis.delete("mqtt:told:2:front_door")
        await home.redis.set(channels.consumer(CONSUMER), assistant.of(1)[0]["cursor"])
        async with telling(own_redis.url, mosquitto):
            await assistant.waits_for(lambda: len(assistant.of(2)) == 2)
        assert [one["cursor"] for one in assistant.of(2)] == [cursor, cursor]
        assert len(assistant.of(1)) == 1


async def test_what_somebody_else_wrote_into_its_keys_costs_nothing_else(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.redis.lpush(channels.MQTT_DEVICES, "not ours")
    await home.redis.set("mqtt:told:1:front_door", "not ours")
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await ready(home)
        await assistant.waits_for(lambda: bool(assistant.of(1)))
        await assistant.waits_for(lambda: CONFIG in assistant.configs)


@pytest.mark.faults
async def test_without_redis_everything_is_unknown_and_the_verdict_says_why(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.has(front_door="Front door")
    async with telling(own_redis.url, mosquitto), listening(mosquitto) as assistant:
        await assistant.shows_state(VERDICT, "quiet")
        await ready(home)
        await assistant.shows_state(LAST, "Event 1")
        own_redis.kill()
        await assistant.shows_state("binary_sensor.hsi_home_informed", "off")
        await assistant.shows_state(LAST, UNKNOWN)
        await assistant.shows_state("sensor.hsi_home_gpu_temperature", UNKNOWN, within=15)
        # A danger that was known stays one: nobody can say that it is over.
        assert assistant.shows(VERDICT).state == "look_now"


@pytest.mark.faults
async def test_a_broker_that_forgets_everything_is_told_everything_again(
    home: House, own_redis: RedisServer, mosquitto: Mosquitto
) -> None:
    await home.has(front_door="Front door")
    async with telling(own_redis.url, mosquitto):
        async with listening(mosquitto) as assistant:
            await ready(home)
            await assistant.shows_state(LAST, "Event 1")
        mosquitto.kill()
        await home.happens(2)
        mosquitto.start()
        async with listening(mosquitto) as assistant:
            await assistant.shows_state(LAST, "Event 2")
            await assistant.shows_state(VERDICT, "look_now")


@pytest.fixture
def start_mqtt(
    own_redis: RedisServer,
    mosquitto: Mosquitto,
    tmp_path: Path,
    cleanup: Callable[[Process], None],
) -> Callable[[str], ServiceProcess]:
    """Start a replica of the service."""

    def start(name: str) -> ServiceProcess:
        found = Replica(
            "mqtt",
            name=name,
            port=free_port(),
            log=tmp_path / f"{name}.log",
            REDIS_URL=as_user("mqtt", own_redis.url),
            LEASE_SECONDS="2",
            DRAIN_DELAY="0",
            DRAIN_WINDOW="0",
            **mosquitto.settings,
        )
        cleanup(found)
        found.start()
        return found

    return start


@pytest.mark.faults
async def test_a_service_that_is_killed_leaves_everything_unavailable_until_it_is_back(
    home: House, mosquitto: Mosquitto, start_mqtt: Callable[[str], ServiceProcess]
) -> None:
    await home.has(front_door="Front door")
    first = start_mqtt("first")
    async with listening(mosquitto) as assistant:
        await ready(home)
        await assistant.waits_for(lambda: bool(assistant.of(1)))
        await is_acknowledged(home, assistant.of(1)[0]["cursor"])
        await assistant.shows_state(LAST, "Event 1")
        first.signal(signal.SIGKILL)
        await home.happens(2)
        await assistant.shows_state(LAST, UNAVAILABLE, within=15)
        assert assistant.shows(VERDICT).state == UNAVAILABLE
        start_mqtt("second")
        await assistant.shows_state(LAST, "Event 2", within=15)
        await assistant.waits_for(lambda: bool(assistant.of(2)))
        assert [one["event_id"] for one in assistant.told] == [1, 2]


@pytest.mark.faults
async def test_another_replica_goes_on_where_one_died_and_nothing_is_unavailable_meanwhile(
    home: House, mosquitto: Mosquitto, start_mqtt: Callable[[str], ServiceProcess]
) -> None:
    await home.has(front_door="Front door")
    first = start_mqtt("first")
    async with listening(mosquitto) as assistant:
        await ready(home)
        await assistant.waits_for(lambda: bool(assistant.of(1)))
        await is_acknowledged(home, assistant.of(1)[0]["cursor"])
        start_mqtt("second")
        first.signal(signal.SIGKILL)
        await home.happens(2)
        await home.happens(1, summary="It goes on")
        cursor = await home.happens(3, camera="yard")
        await is_acknowledged(home, cursor)
        await assistant.waits_for(lambda: bool(assistant.of(3)))
        assert [one["event_id"] for one in assistant.told] == [1, 2, 3]
        assert ("hsi/status", b"offline") not in {heard[:2] for heard in assistant.heard}


async def ready(home: House) -> None:
    """Have event 1 told, once the consumer has begun: its name begins with what comes next."""

    async def has_begun() -> bool:
        return bool(await home.redis.exists(channels.consumer(CONSUMER)))

    await until(has_begun)
    await home.happens(1)


async def is_acknowledged(home: House, cursor: str) -> None:
    async def has_come() -> bool:
        return await home.redis.get(channels.consumer(CONSUMER)) == cursor.encode()

    await until(has_come)
