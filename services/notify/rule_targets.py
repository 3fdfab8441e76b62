"""The targets that `NOTIFY_RULES` names: of Apprise, and files. Made and checked at start."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hsi.settings import SettingsError
from services.notify.file_target import FileTarget, path_of
from services.notify.pictures import Pictures
from services.notify.rules_file import NamedTarget, RulesError, RulesFile
from services.notify.targets import Target


class RuleTargets:
    """Those that a rules file names; they are the same until the service is started again."""

    def __init__(self, rules: RulesFile | None, pictures: Pictures) -> None:
        """Make them.

        Args:
            rules: The file; None: there is none.
            pictures: Where pictures are fetched.

        Raises:
            SettingsError: One of them cannot be used; the text quotes no address.

        """
        try:
            self._targets = [_made(one, pictures) for one in rules.targets()] if rules else []
        except RulesError as error:
            raise SettingsError(f"NOTIFY_RULES: {error}") from None

    @property
    def disabled(self) -> Mapping[str, int]:
        """None is."""
        return {}

    async def targets(self) -> Sequence[Target]:
        """Return all of them."""
        return self._targets

    async def gone(self, target: Target) -> None:
        """Leave it for this run: a file of rules is changed by people alone."""
        self._targets = [one for one in self._targets if one.name != target.name]


def _made(named: NamedTarget, pictures: Pictures) -> Target:
    place = f"targets.{named.name}"
    url = named.fields.url
    if named.fields.url_file:
        try:
            url = Path(named.fields.url_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise RulesError(f"{place}.url_file: {why}") from None
    if url.startswith("file:"):
        try:
            return FileTarget(named.name, named.rules, path_of(url))
        except ValueError as error:
            raise RulesError(f"{place}.url: {error}") from None
    # Half a second of CPU: only where somebody is told by it.
    from services.notify.apprise_target import AppriseTarget  # noqa: PLC0415

    try:
        return AppriseTarget(named.name, named.rules, url, pictures)
    except ValueError as error:
        raise RulesError(f"{place}.url: {error}") from None
