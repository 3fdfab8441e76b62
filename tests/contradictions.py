"""What the pages of a home show at one moment, and what they may never say at once. Pure.

A `Reading` is what a person could read in the same second on three pages; `Truth` is what really
happened until then. `contradictions` names each claim that another one, or the truth, refutes. What
takes its way through services is given `GRACE` seconds.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

GRACE = 12.0
"""Seconds after which a page must show what has happened."""
BLIND = 20.0
"""Seconds after which a page must have noticed that it hears nothing, and that it hears again."""
TOLD_AFTER = 20.0
"""Seconds, with some to spare, that a figure must be beyond its limit, or back, to be told of."""
HOT = 75.0
"""Degrees Celsius from which on an alert is raised."""
ODD = re.compile(r"\b(NaN|undefined|null|Infinity|Invalid Date)\b|\[object|-\d+ (s|min|h|d) ago")
"""What no page says, whatever happens."""
TITLES = {"critical": "Act now", "high": "Look now", "medium": "Worth a look"}
UNKNOWN = "\N{EN DASH}"
"""What stands for a figure that nobody knows."""
UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Reading:
    """What the pages show."""

    first: dict[str, Any]
    """The dashboard."""
    performance: dict[str, Any]
    job: dict[str, Any]


class Told(NamedTuple):
    """An event that was acknowledged."""

    at: float
    level: str
    score: int
    summary: str


@dataclass
class Truth:
    """What happened, by one clock, in seconds."""

    cameras: int
    now: float = 0.0
    lost_camera: tuple[float, bool] = (float("-inf"), False)
    """When a camera was lost or found last, and whether one is lost."""
    redis: tuple[float, bool] = (float("-inf"), True)
    """When Redis went or came last, and whether it is there."""
    temperatures: list[tuple[float, float]] = field(default_factory=list)
    """Of the GPU, from when on each."""
    events: list[Told] = field(default_factory=list)
    lines: list[float] = field(default_factory=list)
    """When each line of the job was written."""

    def is_there(self, seconds: float) -> bool:
        """Return whether Redis has been there for as long."""
        since, is_there = self.redis
        return is_there and self.now - since > seconds

    def is_away(self, seconds: float) -> bool:
        """Return whether Redis has been away for as long."""
        since, is_there = self.redis
        return not is_there and self.now - since > seconds

    @property
    def online(self) -> int | None:
        """How many cameras are online; None: that has changed too lately to be shown."""
        since, is_lost = self.lost_camera
        return self.cameras - is_lost if self.now - since > GRACE else None

    def heats(self, seconds: float) -> set[float]:
        """Return the temperatures that there were within the last seconds."""
        until = [*(at for at, _ in self.temperatures[1:]), self.now]
        return {
            value
            for (_, value), end in zip(self.temperatures, until, strict=True)
            if end >= self.now - seconds
        }

    @property
    def hears(self) -> bool:
        """Whether Redis has been there long enough for every page to hear it."""
        return self.is_there(2 * BLIND)


def contradictions(reading: Reading, truth: Truth) -> list[str]:
    """Return what cannot be so, each with its reason."""
    found = [*_odd(reading), *_within_first(reading.first)]
    found += _against_truth(reading.first, truth)
    found += _alerts(reading, truth)
    found += _job(reading.job, truth)
    return found


def _odd(reading: Reading) -> list[str]:
    pages = {"/": reading.first, "/performance": reading.performance, "/jobs": reading.job}
    return [
        f"{path} says {found[0]!r}"
        for path, page in pages.items()
        if (found := ODD.search(page["text"]))
    ]


def _within_first(page: dict[str, Any]) -> list[str]:
    """Compare what one page says in one moment."""
    home, cameras, ai, system = (page[name] for name in ("home", "cameras", "ai", "system"))
    found = []
    if home["tone"] == "good":
        if page["connection"] != "Live":
            found.append(f"{home['title']} while the connection is {page['connection']}")
        found += [
            f"{home['title']} while {name} are {tile['title']}"
            for name, tile in (("cameras", cameras), ("AI services", ai))
            if tile["tone"] != "good"
        ]
    if (quiet := re.match(r"Quiet at (\d+ of \d+)", home["title"])) and not cameras[
        "title"
    ].startswith(quiet[1]):
        found.append(f"{home['title']}, but {cameras['title']}")
    level = page["gauge"]["words"]
    expected = TITLES.get(level)
    if expected is not None and home["title"] != expected:
        found.append(f"the gauge shows {level}, and the verdict is {home['title']}")
    if (home["title"] == "Can't tell") != (page["gauge"]["figure"] == UNKNOWN):
        found.append(f"the gauge shows {page['gauge']['figure']}, the verdict is {home['title']}")
    hot = re.match(r"GPU at (\d+) °C", system["title"])
    if hot and page["temperature"] != f"{hot[1]}°C":
        found.append(f"{system['title']}, but the GPU's card has {page['temperature']}")
    counted = re.match(r"(\d+)", page["count"])
    if counted and int(counted[1]) != len(page["feed"]):
        found.append(f"{page['count']}, but {len(page['feed'])} rows")
    if len(set(page["feed"])) != len(page["feed"]):
        found.append("an event is in the feed twice")
    return found


def _against_truth(page: dict[str, Any], truth: Truth) -> list[str]:
    """Compare a page with what happened."""
    if truth.is_away(BLIND):
        claims = {"Live": page["connection"] == "Live", "quiet": page["home"]["tone"] == "good"}
        return [f"{claim}, without Redis" for claim, is_made in claims.items() if is_made]
    if not truth.hears:
        return []
    found = [] if page["connection"] == "Live" else [f"{page['connection']}, though all is heard"]
    return [*found, *_cameras(page, truth), *_events(page, truth), *_heat(page, truth)]


def _cameras(page: dict[str, Any], truth: Truth) -> list[str]:
    found: list[str] = []
    if (online := truth.online) is None or page["cameras"]["tone"] == "unknown":
        return found  # What says that it does not know claims nothing.
    if not page["cameras"]["title"].startswith(f"{online} of {truth.cameras} "):
        found.append(f"{page['cameras']['title']}, but {online} are online")
    if (tiles := page["tiles"].count("online")) != online:
        found.append(f"{tiles} tiles online, but {online} are")
    return found


def _events(page: dict[str, Any], truth: Truth) -> list[str]:
    settled = [told for told in truth.events if truth.now - told.at > GRACE]
    missing = [told.summary for told in settled if told.summary not in page["feed"]]
    found = [f"{summary} is not in the feed" for summary in missing]
    if truth.events:
        age = truth.now - truth.events[-1].at
        shown = _seconds(page["latest"])
        if age > GRACE and shown is not None and abs(shown - age) > GRACE:
            found.append(f"the latest event is {age:.0f} s old, and {page['latest']!r} is said")
    grave = [told for told in settled if told.level in TITLES]
    if grave and page["home"]["tone"] == "good":
        found.append(f"{page['home']['title']} after {grave[-1].summary}")
    return found


def _heat(page: dict[str, Any], truth: Truth) -> list[str]:
    if page["temperature"] in {f"{heat:.0f}°C" for heat in truth.heats(GRACE)}:
        return []
    return [f"the GPU has {page['temperature']}, which it had not of late"]


def _alerts(reading: Reading, truth: Truth) -> list[str]:
    """Compare what the pages say of the GPU's heat, once people must have been told of it."""
    found: list[str] = []
    if not truth.hears:
        return found
    heats = truth.heats(GRACE + TOLD_AFTER)
    tells = {
        "the alerts": any("GPU temperature" in alert for alert in reading.performance["alerts"]),
        "the first page": "GPU" in reading.first["system"]["title"]
        or "GPU temperature" in reading.first["system"]["detail"],
    }
    if all(heat >= HOT for heat in heats):
        found += [f"{name} say nothing of a hot GPU" for name, does in tells.items() if not does]
    if all(heat < HOT for heat in heats):
        found += [f"{name} tell of a hot GPU" for name, does in tells.items() if does]
    heat = re.search(r"GPU (\d+) °C", reading.performance["chart"])
    if heat and float(heat[1]) not in {float(round(value)) for value in truth.heats(GRACE)}:
        found.append(f"the chart has {heat[0]}, which it had not of late")
    return found


def _job(page: dict[str, Any], truth: Truth) -> list[str]:
    """Compare a job's page with what the job said."""
    counted = re.search(r"([\d.,\u202f]+) lines?", page["lines"])
    count = int(re.sub(r"\D", "", counted[1])) if counted else 0
    least = sum(truth.now - at > GRACE for at in truth.lines) if truth.hears else 0
    if not least <= count <= len(truth.lines):
        return [f"the log has {page['lines']!r}, and the job wrote {len(truth.lines)}"]
    return []


def _seconds(words: str) -> float | None:
    """Return how long ago something was, in seconds."""
    if words == "now":
        return 0
    found = re.match(r"(\d+) (s|min|h|d) ago", words)
    return int(found[1]) * UNITS[found[2]] if found else None
