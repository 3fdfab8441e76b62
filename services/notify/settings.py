"""What this service reads from the environment, beside what all do."""

from collections.abc import Mapping
from pathlib import Path

from hsi.settings import SettingsError, check_url
from hsi_service.origins import Origin
from hsi_service.settings import LeaseSeconds, PositiveSeconds
from services.notify.push_settings import PushSettings
from services.notify.rules import zone
from services.notify.rules_file import Format, RulesError, RulesFile

_FORMS: Mapping[str, Format] = {
    "": "yaml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "yaml",
    ".toml": "toml",
}
"""How a file of rules is written, by the ending of its name."""
MAX_RULES = 1024 * 1024
"""Characters of a rules file."""


class NotifySettings(PushSettings, frozen=True, kw_only=True, rename="upper"):
    """Settings of the notify service."""

    notify_rules: str = ""
    """Who is told what: a file (.yaml, .json or .toml), or JSON."""
    timezone: str = "UTC"
    """Of quiet hours and of times in messages, where rules name none."""
    dashboard_url: str = ""
    """Where the dashboard is, for links; without it messages have none."""
    media_origins: tuple[str, ...] = ()
    """From where pictures of events may be fetched, beside the dashboard's own origin."""
    frigate_url: str = ""
    """Where Frigate is, which pictures of events may be fetched from, too; or a path of the
    dashboard's own origin."""
    heartbeat_url: str = ""
    """Asked by GET every minute while all is well: a dead man's switch outside the house."""
    notify_patience: PositiveSeconds = 3600
    """Seconds for which a message is tried, until it is a dead letter."""
    redis_patience: PositiveSeconds = 120
    """Seconds for which Redis may be unheard, until people are told."""
    lease_seconds: LeaseSeconds = 10
    """Seconds until another replica takes over from one that died."""

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        super().__post_init__()
        if not (self.notify_rules or self.has_vapid):
            raise SettingsError(
                "NOTIFY_RULES, VAPID_PRIVATE_KEY: neither is set, and without a target there is "
                "nobody to tell; set one of them"
            )
        try:
            zone(self.timezone)
        except ValueError as error:
            raise SettingsError(f"TIMEZONE={self.timezone}: {error}") from None
        check_url("DASHBOARD_URL", self.dashboard_url, ("http://", "https://"))
        check_url("FRIGATE_URL", self.frigate_url, ("http://", "https://", "/"))
        check_url("HEARTBEAT_URL", self.heartbeat_url, ("http://", "https://"))
        for origin in self.media_origins:
            if Origin.parse(origin) is None:
                raise SettingsError(f"MEDIA_ORIGINS={origin}: expected scheme://host:port")

    def rules_file(self) -> RulesFile | None:
        """Return who is told what; None where nothing says it.

        Raises:
            SettingsError: It cannot be read or understood; the text quotes no address.

        """
        value = self.notify_rules
        if not value:
            return None
        if value.startswith("{"):
            return self._told_by(_parsed("NOTIFY_RULES", value, "yaml", self.timezone))
        path = Path(value)
        form = _FORMS.get(path.suffix.lower())
        if form is None and "://" not in value:
            raise SettingsError(
                f"NOTIFY_RULES={_shown(value)}: expected a name that ends in .yaml, .yml, .json or "
                ".toml, or has no ending and holds YAML or JSON"
            )
        try:
            with path.open(encoding="utf-8") as file:
                text = file.read(MAX_RULES)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise SettingsError(f"NOTIFY_RULES={_shown(value)}: {why}") from None
        return self._told_by(_parsed(f"NOTIFY_RULES={value}", text, form or "yaml", self.timezone))

    def _told_by(self, file: RulesFile) -> RulesFile:
        """Return the rules, by which somebody is told."""
        if not (file.names_somebody or self.has_vapid):
            raise SettingsError(
                "NOTIFY_RULES: it names no target and no webhook, and VAPID_PRIVATE_KEY is not "
                "set, so there is nobody to tell; name one, or set it"
            )
        return file


def _parsed(what: str, text: str, form: Format, timezone: str) -> RulesFile:
    try:
        return RulesFile(text, form, timezone=timezone)
    except RulesError as error:
        raise SettingsError(f"{what}: {error}") from None


def _shown(path: str) -> str:
    """Return a path that may be shown: it may be an address, by mistake."""
    return "***" if "://" in path or len(path) > 200 else path  # noqa: PLR2004 (a line)
