"""The users of Redis: what each service and the producers may do there, and nothing more.

The rules stand in users.acl beside this file, without passwords; deploy/redis/README.md says why
they are so.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from hsi.cli.settings import RedisNames
from hsi.keys import digest
from hsi.settings import SettingsError, load

RULES = Path(__file__).with_name("users.acl")
_NAMED = ("REDIS_EVENT_CHANNEL", "DETECTION_QUEUE", "ANALYSIS_QUEUE", "DEAD_LETTER_QUEUES")
"""Settings that name what is in the rules."""
_RULE_WITH_A_NAME = re.compile(r"(?P<what>&|%R~|~)(?P<open>\{?)(?P<name>[^{}]+)(?P<close>\}.*)?")
_GLOB = re.compile(r"([\\*?\[\]])")


class RedisUsers:
    """One for each service and `producer`, each with a new password that is nowhere else."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Make passwords.

        Args:
            environment: The services', for what the channel of events and the queues are called.

        Raises:
            SettingsError: A name that Redis' rules cannot hold.

        """
        named = {name: environment[name] for name in _NAMED if name in environment}
        self._rules = _rules(load(RedisNames, named))
        self._passwords = {name: secrets.token_urlsafe(32) for name in self._rules}

    @property
    def names(self) -> list[str]:
        """Who they are."""
        return list(self._rules)

    def acl(self, *, default: str = "off") -> str:
        """Return the file that tells Redis of them (`aclfile`); it holds digests, no passwords.

        Args:
            default: What whoever does not log in may do.

        """
        lines = [f"user default {default}"]
        for name, rules in self._rules.items():
            lines.append(f"user {name} #{digest(self._passwords[name].encode()).hex()} {rules}")
        return "".join(f"{line}\n" for line in lines)

    def url(self, name: str, redis_url: str) -> str:
        """Return a Redis' URL with which one logs in as this user."""
        return redis_url.replace("://", f"://{name}:{self._passwords[name]}@", 1)


def _rules(settings: RedisNames) -> dict[str, str]:
    """Return what each user may do, by name, with the names of these settings in it."""
    usual = RedisNames()
    first, *others = usual.dead_letters()
    names: dict[str, Sequence[str]] = {
        usual.redis_event_channel: [settings.redis_event_channel],
        usual.detection_queue: [settings.detection_queue],
        usual.analysis_queue: [settings.analysis_queue],
        first: settings.dead_letters(),
        **dict.fromkeys(others, ()),
    }
    for name in (name for some in names.values() for name in some):
        if re.search(r"\s", name):
            raise SettingsError(f"{name}: Redis' rules cannot hold a name with a space in it")
    found = {}
    for line in RULES.read_text().splitlines():
        _, user, *words = line.split(" ")
        if user != "default":
            found[user] = " ".join(rule for word in words for rule in _renamed(word, names))
    return found


def _renamed(word: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a rule for each of the names that stand for the one in this rule."""
    found = _RULE_WITH_A_NAME.fullmatch(word)
    if not found or found["name"] not in names:
        return [word]
    return [
        found["what"] + found["open"] + _GLOB.sub(r"\\\1", name) + (found["close"] or "")
        for name in names[found["name"]]
    ]
