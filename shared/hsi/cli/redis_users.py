"""Users of Redis: one for each service and one for producers, each with the rights it needs.

The rules stand in users.acl beside this file, without passwords; deploy/redis/README.md explains
them.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from hsi.cli.settings import RedisNames
from hsi.keys import digest
from hsi.settings import SettingsError, load

RULES = Path(__file__).with_name("users.acl")
_NAME_SETTINGS = ("REDIS_EVENT_CHANNEL", "DETECTION_QUEUE", "ANALYSIS_QUEUE", "DEAD_LETTER_QUEUES")
"""Settings whose values are names in the rules."""
_RULE_WITH_NAME = re.compile(r"(?P<kind>&|%R~|~)(?P<open>\{?)(?P<name>[^{}]+)(?P<close>\}.*)?")
_GLOB = re.compile(r"([\\*?\[\]])")


class RedisUsers:
    """A user for each service and `producer`, each with a new password that is nowhere else."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Make passwords.

        Args:
            environment: Environment of the services, which may rename the channel of events and
                the queues.

        Raises:
            SettingsError: A name contains whitespace, which Redis' rules cannot hold.

        """
        named = {name: environment[name] for name in _NAME_SETTINGS if name in environment}
        self._rules = _rules(load(RedisNames, named))
        self._passwords = {name: secrets.token_urlsafe(32) for name in self._rules}

    @property
    def names(self) -> list[str]:
        """Names of the users."""
        return list(self._rules)

    def acl(self, *, default: str = "off") -> str:
        """Return the content of Redis' `aclfile`; it holds digests and no passwords.

        Args:
            default: Rules of clients that do not log in.

        """
        lines = [f"user default {default}"]
        for name, rules in self._rules.items():
            lines.append(f"user {name} #{digest(self._passwords[name].encode()).hex()} {rules}")
        return "".join(f"{line}\n" for line in lines)

    def url(self, name: str, redis_url: str) -> str:
        """Return a URL that logs in to Redis as a user.

        Args:
            name: Name of the user.
            redis_url: URL of Redis, without a user.

        """
        return redis_url.replace("://", f"://{name}:{self._passwords[name]}@", 1)


def _rules(settings: RedisNames) -> dict[str, str]:
    """Return the rules of each user, by name, with the channel and queues named by `settings`."""
    usual = RedisNames()
    first, *others = usual.dead_letters()
    replacements: dict[str, Sequence[str]] = {
        usual.redis_event_channel: [settings.redis_event_channel],
        usual.detection_queue: [settings.detection_queue],
        usual.analysis_queue: [settings.analysis_queue],
        first: settings.dead_letters(),
        **dict.fromkeys(others, ()),
    }
    for name in (name for names in replacements.values() for name in names):
        if re.search(r"\s", name):
            raise SettingsError(f"{name}: Redis' rules cannot hold a name with a space in it")
    rules = {}
    for line in RULES.read_text().splitlines():
        _, user, *words = line.split(" ")
        if user != "default":
            rules[user] = " ".join(rule for word in words for rule in _renamed(word, replacements))
    return rules


def _renamed(word: str, replacements: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a rule once for each name that replaces the one in it."""
    match = _RULE_WITH_NAME.fullmatch(word)
    if not match or match["name"] not in replacements:
        return [word]
    return [
        match["kind"] + match["open"] + _GLOB.sub(r"\\\1", name) + (match["close"] or "")
        for name in replacements[match["name"]]
    ]
