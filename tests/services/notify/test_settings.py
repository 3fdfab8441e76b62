"""The notify service is off until there is somebody to tell."""

from pathlib import Path

import pytest

from hsi.settings import SettingsError, load
from services.notify.settings import NotifySettings
from tests.hsi_service.skeleton.test_service import run_service

SECRET = "s3cr3t-t0p1c"


def test_with_nobody_to_tell_it_says_so_in_one_line_and_ends_with_status_2() -> None:
    result = run_service("notify", NOTIFY_RULES="", VAPID_PRIVATE_KEY="", VAPID_PRIVATE_KEY_FILE="")
    assert result.returncode == 2
    assert result.stderr == (
        "error: NOTIFY_RULES, VAPID_PRIVATE_KEY: neither is set, and without a target there is "
        "nobody to tell; set one of them\n"
    )


@pytest.mark.parametrize("setting", ["NOTIFY_RULES", "VAPID_PRIVATE_KEY", "VAPID_PRIVATE_KEY_FILE"])
def test_any_of_them_is_enough(setting: str) -> None:
    given = {setting: "something", "VAPID_SUBJECT": "mailto:me@example.com"}
    assert load(NotifySettings, given).lease_seconds == 10


def read(rules: str) -> list[str]:
    file = load(NotifySettings, {"NOTIFY_RULES": rules}).rules_file()
    return [one.name for one in file.targets()] if file else []


def test_rules_are_a_file_of_three_kinds_or_the_setting_itself(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("targets: {a: {url: json://x}}")
    (tmp_path / "rules.json").write_text('{"targets": {"b": {"url": "json://x"}}}')
    (tmp_path / "rules.toml").write_text('[targets.c]\nurl = "json://x"')
    found = [read(f"{tmp_path}/rules.{form}") for form in ("yaml", "json", "toml")]
    assert found == [["a"], ["b"], ["c"]]
    assert read('{"targets": {"d": {"url": "json://x"}}}') == ["d"]
    pushes = {"VAPID_PRIVATE_KEY": "x", "VAPID_SUBJECT": "mailto:me@example.com"}
    assert load(NotifySettings, pushes).rules_file() is None
    (tmp_path / "rules").write_text("webhooks: {a: {url: x}}")
    assert read(f"{tmp_path}/rules") == []


def test_rules_may_name_nobody_where_devices_are_told() -> None:
    pushes = {"VAPID_PRIVATE_KEY": "x", "VAPID_SUBJECT": "mailto:me@example.com"}
    assert load(NotifySettings, {"NOTIFY_RULES": "{}"} | pushes).rules_file()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"NOTIFY_RULES": "/nowhere.yaml"}, "NOTIFY_RULES=/nowhere.yaml: No such file"),
        ({"NOTIFY_RULES": f"ntfy://{SECRET}"}, r"NOTIFY_RULES=\*\*\*: No such file"),
        ({"NOTIFY_RULES": "rules.ini"}, r"NOTIFY_RULES=rules\.ini: expected a name that ends in"),
        ({"NOTIFY_RULES": "{}"}, "NOTIFY_RULES: it names no target and no webhook"),
        ({"NOTIFY_RULES": "{targets: {}}"}, "NOTIFY_RULES: it names no target and no webhook"),
        ({"NOTIFY_RULES": "{x"}, "NOTIFY_RULES: line 1: cannot be read"),
        ({"TIMEZONE": "Mars"}, "TIMEZONE=Mars: there is no such timezone"),
        ({"DASHBOARD_URL": "home.example"}, "DASHBOARD_URL: expected one of http://"),
        ({"HEARTBEAT_URL": f"{SECRET}"}, "HEARTBEAT_URL: expected one of http://"),
        ({"MEDIA_ORIGINS": "home.example/x"}, "MEDIA_ORIGINS=home.example/x: expected"),
        ({"NOTIFY_PATIENCE": "0"}, "NOTIFY_PATIENCE=0: expected"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_in_one_line(
    settings: dict[str, str], why: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{why}") as refused:
        load(NotifySettings, {"NOTIFY_RULES": "{}"} | settings).rules_file()
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
