"""Every message on the wire, as msgspec Structs: the only definition there is.

Implements docs/seed.md, "Messages". Fields are required unless its document shows them only
sometimes; those are absent (`UNSET`) when they are not said. Pure, like all of this package.
"""

from hsi.schemas.control import Error, ErrorCode, ErrorData, Ping, Pong, Resumed, ResumedData
from hsi.schemas.events import (
    Event,
    EventData,
    EventSeen,
    EventSeenData,
    RiskLevel,
    Seen,
    SeenEvent,
)
from hsi.schemas.logs import EndStatus, JobEnd, JobEndData, JobStatus, Log, LogData, LogLevel
from hsi.schemas.performance import (
    PerformanceUpdate,
    PerformanceUpdateData,
    RaisedAlert,
    RaisedAlertData,
)
from hsi.schemas.system import (
    CameraState,
    CameraStatus,
    CameraStatusData,
    ServiceStatus,
    ServiceStatusData,
    SystemStatus,
    SystemStatusData,
    WebSocketCircuitState,
)

ChannelMessage = (
    Event
    | EventSeen
    | SystemStatus
    | ServiceStatus
    | CameraStatus
    | PerformanceUpdate
    | RaisedAlert
    | Log
    | JobEnd
)
"""What travels on Redis channels and is forwarded to clients."""

ControlMessage = Ping | Pong | Error | Resumed
"""What a service itself says to a client."""

ServerMessage = ChannelMessage | ControlMessage
"""Everything that a client can get, unknown types of other producers aside."""

__all__ = [
    "CameraState",
    "CameraStatus",
    "CameraStatusData",
    "ChannelMessage",
    "ControlMessage",
    "EndStatus",
    "Error",
    "ErrorCode",
    "ErrorData",
    "Event",
    "EventData",
    "EventSeen",
    "EventSeenData",
    "JobEnd",
    "JobEndData",
    "JobStatus",
    "Log",
    "LogData",
    "LogLevel",
    "PerformanceUpdate",
    "PerformanceUpdateData",
    "Ping",
    "Pong",
    "RaisedAlert",
    "RaisedAlertData",
    "Resumed",
    "ResumedData",
    "RiskLevel",
    "Seen",
    "SeenEvent",
    "ServerMessage",
    "ServiceStatus",
    "ServiceStatusData",
    "SystemStatus",
    "SystemStatusData",
    "WebSocketCircuitState",
]
