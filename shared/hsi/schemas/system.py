"""System status (R10, R11)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from hsi.schemas.base import Count, GpuSource, Message, Part, Percent, ServiceHealth

CameraState = Literal["online", "offline", "error", "unknown"]
"""How a camera is, by the pipeline; a word that we do not know is unknown."""


class WebSocketCircuitState(StrEnum):
    """States of the circuit breaker (R36)."""

    CLOSED = "closed"
    """Normal operation."""
    OPEN = "open"
    """Too many failures; nothing is tried until the recovery timeout is over."""
    HALF_OPEN = "half_open"
    """The timeout is over; a limited number of calls tries whether it works again."""


class GpuStatus(Part):
    """The GPU in brief."""

    name: Annotated[str | None, Meta(description="Device name.")]
    utilization: Annotated[Percent | None, Meta(description="Utilization, percent.")]
    memory_used: Annotated[Count | None, Meta(description="Memory used, MiB.")]
    memory_total: Annotated[Count | None, Meta(description="Memory, MiB.")]
    temperature: Annotated[float | None, Meta(description="Temperature, degrees Celsius.")]
    power_usage: Annotated[float | None, Meta(description="Power drawn, watts.")]
    source: Annotated[
        GpuSource | UnsetType, Meta(description="Who tells; absent: NVML beside this service.")
    ] = UNSET


class QueueDepths(Part):
    """How much work waits."""

    detection_queue: Annotated[Count | None, Meta(description="Images waiting for detection.")]
    analysis_queue: Annotated[Count | None, Meta(description="Batches waiting for analysis.")]
    dlq_total: Annotated[Count | None, Meta(description="Entries in all dead-letter queues.")]


class CameraCounts(Part):
    """How many cameras there are, and how many of them answer."""

    total: Annotated[Count, Meta(description="Cameras that are not deleted.")]
    online: Annotated[Count, Meta(description="Cameras whose status is online.")]
    offline: Annotated[Count, Meta(description="Cameras whose status is offline.")]


class SystemStatusData(Part):
    """The system in brief."""

    gpu: Annotated[GpuStatus | None, Meta(description="The GPU; null where none can be read.")]
    queues: Annotated[QueueDepths | None, Meta(description="Queues; null without Redis.")]
    cameras: Annotated[CameraCounts | None, Meta(description="Cameras; null without database.")]
    services: Annotated[
        dict[str, ServiceHealth], Meta(description="Health by service: yolo26, nemotron, redis.")
    ]


class SystemStatus(Message, tag="system_status"):
    """The system as it is, sent every `BROADCAST_INTERVAL`."""

    data: SystemStatusData
    timestamp: Annotated[datetime, Meta(description="When it was collected (UTC).")]


class ServiceStatusData(Part):
    """What changed about one service."""

    service: Annotated[str, Meta(description="The service, e.g. yolo26.")]
    status: Annotated[ServiceHealth, Meta(description="What it is now.")]
    message: Annotated[str, Meta(description="Why, for a person to read.")]
    circuit_state: Annotated[
        WebSocketCircuitState | UnsetType,
        Meta(description="State of the broadcaster's circuit breaker, where it is about that."),
    ] = UNSET


class ServiceStatus(Message, tag="service_status"):
    """The health of a service changed."""

    data: ServiceStatusData
    timestamp: Annotated[datetime | UnsetType, Meta(description="When it changed (UTC).")] = UNSET


class CameraStatusData(Part):
    """What changed about one camera."""

    camera_id: Annotated[str, Meta(description="The camera; what an event calls `camera_id`.")]
    name: Annotated[str, Meta(description="Its name, for people.")]
    status: Annotated[CameraState, Meta(description="How it is now.")]
    since: Annotated[datetime, Meta(description="Since when it was found so (UTC).")]


class CameraStatus(Message, tag="camera_status"):
    """The status of a camera changed."""

    data: CameraStatusData
    timestamp: Annotated[datetime, Meta(description="When it was believed, and told (UTC).")]
