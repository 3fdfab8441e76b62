"""The targets of a rules file."""

from pathlib import Path

import pytest

from hsi.settings import SettingsError
from services.notify.apprise_target import AppriseTarget
from services.notify.file_target import FileTarget
from services.notify.pictures import Pictures
from services.notify.rule_targets import RuleTargets
from services.notify.rules_file import RulesFile

SECRET = "s3cr3t-t0p1c"


def made(text: str) -> RuleTargets:
    file = RulesFile(text, "yaml", timezone="UTC")
    return RuleTargets(file, Pictures([], dashboard=""))


async def test_a_target_is_made_of_an_address_or_of_a_file_that_holds_it(tmp_path: Path) -> None:
    secret = tmp_path / "address"
    secret.write_text(f"json://127.0.0.1/{SECRET}\n")
    known = made(f"targets: {{phone: {{url_file: {secret}}}, file: {{url: 'file:{tmp_path}/x'}}}}")
    phone, file = await known.targets()
    assert isinstance(phone, AppriseTarget)
    assert isinstance(file, FileTarget)
    assert [one.name for one in await known.targets()] == ["phone", "file"]
    await known.gone(phone)
    assert list(await known.targets()) == [file]


async def test_without_rules_there_is_no_target() -> None:
    assert await RuleTargets(None, Pictures([], dashboard="")).targets() == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (f"url: nonsense://{SECRET}", "targets.phone.url: Apprise knows no such address"),
        ("url_file: /nowhere", "targets.phone.url_file: No such file or directory"),
        ("url: file://host/x", "targets.phone.url: expected no host in it"),
        (f"url: json://{SECRET}, from: hihg", "targets.phone.from: there is no 'hihg'"),
    ],
)
def test_a_target_that_cannot_be_used_ends_the_start_in_one_line(fields: str, why: str) -> None:
    with pytest.raises(SettingsError, match=f"^NOTIFY_RULES: {why}") as refused:
        made(f"targets: {{phone: {{{fields}}}}}")
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
