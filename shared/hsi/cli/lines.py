"""Messages as lines for people. Pure, no I/O."""

import re

import click

from hsi.schemas import (
    CameraState,
    CameraStatus,
    ChannelMessage,
    Event,
    EventSeen,
    EventSeenData,
    LogData,
    LogLevel,
    PerformanceUpdate,
    PerformanceUpdateData,
    RaisedAlert,
    Resumed,
    RiskLevel,
    ServiceStatus,
    ServiceStatusData,
    SystemStatus,
)
from hsi.schemas.base import ServiceHealth
from hsi.schemas.performance import AlertSeverity

_RISKS: dict[RiskLevel, str] = {
    "low": "green",
    "medium": "yellow",
    "high": "red",
    "critical": "bright_red",
}
_LEVELS: dict[LogLevel, str] = {
    "DEBUG": "bright_black",
    "INFO": "green",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bright_red",
}
_HEALTHS: dict[ServiceHealth, str] = {
    "healthy": "green",
    "degraded": "yellow",
    "unhealthy": "red",
    "unreachable": "red",
}
_CAMERAS: dict[CameraState, str] = {
    "online": "green",
    "offline": "red",
    "error": "red",
    "unknown": "yellow",
}
_SEVERITIES: dict[AlertSeverity, str] = {"warning": "yellow", "critical": "bright_red"}
_NOTHING = "-"
_UNSHOWN = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles and links (OSC)
    r"|\x1b\[[0-9;]*:[0-9;:]*m"  # colours in the form with colons
    r"|\x1b[ -/]*[0-Z\\^-~]|\x1b(?!\[)"  # the other escapes
    r"|[\x00-\x08\x0a-\x1a\x1c-\x1f\x7f-\x9f]"  # control characters but the tab
)
"""What no line shows: as on the page (dashboard/src/components/jobs/ansi.ts)."""
_CODE = re.compile(r"\x1b\[(?:([0-9;]*m)|[!<-?]*[0-9;]*[ -,]*[@-~])?")
"""A control sequence (CSI); the group is that of colours."""
_RESET = "\x1b[0m"


def message_line(  # noqa: PLR0911 (one for each type)
    message: ChannelMessage | Resumed | None, text: str
) -> str:
    """Return a message for a terminal.

    Args:
        message: The message, or None for one of an unknown type.
        text: The message as it came; used where its type has no line of its own.

    """
    match message:
        case Event() as event:
            return event_line(event)
        case EventSeen(data=change):
            return seen_line(change)
        case SystemStatus() as status:
            return status_line(status)
        case ServiceStatus(data=health):
            return health_line(health)
        case CameraStatus() as camera:
            return camera_line(camera)
        case PerformanceUpdate(data=figures):
            return performance_line(figures)
        case RaisedAlert() as alert:
            return alert_line(alert)
        case _:
            return plain(text)


def plain(text: str) -> str:
    """Return `text` as one line without control characters, which could steer a terminal."""
    one_line = text.replace("\t", " ").replace("\n", " ")
    return _CODE.sub("", _UNSHOWN.sub("", one_line))


def coloured(text: str) -> str:
    """Return `text` with its colours and tabs, and without any other control character."""
    safe = _CODE.sub(lambda code: code[0] if code[1] else "", _UNSHOWN.sub("", text))
    return safe + (_RESET if "\x1b" in safe else "")


def event_line(event: Event) -> str:
    """Return an event for a terminal."""
    data = event.data
    risk = click.style(f"{data.risk_level:>8} {data.risk_score:3}", fg=_RISKS[data.risk_level])
    return f"{data.started_at:%H:%M:%S} {risk}  {plain(data.camera_id)}: {plain(data.summary)}"


def seen_line(data: EventSeenData) -> str:
    """Return for a terminal that somebody has seen an event, or no longer says so."""
    word = "seen" if data.seen else "not seen"
    who = f" by {plain(data.by)}" if data.by else ""
    return f"{data.at:%H:%M:%S} {word:>12}  event {plain(data.id)}{who}"


def log_line(data: LogData) -> str:
    """Return a job's line for a terminal; a message of several lines is indented."""
    level = click.style(f"{data.level:8}", fg=_LEVELS[data.level])
    first, *rest = data.message.split("\n")
    return "\n".join(
        [f"{data.timestamp:%H:%M:%S} {level} {coloured(first)}"]
        + [f"{'':18}{coloured(line)}" for line in rest]
    )


def status_line(status: SystemStatus) -> str:
    """Return a status for a terminal; a dash stands for a figure that could not be read."""
    gpu, queues, cameras = status.data.gpu, status.data.queues, status.data.cameras
    parts = [
        f"{status.timestamp:%H:%M:%S}  gpu "
        + (
            f"{_figure(gpu.utilization)} % {_figure(gpu.temperature)} °C "
            f"{_figure(gpu.memory_used)}/{_figure(gpu.memory_total)} MiB"
            if gpu
            else _NOTHING
        ),
        "queues "
        + (
            f"{_figure(queues.detection_queue)}, {_figure(queues.analysis_queue)}, "
            f"dead {_figure(queues.dlq_total)}"
            if queues
            else _NOTHING
        ),
        "cameras " + (f"{cameras.online}/{cameras.total}" if cameras else _NOTHING),
        ", ".join(f"{service} {health}" for service, health in status.data.services.items()),
    ]
    return plain("  ".join(parts))


def health_line(change: ServiceStatusData) -> str:
    """Return a change of health for a terminal."""
    health = click.style(f"{change.status:>12}", fg=_HEALTHS[change.status])
    return f"         {health}  {plain(change.service)}: {plain(change.message)}"


def camera_line(change: CameraStatus) -> str:
    """Return a change of a camera for a terminal."""
    data = change.data
    state = click.style(f"{data.status:>12}", fg=_CAMERAS[data.status])
    return f"{change.timestamp:%H:%M:%S} {state}  camera {plain(data.name)}"


def performance_line(figures: PerformanceUpdateData) -> str:
    """Return performance figures for a terminal: their time, and the alerts."""
    alerts = [f"{alert.severity}: {alert.message}" for alert in figures.alerts]
    return plain(f"{figures.timestamp:%H:%M:%S}  performance: {'; '.join(alerts) or 'no alerts'}")


def alert_line(alert: RaisedAlert) -> str:
    """Return what a raised alert says for a terminal: that it is so, or that it has ended."""
    data = alert.data
    word = click.style(
        f"{'ended' if data.ended else data.severity:>12}",
        fg="green" if data.ended else _SEVERITIES[data.severity],
    )
    return f"{alert.timestamp:%H:%M:%S} {word}  {plain(data.message)}"


def _figure(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:g}"
