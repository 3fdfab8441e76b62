"""What the events service reads from the environment."""

import pytest

from hsi.settings import SettingsError, load
from services.events.settings import EventsSettings


def test_a_database_is_optional_and_checked_at_start() -> None:
    assert not load(EventsSettings, {}).database_url
    url = "postgresql://hsi_reader@postgres/hsi"
    assert load(EventsSettings, {"DATABASE_URL": url}).database_url == url
    with pytest.raises(SettingsError, match="DATABASE_URL") as wrong:
        load(EventsSettings, {"DATABASE_URL": "postgresql://u:secret@host:port/x"})
    assert "secret" not in str(wrong.value)
