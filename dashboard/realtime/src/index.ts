/** React hooks: everything that a page needs to show a home live (R52 to R56). */

export { ApiError } from "./api.ts";
export type { RealtimeOptions } from "./client.ts";
export {
  type Access,
  Credentials,
  type CredentialsOptions,
  type KeyStorage,
} from "./credentials.ts";
export type { EventListener, Pulse, WindowKnowledge } from "./eventFeed.ts";
export { PING_INTERVAL } from "./eventFeed.ts";
export { type EventFilters, filtersIn, MAX_TEXT, NO_FILTERS, searchOf } from "./eventFilters.ts";
export type { EventHistoryState } from "./eventHistory.ts";
export { counts, KEPT_EVENTS } from "./eventWindow.ts";
export {
  cursorOf,
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
  type AlertSeen,
  type Camera,
  CloseCode,
  type ContainerMetrics,
  type EventData,
  type EventSeenData,
  type GpuDevice,
  type GpuStatus,
  type Job,
  type PerformanceHistory,
  type PerformanceTrend,
  type PerformanceUpdateData,
  type RaisedAlertData,
  type ServerMessage,
  type ServiceStatusData,
  type SystemStatusData,
} from "./messages.ts";
export { type KnownMessage, type Message, narrowed } from "./narrow.ts";
export { RANGE_LENGTHS, RANGE_STEPS, TIME_RANGES, type TimeRange } from "./performanceHistory.ts";
export { type Queues, QueueWatch } from "./queueWatch.ts";
export {
  RealtimeProvider,
  type RealtimeProviderProps,
  useCredentials,
} from "./RealtimeProvider.tsx";
export { RISK_LEVELS, type Risk, type RiskLevel } from "./risk.ts";
export {
  canBeMarked,
  NO_MARKS,
  type Seen,
  type SeenMark,
  type SeenMarks,
  seenIn,
} from "./seen.ts";
export type { Connection, ConnectionState, StreamOptions } from "./stream.ts";
export type { Figures, Sample } from "./systemFeed.ts";
export { useActiveAlerts } from "./useActiveAlerts.ts";
export { useAlertHistory } from "./useAlertHistory.ts";
export { useAlertSeen } from "./useAlertSeen.ts";
export { useCameras } from "./useCameras.ts";
export { useEvent } from "./useEvent.ts";
export { useEventHistory } from "./useEventHistory.ts";
export { type EventNews, useEventNews } from "./useEventNews.ts";
export { useEventStream } from "./useEventStream.ts";
export { useInterception } from "./useInterception.ts";
export { useJob } from "./useJob.ts";
export { useJobLogs } from "./useJobLogs.ts";
export { type JobsQuery, useJobs } from "./useJobs.ts";
export { useLatestPerformance } from "./useLatestPerformance.ts";
export { usePerformanceHistory } from "./usePerformanceHistory.ts";
export { usePerformanceMetrics } from "./usePerformanceMetrics.ts";
export { useSeen } from "./useSeen.ts";
export { useServerClock } from "./useServerClock.ts";
export { useSystemStatus } from "./useSystemStatus.ts";
export { useUnanswered } from "./useUnanswered.ts";
export {
  type ConnectionValues,
  useWebSocket,
  type WebSocketOptions,
  type WebSocketState,
} from "./useWebSocket.ts";
