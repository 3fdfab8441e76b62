"""What Home Assistant is told to set up: one device for the home, and one for each camera. Pure.

Home Assistant's MQTT discovery, as devices (`<prefix>/device/<node>/<object>/config`, from 2024.11
on): one retained message has all entities of a device, so that a camera comes and goes as a whole.
Its identifiers are made of the camera's id and never of its name, which people change. What a name
holds stands in JSON alone, in no topic, identifier or template.

Nothing here says how anything is: states are published below `Topics.base` (`states`), and a value
that is null is "unknown" in Home Assistant.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from hsi import __version__
from hsi.schemas import RiskLevel
from hsi.verdict import State

Config = dict[str, Any]
Happening = Literal["low", "medium", "high", "critical", "unrated", "ended", "missed"]
"""Types of the `event` entities: an event's level, its end, or one that is told too late."""

EXPIRE_AFTER = 180
"""Seconds after which Home Assistant forgets a state of the home that was not told again."""
CAMERA_EXPIRE_AFTER = 900
"""The same of a camera's; there are many of them, so they are told again less often."""
QUIET = "quiet"
"""The risk of a home or a camera at which no event counts. Not "none", which reads as Home
Assistant's `None`: unknown."""

_SAFE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_UNSAFE = re.compile(r"[^a-z0-9]+")
_HASHED = re.compile(r".*_[0-9a-f]{8}")
_RESERVED = frozenset({"home"})
MAX_SLUG = 48
"""Characters of a slug, before what makes it another's than any other's."""
MAX_NAME = 200
"""Characters of a name."""
_MANUFACTURER = "Home Security Intelligence"


def slug(text: str) -> str:
    """Return a camera's id as it stands in topics and identifiers: always the same, of no other.

    An id of lower case letters, digits and single underscores is its own slug; any other gets the
    beginning of its digest, and so does one that looks as if it had it.
    """
    plain = _SAFE.fullmatch(text) and not _HASHED.fullmatch(text)
    if plain and len(text) <= MAX_SLUG and text not in _RESERVED:
        return text
    # Surrogates too: an id is what its producer wrote.
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    words = _UNSAFE.sub("_", text.lower())[:MAX_SLUG].strip("_")
    return f"{words or 'camera'}_{digest}"


class Camera(Struct, frozen=True, kw_only=True):
    """A camera as Home Assistant is told of it."""

    id: str
    name: str
    listed: bool
    """It is in the list of cameras, which says how it is; else events alone tell of it."""

    @property
    def slug(self) -> str:
        """Its id in topics and identifiers."""
        return slug(self.id)


class Topics(Struct, frozen=True):
    """The names of all topics, and of what is set up by them."""

    prefix: str
    """Home Assistant's discovery prefix, `homeassistant`."""
    base: str
    """Below which our states are, `hsi`."""

    @property
    def node(self) -> str:
        """What makes identifiers ours, and those of this installation."""
        return slug(self.base)

    @property
    def status(self) -> str:
        """Whether this service is connected: its will, and the availability of every entity."""
        return f"{self.base}/status"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.prefix}/status"

    @property
    def home(self) -> str:
        """How the home is; retained."""
        return f"{self.base}/home/state"

    @property
    def figures(self) -> str:
        """GPU, queues, services; retained."""
        return f"{self.base}/home/figures"

    @property
    def events(self) -> str:
        """All cameras' `event`, as a filter."""
        return f"{self.base}/camera/+/event"

    @property
    def configs(self) -> str:
        """All configurations that are ours, as a filter."""
        return f"{self.prefix}/device/{self.node}/+/config"

    def camera(self, name: str) -> str:
        """Return where a camera's state is, by its slug; retained."""
        return f"{self.base}/camera/{name}/state"

    def event(self, name: str) -> str:
        """Return where a camera's events are told, by its slug; never retained."""
        return f"{self.base}/camera/{name}/event"

    def config(self, name: str | None) -> str:
        """Return where a camera is set up, by its slug; None: where the home is."""
        return f"{self.prefix}/device/{self.node}/{_object(name)}/config"

    def slug_in(self, config: str) -> str | None:
        """Return the slug of the camera that a topic sets up; None: it sets up no camera."""
        before, after = self.configs.split("+")
        name = config.removeprefix(before).removesuffix(after)
        return name.removeprefix("camera_") if name.startswith("camera_") else None


def configurations(topics: Topics, cameras: Iterable[Camera], url: str) -> dict[str, bytes]:
    """Return the configurations of everything by topic, the home's first; all are retained.

    Args:
        topics: Their names.
        cameras: All that there are.
        url: The dashboard's address, for links; empty: there is none.

    """
    # The home first: Home Assistant wants a device to be there before one that is behind it.
    configs = {topics.config(None): home_config(topics, url)} | {
        topics.config(camera.slug): camera_config(topics, camera, url) for camera in cameras
    }
    return {topic: msgspec.json.encode(config) for topic, config in configs.items()}


def home_config(topics: Topics, url: str) -> Config:
    """Return the configuration of the home's device."""
    known = {"state_topic": topics.home, "expire_after": EXPIRE_AFTER}
    measured = {
        "state_topic": topics.figures,
        "expire_after": EXPIRE_AFTER,
        "state_class": "measurement",
    }
    of_machine = measured | {"entity_category": "diagnostic"}
    entities: dict[str, Config] = {
        "verdict": _sensor("Verdict", known)
        | _one_of(get_args(State))
        | _attributes(topics.home, "says")
        | {"icon": "mdi:shield-home"},
        "risk": _sensor("Risk", known)
        | _one_of((QUIET, *get_args(RiskLevel)))
        | _attributes(topics.home, "gravest"),
        "score": _sensor("Risk score", known) | {"state_class": "measurement"},
        "alerts": _sensor("Alerts", known)
        | _attributes(topics.home, "raised")
        | {"state_class": "measurement", "icon": "mdi:alert"},
        "informed": _binary("Informed", known, "connectivity") | {"entity_category": "diagnostic"},
        "event": _event("Event", topics.events),
        "problem": _binary("Services", {**known, "state_topic": topics.figures}, "problem")
        | _attributes(topics.figures, "services")
        | {"entity_category": "diagnostic"},
        "cameras_online": _sensor("Cameras online", measured)
        | _attributes(topics.figures, "cameras")
        | {"icon": "mdi:cctv"},
        "gpu_temperature": _sensor("GPU temperature", of_machine)
        | {"device_class": "temperature", "unit_of_measurement": "°C"},
        "gpu_utilization": _sensor("GPU utilization", of_machine)
        | {"unit_of_measurement": "%", "icon": "mdi:expansion-card"},
        "detection_queue": _sensor("Detection queue", of_machine) | {"icon": "mdi:tray-full"},
        "analysis_queue": _sensor("Analysis queue", of_machine) | {"icon": "mdi:tray-full"},
        "dead_letters": _sensor("Dead letters", of_machine) | {"icon": "mdi:tray-alert"},
    }
    device: Config = {
        "identifiers": [topics.node],
        "name": "Home security",
        "manufacturer": _MANUFACTURER,
        "model": "hsi-realtime",
        "sw_version": __version__,
    }
    return _device(topics, None, device, entities, url)


def camera_config(topics: Topics, camera: Camera, url: str) -> Config:
    """Return the configuration of a camera's device."""
    name = camera.slug
    topic = topics.camera(name)
    known = {"state_topic": topic, "expire_after": CAMERA_EXPIRE_AFTER}
    entities: dict[str, Config] = {
        "activity": _binary("Activity", known, "motion"),
        # It does not expire: that it is the last one does not change until there is another.
        "last_event": _sensor("Last event", {"state_topic": topic})
        | _attributes(topic, "last")
        | {"icon": "mdi:message-text"},
        "risk": _sensor("Risk", known)
        | _one_of((QUIET, *get_args(RiskLevel)))
        | _attributes(topic, "gravest"),
        "score": _sensor("Risk score", known) | {"state_class": "measurement"},
        "event": _event("Event", topics.event(name)),
    }
    if camera.listed:
        entities["connectivity"] = (
            _binary("Connectivity", known, "connectivity")
            | _attributes(topic, "status")
            | {"entity_category": "diagnostic"}
        )
    device: Config = {
        "identifiers": [f"{topics.node}_{_object(name)}"],
        "name": shown_name(camera),
        "manufacturer": _MANUFACTURER,
        "model": "Camera",
        "via_device": topics.node,
    }
    return _device(topics, name, device, entities, url)


def shown_name(camera: Camera) -> str:
    """Return a camera's name for people; of one that has none, its id in words."""
    name = " ".join(camera.name.split()) or " ".join(re.split(r"[\s_-]+", camera.id)).strip()
    return tidy(name or camera.slug, MAX_NAME)


def tidy(text: str, most: int) -> str:
    """Return a text that can be written as UTF-8 and has at most so many characters."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= most else text[: most - 1] + "…"


def _object(name: str | None) -> str:
    return "home" if name is None else f"camera_{name}"


def _device(
    topics: Topics, name: str | None, device: Config, entities: dict[str, Config], url: str
) -> Config:
    """Return a device's configuration; by its entities' keys goes what each is called."""
    own = f"{topics.node}_{_object(name)}"
    short = f"{topics.node}_{name or _object(name)}"
    for key, entity in entities.items():
        entity["unique_id"] = f"{own}_{key}"
        # Else it would be made of the device's name, and be another's: a camera of the same name
        # may be there already, from Frigate's own integration.
        entity["default_entity_id"] = f"{entity['platform']}.{short}_{key}"
        if "value_template" not in entity and entity["platform"] != "event":
            entity["value_template"] = f"{{{{ value_json.{key} }}}}"
    return {
        "device": device | ({"configuration_url": url} if url else {}),
        "origin": {"name": "hsi-realtime", "sw_version": __version__},
        "availability_topic": topics.status,
        "qos": 1,
        "components": entities,
    }


def _sensor(name: str, options: Config) -> Config:
    return {"platform": "sensor", "name": name, **options}


def _binary(name: str, options: Config, device_class: str) -> Config:
    return {"platform": "binary_sensor", "name": name, "device_class": device_class, **options}


def _event(name: str, topic: str) -> Config:
    return {
        "platform": "event",
        "name": name,
        "state_topic": topic,
        "event_types": list(get_args(Happening)),
        "icon": "mdi:cctv",
    }


def _one_of(options: Iterable[str]) -> Config:
    return {"device_class": "enum", "options": list(options)}


def _attributes(topic: str, part: str) -> Config:
    return {
        "json_attributes_topic": topic,
        # What is not known has no attributes, and those of before go.
        "json_attributes_template": f"{{{{ (value_json.{part} or {{}}) | tojson }}}}",
    }
