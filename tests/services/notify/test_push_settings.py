"""What pushes need is checked at the start, and no key is quoted."""

import re
from pathlib import Path

import pytest

from hsi.settings import SettingsError, load
from services.notify.settings import NotifySettings

SUBJECT = "VAPID_SUBJECT: push services want to know whom to write to; expected"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"VAPID_SUBJECT": ""}, SUBJECT),
        ({"VAPID_SUBJECT": "me@example.com"}, SUBJECT),
        ({"VAPID_SUBJECT": "mailto:me"}, SUBJECT),
        ({"VAPID_SUBJECT": "http://example.com"}, SUBJECT),
        ({"VAPID_PRIVATE_KEY_FILE": "/somewhere"}, "VAPID_PRIVATE_KEY_FILE: both are set"),
        ({"PUSH_HOSTS": "fcm.googleapis.com, localhost"}, "PUSH_HOSTS=localhost: expected names"),
        ({"PUSH_HOSTS": "https://push.apple.com"}, "expected names of hosts"),
        ({"PUSH_HOSTS": "192.168.1.1"}, "PUSH_HOSTS=192.168.1.1: expected names of hosts"),
        ({"PUSH_HOSTS": "*.apple.com"}, "expected names of hosts"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(given: dict[str, str], why: str) -> None:
    usual = {"VAPID_PRIVATE_KEY": "secret", "VAPID_SUBJECT": "mailto:me@example.com"}
    with pytest.raises(SettingsError, match=re.escape(why)) as raised:
        load(NotifySettings, usual | given)
    assert "secret" not in str(raised.value)


def test_the_key_may_be_in_a_file(tmp_path: Path) -> None:
    given = {"VAPID_SUBJECT": "https://example.com", "VAPID_PRIVATE_KEY_FILE": f"{tmp_path}/key"}
    settings = load(NotifySettings, given)
    with pytest.raises(SettingsError, match=r"VAPID_PRIVATE_KEY_FILE=.*: No such file"):
        settings.vapid_key()
    (tmp_path / "key").write_text("the key\n")
    assert settings.vapid_key() == "the key\n"
