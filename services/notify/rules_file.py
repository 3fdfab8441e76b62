"""Who is told what, as a person writes it: `NOTIFY_RULES` in YAML, JSON or TOML. Pure.

    defaults:
      from: high
    targets:
      phone:
        url: ntfys://ntfy.sh/a-long-secret-topic
        quiet: {from: 22:00, to: 07:00}

Everything is checked when it is read, and what is wrong is named with its place. Addresses hold
passwords, and may stand where they do not belong: of the file's text, an error quotes short words
alone.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args

import msgspec
import yaml
from msgspec import Struct

from hsi.schemas import RiskLevel
from services.notify.messages import SUBJECTS, Kind, Subject
from services.notify.rules import Day, Quiet, Rules, Template

Format = Literal["yaml", "toml"]
"""JSON is YAML."""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LENGTH = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([smhd]?)\s*")
_BOOLEANS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
_IS_BOOLEAN = {"all_clear", "critical", "picture", "summary"}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_TAKEN = re.compile(r"webhook-.*|push-[0-9a-f]{16}")
"""Names that webhooks and devices have beside targets: how far each came is kept under its name."""
_WORD = re.compile(r"[A-Za-z][A-Za-z_ -]{0,23}")
"""What may be quoted: without digits and signs, it is no address, token or password worth it."""
_QUOTES = re.compile(r"""('(?:<[a-z ]+>|\\?.)')|['"(].*""", re.DOTALL)
"""Quotes in a parser's own text: of a sign or of a kind of token; and all from any other one on."""
_LINE_OF_TOML = re.compile(r"\(at (line \d+|end of document)(?:, column \d+)?\)\Z")
_WHERE = re.compile(r" - at (?:`key` in )?`\$")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "from": get_args(RiskLevel),
    "levels": get_args(RiskLevel),
    "kinds": SUBJECTS,
    "days": get_args(Day),
    "templates": get_args(Kind),
}
"""The words that may stand in a field."""
_SHAPES = {
    "expected `object | array | null`": "expected fields below it, or a list of such",
    "expected `object | null`": "expected fields below it",
    "expected `object`": "expected fields below it",
    "expected `array | null`": "expected a list",
    "expected `array`": "expected a list",
    "expected `str | null`": "expected text",
    "expected `str`": "expected text",
    "got `object`": "got fields",
    "got `array`": "got a list",
    "got `str`": "got text",
}
MAX_TARGETS = 100
S = TypeVar("S", bound="RuleFields")


class RulesError(ValueError):
    """Rules that cannot be used; its text is one line, names the place and holds no secret."""


class Length:
    """A time as people write it: `90`, `90s`, `15m`, `2h`, `7d`."""

    def __init__(self, seconds: float) -> None:
        """Take the seconds."""
        self.seconds = seconds


class RuleFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be said of any target: when it is told of what."""

    level: RiskLevel = msgspec.field(name="from", default="high")
    levels: dict[str, RiskLevel] = {}
    cameras: tuple[str, ...] | None = None
    kinds: tuple[Subject, ...] = SUBJECTS
    quiet: Quiet | tuple[Quiet, ...] | None = None
    timezone: str | None = None
    cooldown: Length = Length(60)
    group: Length = Length(10)
    all_clear: bool = True
    picture: bool = True
    too_old: Length = Length(900)
    templates: dict[Kind, Template] = {}

    def rules(self, timezone: str) -> Rules:
        """Return them as they are followed.

        Args:
            timezone: Where they name none.

        Raises:
            ValueError: A value makes no sense.

        """
        quiet = (self.quiet,) if isinstance(self.quiet, Quiet) else self.quiet or ()
        return msgspec.convert(
            {
                "level": self.level,
                "levels": self.levels,
                "cameras": self.cameras,
                "kinds": self.kinds,
                "quiet": quiet,
                "timezone": self.timezone or timezone,
                "cooldown": self.cooldown.seconds,
                "group": self.group.seconds,
                "all_clear": self.all_clear,
                "picture": self.picture,
                "too_old": self.too_old.seconds,
                "templates": self.templates,
            },
            Rules,
        )


class TargetFields(RuleFields, frozen=True, kw_only=True):
    """What can be said of a target of Apprise, or of a file."""

    url: str = ""
    """Its address; who has it can tell people things, so it is a secret."""
    url_file: str = ""
    """A file that holds the address."""

    def __repr__(self) -> str:
        """Return nothing that is secret: what is shown somewhere may end in a log."""
        return "TargetFields(***)"


class NamedTarget(Struct, frozen=True, kw_only=True):
    """A target of the rules file."""

    name: str
    fields: TargetFields
    rules: Rules


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    defaults: Any = None
    targets: Any = None
    webhooks: Any = None


class RulesFile:
    """A rules file that was read; its sections are checked as they are asked for."""

    def __init__(self, text: str, form: Format, *, timezone: str) -> None:
        """Read it.

        Args:
            text: Of the file.
            form: How it is written.
            timezone: `TIMEZONE`, for rules that name none.

        Raises:
            RulesError: It cannot be read.

        """
        self._timezone = timezone
        file = _converted(_parsed(text, form), _File, "")
        self._defaults = _fields_of(file.defaults, "defaults", "rules, as from: high")
        unknown = self._defaults.keys() - {
            field.encode_name for field in msgspec.structs.fields(RuleFields)
        }
        if unknown:
            raise RulesError(f"defaults: there is no {_quoted(min(unknown))}")
        self._targets = _fields_of(file.targets, "targets", "names, each with its url")
        self._webhooks = _fields_of(file.webhooks, "webhooks", "names, each with its url")

    @property
    def names_somebody(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self._targets or self._webhooks)

    def targets(self) -> list[NamedTarget]:
        """Return the targets.

        Raises:
            RulesError: One of them cannot be used.

        """
        found = []
        for name, fields, rules in self._section("targets", self._targets, TargetFields):
            if _TAKEN.fullmatch(name):
                raise RulesError(
                    f"targets.{name}: names like this one are those of webhooks and of devices; "
                    "choose another"
                )
            if bool(fields.url) is bool(fields.url_file):
                raise RulesError(f"targets.{name}: expected url or url_file, one of them")
            found.append(NamedTarget(name=name, fields=fields, rules=rules))
        return found

    def webhooks(self, kind: type[S]) -> list[tuple[str, S, Rules]]:
        """Return the webhooks: each one's name, fields and rules.

        Args:
            kind: What can be said of one.

        Raises:
            RulesError: One of them cannot be used.

        """
        return self._section("webhooks", self._webhooks, kind)

    def _section(
        self, section: str, bodies: Mapping[str, Any], kind: type[S]
    ) -> list[tuple[str, S, Rules]]:
        if len(bodies) > MAX_TARGETS:
            raise RulesError(f"{section}: {len(bodies)} are too many; at most {MAX_TARGETS}")
        found = []
        for name, body in bodies.items():
            if not _NAME.fullmatch(name):
                raise RulesError(
                    f"{section}: {_quoted(name)} is no name; expected up to 40 of a-z, 0-9, - and _"
                )
            place = f"{section}.{name}"
            said = _fields_of(body, place, "its fields, as url: …")
            fields = _converted({**self._defaults, **said}, kind, place)
            try:
                rules = fields.rules(self._timezone)
            except msgspec.ValidationError as error:
                raise RulesError(_explained(error, place)) from None
            found.append((name, fields, rules))
        return found


class _Loader(yaml.BaseLoader):
    """Reads YAML as text alone: by its types 22:00 is the number 1320, and "no" is false."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 (the library's)
        """Return a mapping in which no name stands twice: the second would hide the first."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
                raise yaml.constructor.ConstructorError(
                    problem="a name stands twice in the same place", problem_mark=key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def _parsed(text: str, form: Format) -> Any:
    try:
        if form == "toml":
            return tomllib.loads(text)
        loaded = yaml.load(text, Loader=_Loader)  # noqa: S506 (it makes text only)
        return _with_booleans(loaded or {})
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise RulesError(f"{where}cannot be read as YAML: {_unquoted(error.problem)}") from None
    except tomllib.TOMLDecodeError as error:
        raise RulesError(_explained_toml(str(error))) from None
    except (yaml.YAMLError, RecursionError):
        kind = "TOML" if form == "toml" else "YAML"
        raise RulesError(f"cannot be read as {kind}: it is damaged") from None


def _explained_toml(text: str) -> str:
    found = _LINE_OF_TOML.search(text)
    where = f"{found[1]}: " if found else ""
    is_twice = text.startswith(("Cannot declare", "Cannot overwrite", "Duplicate"))
    what = "a name stands twice in the same place" if is_twice else _unquoted(text)
    return f"{where}cannot be read as TOML: {what}"


def _unquoted(text: str | None) -> str:
    """Return a parser's text without what it quotes of the file."""
    return _QUOTES.sub(lambda found: found[1] or "", text or "it is damaged").strip(" ,:")


def _fields_of(value: Any, place: str, expected: str) -> dict[str, Any]:
    """Return what stands below a name; nothing, where it is empty."""
    if value in (None, ""):
        return {}
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        got = "a list" if isinstance(value, list) else "text"
        raise RulesError(f"{place}: expected {expected} below it, and not {got}")
    return value


T = TypeVar("T")


def _converted(value: Any, kind: type[T], place: str) -> T:
    try:
        return msgspec.convert(value, kind, strict=False, dec_hook=_length)
    except msgspec.ValidationError as error:
        raise RulesError(_explained(error, place)) from None


def _explained(error: msgspec.ValidationError, place: str) -> str:
    what, *rest = _WHERE.split(str(error), maxsplit=1)
    path = "".join(rest).rstrip("`").replace("[...]", "").lstrip(".")
    choices = _CHOICES.get(re.sub(r"\[\d+\]", "", path).rpartition(".")[2], ())
    path = path if path.startswith("[") or not (path and place) else f".{path}"
    what = f"{what[:1].lower()}{what[1:]}"
    if "matching regex" in what:  # There is one kind of text with a pattern.
        what = "expected a time of day, in quotes where it is JSON or TOML: 22:00"
    for shape, words in _SHAPES.items():
        what = what.replace(shape, words)
    for begin, words in (
        ("invalid enum value ", "there is no "),
        ("object contains unknown field ", "there is no "),
    ):
        if what.startswith(begin):
            given = what.removeprefix(begin).strip("`'")
            what = words + _quoted(given)
    if choices:
        what += f"; there are {', '.join(choices)}"
        if "expected a list" in what:
            what = f"expected a list, as [{choices[0]}]; there are {', '.join(choices)}"
    return f"{place}{path}: {what.replace('`', '')}".removeprefix(": ")


def _with_booleans(value: Any) -> Any:
    """Return what was loaded with YAML's words for true and false where these are expected."""
    match value:
        case dict():
            return {
                key: _BOOLEANS.get(inner.lower(), inner)
                if key in _IS_BOOLEAN and isinstance(inner, str)
                else _with_booleans(inner)
                for key, inner in value.items()
            }
        case list():
            return [_with_booleans(inner) for inner in value]
        case _:
            return value


def _length(kind: type, value: Any) -> Any:
    if kind is not Length:
        raise NotImplementedError
    found = _LENGTH.fullmatch(str(value))
    if found is None:
        raise ValueError("expected a time as 90s, 15m or 2h")
    return Length(float(found[1]) * _UNITS[found[2]])


def _quoted(text: str) -> str:
    """Return a word of the file as it may be shown: what could be a secret is not."""
    return (
        repr(text) if _WORD.fullmatch(text) else "such a word (it is not shown: it may be secret)"
    )
