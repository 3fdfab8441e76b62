"""Who is told what, as a person writes it."""

import contextlib
import json
import re
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.rules import Quiet, Rules, Template
from services.notify.rules_file import Format, RuleFields, RulesError, RulesFile

SECRET = "hunter2-hunter2"
YAML = f"""
defaults: {{from: medium, cooldown: 2m}}
targets:
  phone:
    url: ntfys://{SECRET}@ntfy.example/topic
    quiet: {{from: 22:00, to: 07:00, critical: no}}
    cameras: [front_door, 7]
    levels: {{vault: low}}
    templates: {{event: {{title: "{{camera}}"}}}}
  mail:
    url_file: /run/secrets/mail
    from: critical
    timezone: Asia/Tokyo
    quiet:
      - {{from: 22:00, to: 07:00}}
      - {{from: 12:00, to: 13:00, days: [sat, sun], summary: yes}}
"""


def read(text: str, form: Format = "yaml") -> RulesFile:
    return RulesFile(text, form, timezone="Europe/Berlin")


def test_a_file_names_targets_each_with_its_rules_and_what_it_leaves_out_is_usual() -> None:
    phone, mail = read(YAML).targets()
    assert (phone.name, phone.fields.url) == ("phone", f"ntfys://{SECRET}@ntfy.example/topic")
    assert phone.rules == Rules(
        level="medium",
        levels={"vault": "low"},
        cameras=("front_door", "7"),
        quiet=(Quiet(start="22:00", end="07:00", critical=False),),
        timezone="Europe/Berlin",
        cooldown=120,
        templates={"event": Template(title="{camera}")},
    )
    assert (mail.rules.level, mail.rules.timezone) == ("critical", "Asia/Tokyo")
    assert mail.rules.quiet[1] == Quiet(
        start="12:00", end="13:00", days=("sat", "sun"), summary=True
    )


def test_json_and_toml_say_the_same() -> None:
    target: dict[str, Any] = {
        "url": "json://x",
        "from": "low",
        "quiet": {"from": "22:00", "to": "07:00"},
    }
    target |= {"picture": False, "group": "0"}
    as_json = read(json.dumps({"targets": {"a": target}})).targets()
    as_toml = read(
        '[targets.a]\nurl = "json://x"\nfrom = "low"\npicture = false\ngroup = 0\n'
        'quiet = {from = "22:00", to = "07:00"}\n',
        "toml",
    ).targets()
    assert as_json[0].rules == as_toml[0].rules
    assert not as_toml[0].rules.picture


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            "from: hihg",
            "targets.phone.from: there is no 'hihg'; there are low, medium, high, critical",
        ),
        ("cooldown: soon", "targets.phone.cooldown: expected a time as 90s, 15m or 2h"),
        ("cooldown: 30d", "targets.phone.cooldown: expected float <= 604800.0"),
        ("quiet: {from: 25:00, to: 07:00}", "targets.phone.quiet.from: expected a time of day"),
        ("quiet: [{from: 22:00}]", "targets.phone.quiet[0]: object missing required field to"),
        (
            "templates: {event: {title: '{x.y}'}}",
            "targets.phone.templates: a name in braces is unknown; there are title",
        ),
        ("timezone: Mars", "targets.phone: there is no such timezone; one is Europe/Berlin"),
        ("colldown: 1", "targets.phone: there is no 'colldown'"),
        ("kinds: [evnt]", "targets.phone.kinds[0]: there is no 'evnt'; there are event, "),
        ("days: [monday]", "targets.phone: there is no 'days'"),
        (
            "quiet: {from: 22:00, to: 07:00, days: [monday]}",
            "targets.phone.quiet.days[0]: there is no 'monday'; there are mon, tue",
        ),
        ("kinds: event", "targets.phone.kinds: expected a list, as [event]; there are event, "),
        ("levels: {vault: High}", "targets.phone.levels: there is no 'High'; there are low, "),
        (
            "templates: {evnt: {title: x}}",
            "targets.phone.templates: there is no 'evnt'; there are event",
        ),
        ("quiet:", "targets.phone.quiet: expected fields below it, or a list of such, got text"),
        ("cameras:", "targets.phone.cameras: expected a list, got text"),
        ("url: {a: b}", "targets.phone.url: expected text, got fields"),
        ("url: ''", "targets.phone: expected url or url_file, one of them"),
        ("url_file: /x", "targets.phone: expected url or url_file, one of them"),
    ],
)
def test_a_bad_rule_is_named_with_its_place(body: str, why: str) -> None:
    url = "" if body.startswith("url: ") else f"    url: json://{SECRET}\n"
    with pytest.raises(RulesError, match=f"^{re.escape(why)}") as refused:
        read(f"targets:\n  phone:\n{url}    {body}\n").targets()
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("targets: [", "line 1: cannot be read as YAML"),
        ("x: 1", "there is no 'x'"),
        ("- a", "expected fields below it, got a list"),
        ("defaults: {url: json://x}", "defaults: there is no 'url'"),
        ("targets: {Ph one: {url: x}}", "targets: 'Ph one' is no name"),
        ("a: !!python/object/apply:os.system [id]", "there is no 'a'"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(text: str, why: str) -> None:
    with pytest.raises(RulesError, match=f"^{re.escape(why)}"):
        read(text).targets()


@pytest.mark.parametrize(
    ("text", "form", "why"),
    [
        ("targets:\n  a: {url: x}\n  b: {url: x}\n  a: {url: y}", "yaml", "line 4: "),
        ("targets: {a: {url: x}}\ntargets: {b: {url: y}}", "yaml", "line 2: "),
        ("targets:\n  a:\n    url: x\n    from: low\n    from: high", "yaml", "line 5: "),
        ('{"targets": {"a": {"url": "x"},\n"a": {"url": "y"}}}', "yaml", "line 2: "),
        ('[targets.a]\nurl = "x"\n[targets.a]\nurl = "y"', "toml", "line 3: "),
        ('[targets.a]\nurl = "x"\nurl = "y"\n', "toml", "line 3: "),
    ],
)
def test_a_name_that_is_written_twice_is_refused_with_its_line(
    text: str, form: Format, why: str
) -> None:
    with pytest.raises(RulesError, match=f"^{why}.*: a name stands twice in the same place$"):
        read(text, form).targets()


@pytest.mark.parametrize("name", ["webhook-nas", "push-0123456789abcdef"])
def test_a_target_has_no_name_that_a_webhook_or_a_device_may_have(name: str) -> None:
    with pytest.raises(RulesError, match=f"^targets.{name}: names like this one are those of"):
        read(f"targets: {{{name}: {{url: json://x}}}}").targets()
    assert read("targets: {push-mobile: {url: json://x}}").targets()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("targets:\n  phone:\n", "targets.phone: expected url or url_file, one of them"),
        ("targets: {phone: ntfys://x}", "targets.phone: expected its fields, as url: … below it"),
        ("targets: ntfys://x", "targets: expected names, each with its url below it, and not text"),
        ("targets: [a]", "targets: expected names, each with its url below it, and not a list"),
        ("defaults: low", "defaults: expected rules, as from: high below it, and not text"),
        ("targets: {a: {url: x}}\nwebhooks: {b: http://x}", "webhooks.b: expected its fields"),
    ],
)
def test_what_lacks_its_fields_is_named_with_its_place(text: str, why: str) -> None:
    def everything() -> None:
        file = read(text)
        file.targets()
        file.webhooks(OfWebhook)

    with pytest.raises(RulesError, match=f"^{re.escape(why)}"):
        everything()


def test_a_section_that_is_empty_says_nothing() -> None:
    assert read("defaults:\ntargets:\nwebhooks:\n").targets() == []
    assert not read("targets:\n").names_somebody
    assert read("webhooks: {nas: {secret: x}}").names_somebody


@pytest.mark.parametrize(
    "text",
    [
        "SECRET: x",
        "'ntfys://me:SECRET@x': x",
        "targets: {'ntfys://SECRET@x': {url: x}}",
        "targets: {a: {'ntfys://SECRET@x': x}}",
        "defaults: {'ntfys://SECRET@x': x}",
        "defaults: {from: 'ntfys://SECRET@x'}\ntargets: {a: {url: x}}",
        "targets: {a: {url: x, kinds: ['SECRET']}}",
        "targets: {a: {url: x, levels: {vault: SECRET}}}",
        "targets: {a: {url: x, timezone: SECRET}}",
        "targets: {a: {url: x, cooldown: SECRET}}",
        "targets: {a: {url: x, quiet: {from: SECRET, to: 07:00}}}",
        "targets: {a: {url: x, quiet: {from: 07:00, to: 08:00, days: [SECRET]}}}",
        "targets: {a: {url: x, templates: {SECRET: {title: x}}}}",
        "targets: {a: {url: x, templates: {event: {title: '{SECRET}'}}}}",
        "targets: {a: {url: x, templates: {event: {title: '{SECRET'}}}}",
        "targets: {a: {url: *SECRET}}",
        "a: &SECRET x\nb: &SECRET y",
        "a: !SECRET!x y",
        "SECRET: x\nSECRET: y",
        "targets: SECRET",
        "a: 'SECRET",
        '"\\SECRET"',
        "%SECRET\n",
        "SECRET: [",
        "SECRET",
    ],
)
def test_no_error_quotes_what_may_be_a_secret_wherever_it_stands(text: str) -> None:
    for form in get_args(Format):
        with pytest.raises(RulesError) as refused:
            read(text.replace("SECRET", SECRET), form).targets()
        assert SECRET not in str(refused.value)
        assert "ntfys" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        '[targets."SECRET"]\n[targets."SECRET"]',
        'a = {"SECRET" = 1, "SECRET" = 2}',
        '["SECRET"]\na = 1\n["SECRET".a.b]',
        'a = "SECRET',
        "a = SECRET",
        '[targets.a]\n"SECRET" = "x"',
    ],
)
def test_no_error_of_toml_quotes_it_either(text: str) -> None:
    with pytest.raises(RulesError) as refused:
        read(text.replace("SECRET", SECRET), "toml").targets()
    assert SECRET not in str(refused.value)


def test_broken_toml_is_named_with_its_line() -> None:
    with pytest.raises(RulesError, match=r"^line 2: cannot be read as TOML: Invalid statement$"):
        read("[targets]\n= 1", "toml")


def test_an_address_is_in_nothing_that_is_shown_of_a_target() -> None:
    assert SECRET not in repr(read(YAML).targets())


class OfWebhook(RuleFields, frozen=True, kw_only=True):
    """What a section of another part may say."""

    secret: str


def test_another_section_has_the_same_rules_and_fields_of_its_own() -> None:
    text = "defaults: {from: low}\nwebhooks: {nodered: {secret: x, kinds: [event]}}"
    ((name, fields, rules),) = read(text).webhooks(OfWebhook)
    assert (name, fields.secret, rules.level, rules.kinds) == ("nodered", "x", "low", ("event",))


@settings(max_examples=40)
@given(st.text())
def test_whatever_a_file_has_it_is_read_or_refused(text: str) -> None:
    forms: tuple[Format, ...] = "yaml", "toml"
    for form in forms:
        with contextlib.suppress(RulesError):
            read(text, form).targets()
