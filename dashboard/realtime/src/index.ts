/** React hooks: everything that a page needs to show a home live (R52 to R56). */

export { ApiError } from "./api.ts";
export type { RealtimeOptions } from "./client.ts";
export {
  type Access,
  Credentials,
  type CredentialsOptions,
  type KeyStorage,
} from "./credentials.ts";
export type { Pulse, WindowKnowledge } from "./eventFeed.ts";
export { PING_INTERVAL } from "./eventFeed.ts";
export { counts } from "./eventWindow.ts";
export {
  eventOf,
  LOG_LEVELS,
  type LogLevel,
  type LogLine,
  type SecurityEvent,
  timeOf,
} from "./lenient.ts";
export { type LogBuffer, type LogFilter, LogView, NO_FILTER } from "./logBuffer.ts";
export type { Logger } from "./logger.ts";
export {
  type Alert,
  type AlertLimits,
  type Camera,
  CloseCode,
  type ContainerMetrics,
  type EventData,
  type GpuDevice,
  type GpuStatus,
  type Job,
  type PerformanceHistory,
  type PerformanceUpdateData,
  type RaisedAlertData,
  type ServerMessage,
  type ServiceStatusData,
  type SystemStatusData,
} from "./messages.ts";
export { type KnownMessage, type Message, narrowed } from "./narrow.ts";
export { RANGE_LENGTHS, TIME_RANGES, type TimeRange } from "./performanceHistory.ts";
export { type Queues, QueueWatch } from "./queueWatch.ts";
export {
  RealtimeProvider,
  type RealtimeProviderProps,
  useCredentials,
} from "./RealtimeProvider.tsx";
export { RISK_LEVELS, type Risk, type RiskLevel } from "./risk.ts";
export type { Connection, ConnectionState, StreamOptions } from "./stream.ts";
export type { Sample } from "./systemFeed.ts";
export { useActiveAlerts } from "./useActiveAlerts.ts";
export { useCameras } from "./useCameras.ts";
export { useEventStream } from "./useEventStream.ts";
export { useJob } from "./useJob.ts";
export { useJobLogs } from "./useJobLogs.ts";
export { useJobs } from "./useJobs.ts";
export { useLatestPerformance } from "./useLatestPerformance.ts";
export { usePerformanceMetrics } from "./usePerformanceMetrics.ts";
export { useServerClock } from "./useServerClock.ts";
export { useSystemStatus } from "./useSystemStatus.ts";
export {
  type ConnectionValues,
  useWebSocket,
  type WebSocketOptions,
  type WebSocketState,
} from "./useWebSocket.ts";
