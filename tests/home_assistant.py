"""Home Assistant's MQTT discovery as its documentation has it: what it takes, and what it shows.

The rules are those of home-assistant.io (MQTT, "Device discovery payload"; MQTT sensor, binary
sensor, event; sensor device classes), written down as checks. What is no rule there is none here,
but for two: a component has a `unique_id`, without which nobody can change it, and a key that no
version knows is a mistake.
"""

import json
import re
from typing import Any, NamedTuple

Config = dict[str, Any]

UNKNOWN, UNAVAILABLE = "unknown", "unavailable"
MAX_STATE = 255
_TOPIC = re.compile(
    r"(?P<prefix>[^+#]+)/device/((?P<node>[\w-]+)/)?(?P<object>[\w-]+)/config", re.ASCII
)
_DEVICE_KEYS = {
    *("identifiers", "connections", "name", "manufacturer", "model", "model_id", "hw_version"),
    *("sw_version", "serial_number", "suggested_area", "configuration_url", "via_device"),
}
_SHARED_KEYS = {
    *("availability", "availability_mode", "availability_template", "availability_topic"),
    *("payload_available", "payload_not_available", "state_topic", "command_topic", "qos"),
    "encoding",
}
_ENTITY_KEYS = _SHARED_KEYS - {"command_topic"} | {
    *("platform", "name", "unique_id", "default_entity_id", "icon", "entity_category"),
    *("enabled_by_default", "device_class", "value_template", "entity_picture"),
    *("json_attributes_topic", "json_attributes_template"),
}
_KEYS = {
    "sensor": _ENTITY_KEYS
    | {
        *("expire_after", "force_update", "options", "state_class", "last_reset_value_template"),
        *("suggested_display_precision", "unit_of_measurement"),
    },
    "binary_sensor": _ENTITY_KEYS
    | {"expire_after", "force_update", "off_delay", "payload_on", "payload_off"},
    "event": _ENTITY_KEYS | {"event_types"},
}
_UNITS = {"temperature": {"°C", "°F", "K"}}
"""By the device class of a sensor; of those that are used here."""
_CLASSES = {
    "sensor": {"enum", "timestamp", *_UNITS},
    "binary_sensor": {"connectivity", "motion", "occupancy", "problem", "running", "safety"},
    "event": {"button", "doorbell", "motion"},
}
_STATE_CLASSES = {"measurement", "measurement_angle", "total", "total_increasing"}
_BLOCKED = {
    *("assumed_state", "available", "device_class", "device_info", "entity_category"),
    *("entity_picture", "force_update", "icon", "friendly_name", "name", "should_poll", "state"),
    *("supported_features", "unique_id", "unit_of_measurement", "last_reset", "state_class"),
    *("event_type", "event_types"),
}
"""Attributes that an entity cannot be given, because they mean something."""
_VALUE = re.compile(r"\{\{ value_json\.(?P<key>[a-z_]+) \}\}")
_ATTRIBUTES = re.compile(r"\{\{ \(value_json\.(?P<key>[a-z_]+) or \{\}\) \| tojson \}\}")


def checked(topic: str, payload: bytes) -> Config:
    """Return a configuration that Home Assistant sets up as it stands."""
    assert _TOPIC.fullmatch(topic), topic
    config: Config = json.loads(payload)
    assert config.keys() <= {"device", "origin", "components"} | _SHARED_KEYS, config.keys()
    _check_shared(config)
    device, origin, components = config["device"], config["origin"], config["components"]
    assert device.keys() <= _DEVICE_KEYS
    assert device.get("identifiers") or device.get("connections")
    assert all(isinstance(one, str) and one for one in device["identifiers"])
    assert all(isinstance(device[key], str) for key in device if key != "identifiers")
    assert device.get("configuration_url", "http://x").startswith(("http://", "https://"))
    assert origin["name"]
    assert origin.keys() <= {"name", "sw_version", "support_url"}
    assert components
    for component in components.values():
        _check_entity(component, config)
    return config


def _check_shared(config: Config) -> None:
    assert not ("availability" in config and "availability_topic" in config)
    for key in ("availability_topic", "state_topic", "json_attributes_topic"):
        if key in config:
            check_filter(config[key])
    assert config.get("qos", 0) in (0, 1, 2)


def check_filter(topic: str) -> None:
    """Fail unless one may subscribe to this."""
    assert 0 < len(topic.encode()) <= 65535
    assert "\0" not in topic
    for at, level in enumerate(levels := topic.split("/")):
        assert "+" not in level or level == "+"
        assert "#" not in level or (level == "#" and at == len(levels) - 1)


def _check_entity(entity: Config, device: Config) -> None:
    platform = entity["platform"]
    assert platform in _KEYS
    assert entity.keys() <= _KEYS[platform], entity.keys() - _KEYS[platform]
    _check_shared(entity)
    assert entity["unique_id"]
    assert isinstance(entity["name"], str)
    assert entity.get("state_topic") or device.get("state_topic")
    assert entity.get("device_class", next(iter(_CLASSES[platform]))) in _CLASSES[platform]
    assert entity.get("entity_category", "diagnostic") in ("config", "diagnostic")
    assert re.fullmatch(r"[a-z]+:[a-z0-9-]+", entity.get("icon", "mdi:home"))
    domain, _, name = entity.get("default_entity_id", f"{platform}.a").partition(".")
    assert domain == platform
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name)
    assert "value_template" not in entity or _VALUE.fullmatch(entity["value_template"])
    assert isinstance(entity.get("expire_after", 1), int)
    assert entity.get("expire_after", 1) > 0
    if platform == "sensor":
        _check_sensor(entity)
    if platform == "event":
        types = entity["event_types"]
        assert types
        assert all(isinstance(one, str) and one for one in types)
        assert len(set(types)) == len(types)


def _check_sensor(entity: Config) -> None:
    device_class, options = entity.get("device_class"), entity.get("options")
    assert (device_class == "enum") == (options is not None)
    if options is not None:
        assert options
        assert len(set(options)) == len(options)
        assert "state_class" not in entity
        assert "unit_of_measurement" not in entity
    assert entity.get("state_class", "measurement") in _STATE_CLASSES
    if device_class in _UNITS:
        assert entity["unit_of_measurement"] in _UNITS[device_class]


class Shown(NamedTuple):
    """An entity as a person sees it."""

    state: str
    attributes: Config


class HomeAssistant:
    """Follows what it is published: which entities there are, and what each of them shows."""

    def __init__(self, prefix: str = "homeassistant") -> None:
        self._prefix = prefix
        self.configs: dict[str, Config] = {}
        """By topic."""
        self.retained: dict[str, bytes] = {}
        """What topics hold, configurations aside."""
        self.told: list[Config] = []
        """What `event` entities were told, in order."""

    def receives(self, topic: str, payload: bytes, *, retained: bool = True) -> None:
        """Take a message, as the broker passes it on."""
        if topic.startswith(f"{self._prefix}/device/"):
            if payload:
                self.configs[topic] = checked(topic, payload)
            else:
                self.configs.pop(topic, None)
        elif topic.endswith("/event"):
            assert not retained
            self.told.append(self._event(json.loads(payload)))
        elif payload:
            self.retained[topic] = payload
        else:
            self.retained.pop(topic, None)

    def _event(self, payload: Config) -> Config:
        types = [
            entity["event_types"]
            for config in self.configs.values()
            for entity in config["components"].values()
            if entity["platform"] == "event"
        ]
        assert all(payload["event_type"] in known for known in types)
        return payload

    @property
    def entities(self) -> dict[str, Config]:
        """All entities, by their entity ids."""
        found = {
            entity["default_entity_id"]: config | entity
            for config in self.configs.values()
            for entity in config["components"].values()
        }
        unique = [
            entity["unique_id"]
            for config in self.configs.values()
            for entity in config["components"].values()
        ]
        assert len(found) == len(unique) == len(set(unique))
        return found

    def shows(self, entity_id: str) -> Shown:
        """Return what an entity shows."""
        entity = self.entities[entity_id]
        if self.retained.get(entity["availability_topic"]) != b"online":
            return Shown(UNAVAILABLE, {})
        if entity["state_topic"] not in self.retained:
            return Shown(UNKNOWN, {})
        return Shown(self._state(entity), self._attributes(entity))

    def _state(self, entity: Config) -> str:
        template = _VALUE.fullmatch(entity["value_template"])
        assert template
        value = json.loads(self.retained[entity["state_topic"]])[template["key"]]
        if value is None:
            return UNKNOWN
        assert "options" not in entity or value in entity["options"]
        assert "state_class" not in entity or isinstance(value, int | float)
        if entity["platform"] == "binary_sensor":
            return {"ON": "on", "OFF": "off"}[value]
        assert len(str(value)) <= MAX_STATE
        return str(value)

    def _attributes(self, entity: Config) -> Config:
        if "json_attributes_topic" not in entity:
            return {}
        template = _ATTRIBUTES.fullmatch(entity["json_attributes_template"])
        assert template
        payload = json.loads(self.retained[entity["json_attributes_topic"]])
        attributes: Config = payload[template["key"]] or {}
        assert not attributes.keys() & _BLOCKED
        assert len(json.dumps(attributes)) < 16384  # More is not kept by its recorder.
        return attributes
