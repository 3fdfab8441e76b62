"""What commands read from the environment."""

import pytest

from hsi.cli.settings import JobSettings, ProducerSettings, RedisNames
from hsi.settings import SettingsError, load
from hsi_service.settings import Settings
from hsi_service.sources import SourceSettings


def test_commands_and_services_call_things_the_same() -> None:
    names, services = load(RedisNames, {}), load(SourceSettings, {})
    assert names.redis_event_channel == services.redis_event_channel
    assert names.detection_queue == services.detection_queue
    assert names.analysis_queue == services.analysis_queue
    assert names.dead_letters() == services.dead_letters()
    assert load(ProducerSettings, {}).redis_url == load(Settings, {}).redis_url


def test_a_command_minds_only_its_own_variables() -> None:
    environment = {"REDIS_URL": "http://h", "API_KEYS": "x", "DETECTION_QUEUE": "queue"}
    assert load(RedisNames, environment).detection_queue == "queue"
    with pytest.raises(SettingsError, match="REDIS_URL: expected one of redis://"):
        load(ProducerSettings, environment)


FOREIGN = {
    "HOST": "0.0.0.0",
    "PORT": "tcp://10.43.0.1:80",
    "LOG_LEVEL": "nonsense",
    "API_KEYS": "x",
    "WEBSOCKET_TOKEN": "short",
    "BROADCAST_INTERVAL": "x",
}
"""What a container has in its environment for another program, or Kubernetes puts there."""


@pytest.mark.parametrize("kind", [ProducerSettings, JobSettings, RedisNames])
def test_no_command_minds_what_is_of_another_program(
    kind: type[ProducerSettings | JobSettings | RedisNames],
) -> None:
    assert load(kind, FOREIGN) == kind()


def test_a_job_minds_the_address_of_redis_alone() -> None:
    environment = FOREIGN | {"HISTORY_LENGTH": "x", "REDIS_EVENT_CHANNEL": ""}
    assert load(JobSettings, environment) == JobSettings()


@pytest.mark.parametrize("length", ["0", "-1", "10000001", "many"])
def test_a_history_has_a_length(length: str) -> None:
    with pytest.raises(SettingsError, match=f"HISTORY_LENGTH={length}: expected `int`"):
        load(ProducerSettings, {"HISTORY_LENGTH": length})
