"""Whether the services would start with what they are given, and have the time to end."""

from collections.abc import Iterator

from hsi.settings import SettingsError, load
from hsi_service.settings import Settings
from hsi_service.skeleton.server import LAST_SECONDS
from local.k8s.manifests import Document, Finding, Workload, title, variables, workloads
from services.collector.settings import CollectorSettings
from services.events.settings import EventsSettings
from services.joblogs.settings import JobLogSettings
from services.mqtt.settings import MqttSettings
from services.notify.settings import NotifySettings
from services.system.settings import SystemSettings

SETTINGS: dict[str, type[Settings]] = {
    "events": EventsSettings,
    "system": SystemSettings,
    "joblogs": JobLogSettings,
    "collector": CollectorSettings,
    "mqtt": MqttSettings,
    "notify": NotifySettings,
}
"""What each service reads from its environment."""
EXIT_SECONDS = 1.0
"""For the process itself to end (docs/configuration.md, "Stopping")."""
_GIVEN = {
    # By the image.
    "HOST": "0.0.0.0",
    "PORT": "8000",
    # Of the form of what the Secrets hold.
    "API_KEYS": "0" * 64,
    "DATABASE_URL": "postgresql://user:password@postgres/hsi",
    "NOTIFY_RULES": "{targets: {log: {url: file:/tmp/told.jsonl}}}",
    "REDIS_URL": "redis://user:password@redis:6379/0",
}
_FOREIGN = "NVIDIA_"
"""Variables that are for the container runtime."""


def findings(documents: list[Document]) -> Iterator[Finding]:
    """Yield what keeps a service from starting, or from ending well."""
    for workload in workloads(documents):
        if kind := SETTINGS.get(workload.document["metadata"]["name"]):
            yield from _starts(workload, kind, dict(variables(workload, documents)))


def _starts(
    workload: Workload, kind: type[Settings], found: dict[str, str | None]
) -> Iterator[Finding]:
    where = title(workload.document)
    known = {name.upper() for name in kind.__struct_fields__}
    for name in found:
        if name not in known and not name.startswith(_FOREIGN):
            yield Finding(where, f"{name} is no setting of this service")
    values = {name: value for name, value in found.items() if value is not None}
    try:
        settings = load(kind, _GIVEN | values)
    except SettingsError as error:
        yield Finding(where, f"would not start: {error}")
    else:
        yield from _ends(workload, settings)


def _ends(workload: Workload, settings: Settings) -> Iterator[Finding]:
    where = title(workload.document)
    needs = settings.drain_delay + settings.drain_window + LAST_SECONDS + EXIT_SECONDS
    has = workload.spec["terminationGracePeriodSeconds"]
    if has <= needs:
        yield Finding(
            where,
            f"is killed after {has} s (terminationGracePeriodSeconds), and DRAIN_DELAY, "
            f"DRAIN_WINDOW and the end take {needs:g} s",
        )
    rests = workload.document["spec"]["minReadySeconds"]
    if rests < needs:
        yield Finding(
            where,
            f"ends its next pod after {rests} s (minReadySeconds), while the last one still takes "
            f"{needs:g} s for its clients",
        )
    probe = workload.container["readinessProbe"]
    notices = probe["periodSeconds"] * probe["failureThreshold"] + probe["timeoutSeconds"]
    if notices >= settings.drain_delay:
        yield Finding(
            where,
            f"closes its clients after {settings.drain_delay:g} s (DRAIN_DELAY), and it may take "
            f"{notices} s until it counts as unready (readinessProbe)",
        )
