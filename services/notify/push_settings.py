"""What the notify service reads from the environment for Web Push."""

import re
from pathlib import Path

from hsi.settings import SettingsError
from hsi_service.settings import Settings
from services.notify.push_endpoints import HOSTS, is_host

# What push services accept: Apple's refuses what has no such subject.
_SUBJECT = re.compile(r"mailto:[^@\s]+@[^@\s]+|https://[\w.-]+")


class PushSettings(Settings, frozen=True, kw_only=True, rename="upper"):
    """Settings of Web Push."""

    vapid_private_key: str = ""
    """The key that Web Push messages are signed with; empty: nobody is told by Web Push."""
    vapid_private_key_file: str = ""
    """A file that holds it."""
    vapid_subject: str = ""
    """Where push services find who sends: `mailto:` or `https://`."""
    push_hosts: tuple[str, ...] = HOSTS
    """The push services of browsers: these hosts, and those below them."""

    @property
    def has_vapid(self) -> bool:
        """Return whether people may be told by Web Push."""
        return bool(self.vapid_private_key or self.vapid_private_key_file)

    def __post_init__(self) -> None:
        """Check what a type cannot say."""
        super().__post_init__()
        if self.vapid_private_key and self.vapid_private_key_file:
            raise SettingsError(
                "VAPID_PRIVATE_KEY, VAPID_PRIVATE_KEY_FILE: both are set; take one of them away"
            )
        if self.has_vapid and not _SUBJECT.fullmatch(self.vapid_subject):
            raise SettingsError(
                "VAPID_SUBJECT: push services want to know whom to write to; expected "
                "mailto:you@example.com or https://example.com"
            )
        for host in self.push_hosts:
            if not is_host(host):
                raise SettingsError(
                    f"PUSH_HOSTS={host}: expected names of hosts, as fcm.googleapis.com, without "
                    "https:// and ports"
                )

    def vapid_key(self) -> str:
        """Return the private key of VAPID; empty: no pushes are sent.

        Raises:
            SettingsError: Its file cannot be read. The text does not quote it.

        """
        if not self.vapid_private_key_file:
            return self.vapid_private_key
        try:
            return Path(self.vapid_private_key_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise SettingsError(
                f"VAPID_PRIVATE_KEY_FILE={self.vapid_private_key_file}: {why}"
            ) from None
