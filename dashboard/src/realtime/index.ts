/** The hooks: everything that a page needs to show this home live (seed: Frontend Integration). */

export { ApiError, getJson } from "./api";
export { Credentials, credentials } from "./credentials";
export { LENGTHS, TIME_RANGES, type TimeRange } from "./figures";
export type { LogLevel, LogLine, RiskLevel, SecurityEvent } from "./lenient";
export { LOG_LEVELS, momentOf, timeOf } from "./lenient";
export { type LogBuffer, type LogFilter, LogView, NO_FILTER } from "./logBuffer";
export {
  type Alert,
  type Camera,
  CloseCode,
  type ContainerMetrics,
  type Job,
  type PerformanceHistory,
  type PerformanceUpdateData,
  type SystemStatusData,
} from "./messages";
export type { Connection, ConnectionState, Message } from "./stream";
export type { Sample } from "./systemFeed";
export { useEventStream } from "./useEventStream";
export { useJobLogs } from "./useJobLogs";
export { usePerformance } from "./usePerformance";
export { usePerformanceMetrics } from "./usePerformanceMetrics";
export { useSystemStatus } from "./useSystemStatus";
export { useWebSocket } from "./useWebSocket";
