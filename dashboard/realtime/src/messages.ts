// Made from the services' schemas by `make types`; do not edit.

/**
 * Everything that a client can get, unknown types aside.
 */
export type ServerMessage =
  | Event
  | EventSeen
  | SystemStatus
  | ServiceStatus
  | CameraStatus
  | PerformanceUpdate
  | RaisedAlert
  | Log
  | JobEnd
  | Ping
  | Pong
  | Error
  | Resumed;
/**
 * State of the broadcaster's circuit breaker, where it is about that.
 */
export type WebSocketCircuitState = "closed" | "half_open" | "open";

/**
 * Everything that the services send.
 */
export interface Everything {
  message?: ServerMessage;
  PerformanceHistory?: PerformanceHistory;
  PerformanceTrend?: PerformanceTrend;
  AlertList?: AlertList;
  MarkedAlert?: MarkedAlert;
  Camera?: Camera;
  Job?: Job;
  RecentEvents?: RecentEvents;
  OneEvent?: OneEvent;
  SeenEvents?: SeenEvents;
  SeenState?: SeenState;
}
/**
 * A security event was created.
 */
export interface Event {
  type: "event";
  data: EventData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * One security event, as the AI pipeline created it from a batch of detections.
 */
export interface EventData {
  /**
   * Event id; the same as `event_id`.
   */
  id: number;
  /**
   * Event id.
   */
  event_id: number;
  /**
   * The batch of detections it was made from.
   */
  batch_id: string;
  /**
   * The camera that saw it.
   */
  camera_id: string;
  /**
   * Risk, from 0 to 100.
   */
  risk_score: number;
  /**
   * Risk, in a word.
   */
  risk_level: "critical" | "high" | "low" | "medium";
  /**
   * What happened, for a person to read.
   */
  summary: string;
  /**
   * When it began (UTC).
   */
  started_at: string;
  /**
   * When it ended (UTC); absent or null while it goes on.
   */
  ended_at?: string | null;
  /**
   * A picture of it: http(s)://, or a path that begins with one /.
   */
  image_url?: string | null;
  /**
   * A clip of it: http(s)://, or a path that begins with one /.
   */
  clip_url?: string | null;
}
/**
 * Somebody has seen a security event; it has no cursor, and no place in the history.
 */
export interface EventSeen {
  type: "event_seen";
  data: EventSeenData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * Who has seen an event, or no longer says so.
 */
export interface EventSeenData {
  /**
   * When it was said (UTC), by Redis' clock.
   */
  at: string;
  /**
   * Name of the key of who has; empty where no credential is asked for.
   */
  by: string;
  /**
   * The event's level by then: at a higher one it is unseen again. Null: it had none.
   */
  risk_level: ("critical" | "high" | "low" | "medium") | null;
  /**
   * The event's `event_id` in decimal; its cursor, if it has none.
   */
  id: string;
  /**
   * False: it was taken back; `at` and `by` are of that.
   */
  seen: boolean;
}
/**
 * The system as it is, sent every `BROADCAST_INTERVAL`.
 */
export interface SystemStatus {
  type: "system_status";
  data: SystemStatusData;
  /**
   * When it was collected (UTC).
   */
  timestamp: string;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * The system in brief.
 */
export interface SystemStatusData {
  /**
   * The GPU; null where none can be read.
   */
  gpu: GpuStatus | null;
  /**
   * Queues; null without Redis.
   */
  queues: QueueDepths | null;
  /**
   * Cameras; null without database.
   */
  cameras: CameraCounts | null;
  /**
   * Health by service: yolo26, nemotron, redis.
   */
  services: {
    [k: string]: "degraded" | "healthy" | "unhealthy" | "unreachable";
  };
}
/**
 * The GPU in brief.
 */
export interface GpuStatus {
  /**
   * Device name.
   */
  name: string | null;
  /**
   * Utilization, percent.
   */
  utilization: number | null;
  /**
   * Memory used, MiB.
   */
  memory_used: number | null;
  /**
   * Memory, MiB.
   */
  memory_total: number | null;
  /**
   * Temperature, degrees Celsius.
   */
  temperature: number | null;
  /**
   * Power drawn, watts.
   */
  power_usage: number | null;
  /**
   * Who tells; absent: NVML beside this service.
   */
  source?: "collector" | "yolo26";
}
/**
 * How much work waits.
 */
export interface QueueDepths {
  /**
   * Images waiting for detection.
   */
  detection_queue: number | null;
  /**
   * Batches waiting for analysis.
   */
  analysis_queue: number | null;
  /**
   * Entries in all dead-letter queues.
   */
  dlq_total: number | null;
}
/**
 * How many cameras there are, and how many of them answer.
 */
export interface CameraCounts {
  /**
   * Cameras that are not deleted.
   */
  total: number;
  /**
   * Cameras whose status is online.
   */
  online: number;
  /**
   * Cameras whose status is offline.
   */
  offline: number;
}
/**
 * The health of a service changed.
 */
export interface ServiceStatus {
  type: "service_status";
  data: ServiceStatusData;
  /**
   * When it changed (UTC).
   */
  timestamp?: string;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * What changed about one service.
 */
export interface ServiceStatusData {
  /**
   * The service, e.g. yolo26.
   */
  service: string;
  /**
   * What it is now.
   */
  status: "degraded" | "healthy" | "unhealthy" | "unreachable";
  /**
   * Why, for a person to read.
   */
  message: string;
  circuit_state?: WebSocketCircuitState;
}
/**
 * The status of a camera changed.
 */
export interface CameraStatus {
  type: "camera_status";
  data: CameraStatusData;
  /**
   * When it was believed, and told (UTC).
   */
  timestamp: string;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * What changed about one camera.
 */
export interface CameraStatusData {
  /**
   * The camera; what an event calls `camera_id`.
   */
  camera_id: string;
  /**
   * Its name, for people.
   */
  name: string;
  /**
   * How it is now.
   */
  status: "error" | "offline" | "online" | "unknown";
  /**
   * Since when it was found so (UTC).
   */
  since: string;
}
/**
 * Detailed performance figures, sent every `BROADCAST_INTERVAL`.
 */
export interface PerformanceUpdate {
  type: "performance_update";
  data: PerformanceUpdateData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * All performance figures of one moment.
 */
export interface PerformanceUpdateData {
  /**
   * When they were collected (UTC).
   */
  timestamp: string;
  gpu: GpuMetrics | null;
  ai_models: AiModels;
  nemotron: NemotronMetrics | null;
  inference: InferenceMetrics | null;
  databases: Databases;
  host: HostMetrics | null;
  containers: ContainerMetrics[];
  alerts: Alert[];
  /**
   * All GPUs that the driver shows; `gpu` is the first of them.
   */
  gpus?: GpuDevice[];
  /**
   * All raised alerts that are active; absent where only a leader knows.
   */
  raised?: RaisedAlertData[];
}
/**
 * GPU metrics (R13).
 */
export interface GpuMetrics {
  /**
   * Device name.
   */
  name: string | null;
  /**
   * Utilization, percent.
   */
  utilization: number | null;
  /**
   * VRAM used, GB.
   */
  vram_used_gb: number | null;
  /**
   * VRAM, GB.
   */
  vram_total_gb: number | null;
  /**
   * Temperature, degrees Celsius.
   */
  temperature: number | null;
  /**
   * Power drawn, watts.
   */
  power_watts: number | null;
  /**
   * Who tells; absent: NVML beside the collector.
   */
  source?: "collector" | "yolo26";
}
/**
 * AI model metrics by model name (R14).
 */
export interface AiModels {
  yolo26?: Yolo26Metrics | null;
  nemotron?: NemotronMetrics | null;
}
/**
 * The object detector (R14).
 */
export interface Yolo26Metrics {
  /**
   * healthy, unhealthy or unreachable.
   */
  status: "degraded" | "healthy" | "unhealthy" | "unreachable";
  /**
   * VRAM used by the model, GB.
   */
  vram_gb: number | null;
  /**
   * Model name or variant.
   */
  model: string | null;
  /**
   * CUDA device, e.g. "cuda:0".
   */
  device: string | null;
}
/**
 * The language model (R15).
 */
export interface NemotronMetrics {
  /**
   * healthy, unhealthy or unreachable.
   */
  status: "degraded" | "healthy" | "unhealthy" | "unreachable";
  /**
   * Inference slots at work.
   */
  slots_active: number | null;
  /**
   * Inference slots.
   */
  slots_total: number | null;
  /**
   * Context window, tokens.
   */
  context_size: number | null;
}
/**
 * Inference latency and throughput (R16).
 */
export interface InferenceMetrics {
  yolo26_latency_ms: ModelLatency | null;
  nemotron_latency_ms: ModelLatency | null;
  pipeline_latency_ms: PipelineLatency | null;
  throughput: Throughput | null;
  queues: InferenceQueues | null;
}
/**
 * Latency of one model.
 */
export interface ModelLatency {
  /**
   * Mean, ms.
   */
  avg: number | null;
  /**
   * 95th percentile, ms.
   */
  p95: number | null;
  /**
   * 99th percentile, ms.
   */
  p99: number | null;
}
/**
 * Latency of the whole pipeline.
 */
export interface PipelineLatency {
  /**
   * Mean, ms.
   */
  avg: number | null;
  /**
   * 95th percentile, ms.
   */
  p95: number | null;
}
/**
 * Processing rates of five minutes; while less is known, of that, from a minute on.
 */
export interface Throughput {
  /**
   * Images per minute.
   */
  images_per_min: number | null;
  /**
   * Events per minute.
   */
  events_per_min: number | null;
}
/**
 * Queue depths.
 */
export interface InferenceQueues {
  /**
   * Images waiting.
   */
  detection: number | null;
  /**
   * Batches waiting.
   */
  analysis: number | null;
}
/**
 * Database metrics by name (R17).
 */
export interface Databases {
  postgresql?: PostgresqlMetrics | null;
  redis?: RedisMetrics | null;
}
/**
 * PostgreSQL (R17).
 */
export interface PostgresqlMetrics {
  /**
   * healthy, unhealthy or unreachable.
   */
  status: "degraded" | "healthy" | "unhealthy" | "unreachable";
  /**
   * Connections at work.
   */
  connections_active: number | null;
  /**
   * Connections allowed.
   */
  connections_max: number | null;
  /**
   * Buffer cache hits, percent.
   */
  cache_hit_ratio: number | null;
  /**
   * Transactions per minute.
   */
  transactions_per_min: number | null;
}
/**
 * Redis (R17).
 */
export interface RedisMetrics {
  /**
   * healthy, unhealthy or unreachable.
   */
  status: "degraded" | "healthy" | "unhealthy" | "unreachable";
  /**
   * Client connections.
   */
  connected_clients: number | null;
  /**
   * Memory used, MB.
   */
  memory_mb: number | null;
  /**
   * Keyspace hits, percent.
   */
  hit_ratio: number | null;
  /**
   * Clients in a blocking call.
   */
  blocked_clients: number | null;
}
/**
 * The host (R18).
 */
export interface HostMetrics {
  /**
   * CPU utilization, percent.
   */
  cpu_percent: number | null;
  /**
   * RAM used, GB.
   */
  ram_used_gb: number | null;
  /**
   * RAM, GB.
   */
  ram_total_gb: number | null;
  /**
   * Disk used, GB.
   */
  disk_used_gb: number | null;
  /**
   * Disk, GB.
   */
  disk_total_gb: number | null;
}
/**
 * One container (R19).
 */
export interface ContainerMetrics {
  /**
   * Container name.
   */
  name: string;
  /**
   * What it does.
   */
  status: "restarting" | "running" | "stopped" | "unknown";
  /**
   * How it is.
   */
  health: "healthy" | "starting" | "unhealthy";
}
/**
 * A figure that exceeds its threshold in this very update (R51).
 */
export interface Alert {
  /**
   * warning or critical.
   */
  severity: "critical" | "warning";
  /**
   * The metric that exceeds it.
   */
  metric: string;
  /**
   * Its value.
   */
  value: number;
  /**
   * The threshold that it exceeds.
   */
  threshold: number;
  /**
   * For a person to read.
   */
  message: string;
}
/**
 * One of several GPUs.
 */
export interface GpuDevice {
  /**
   * Device name.
   */
  name: string | null;
  /**
   * Utilization, percent.
   */
  utilization: number | null;
  /**
   * VRAM used, GB.
   */
  vram_used_gb: number | null;
  /**
   * VRAM, GB.
   */
  vram_total_gb: number | null;
  /**
   * Temperature, degrees Celsius.
   */
  temperature: number | null;
  /**
   * Power drawn, watts.
   */
  power_watts: number | null;
  /**
   * Who tells; absent: NVML beside the collector.
   */
  source?: "collector" | "yolo26";
  /**
   * The driver's number for it.
   */
  index: number;
  /**
   * What it is called wherever it is.
   */
  uuid: string | null;
}
/**
 * What people are told of: a figure that exceeded its threshold for some time.
 */
export interface RaisedAlertData {
  /**
   * Of this alert, from its begin to its end.
   */
  id: string;
  /**
   * The metric that raised it.
   */
  metric: string;
  /**
   * warning or critical.
   */
  severity: "critical" | "warning";
  /**
   * The metric's latest value.
   */
  value: number;
  /**
   * Of all its values: C (degrees Celsius) or %.
   */
  unit: "%" | "C";
  /**
   * The threshold of its severity.
   */
  threshold: number;
  /**
   * It ends beyond this value: above it if that is above the threshold.
   */
  clears: number;
  /**
   * The worst value so far.
   */
  peak: number;
  /**
   * Since when the threshold was exceeded (UTC).
   */
  since: string;
  /**
   * When the value was back for good; null: active.
   */
  ended: string | null;
  /**
   * Since when nobody could measure the value; null: it is known.
   */
  unknown_since: string | null;
  /**
   * For a person to read.
   */
  message: string;
  /**
   * The GPU that it concerns, by its index; absent where there is one.
   */
  gpu?: number;
  seen?: AlertSeen;
}
/**
 * Who of the household has seen it; absent while nobody has.
 */
export interface AlertSeen {
  /**
   * When it was marked (UTC).
   */
  at: string;
  /**
   * The name of the key; empty where none is asked for.
   */
  by: string;
}
/**
 * An alert began, changed its severity, or ended; each is told once.
 */
export interface RaisedAlert {
  type: "alert";
  /**
   * When it was told (UTC).
   */
  timestamp: string;
  data: RaisedAlertData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * A job logged a line.
 */
export interface Log {
  type: "log";
  data: LogData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * One line of a job's log.
 */
export interface LogData {
  /**
   * When it was logged (UTC).
   */
  timestamp: string;
  /**
   * How serious it is.
   */
  level: "CRITICAL" | "DEBUG" | "ERROR" | "INFO" | "WARNING";
  /**
   * The line.
   */
  message: string;
  /**
   * What the job said along with it.
   */
  context?: {
    [k: string]: unknown;
  };
}
/**
 * A job ended: the last message of its log.
 */
export interface JobEnd {
  type: "end";
  data: JobEndData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * How a job ended.
 */
export interface JobEndData {
  /**
   * The job.
   */
  job_id: string;
  /**
   * How it ended.
   */
  status: "cancelled" | "completed" | "failed";
  /**
   * A command's exit status; 128+n where signal n ended it.
   */
  exit_code?: number;
}
/**
 * Heartbeat, sent every `HEARTBEAT_INTERVAL`, so that a page can see staleness.
 */
export interface Ping {
  type: "ping";
  /**
   * The time (UTC) by Redis' clock; absent until it was asked.
   */
  now?: string;
  /**
   * Whether this replica hears Redis now, so that nothing waits there.
   */
  heard?: boolean;
  /**
   * How often this replica may have missed what has no cursor; absent: never yet. A client that sees another number asks for it again.
   */
  breaks?: number;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * The answer to a client's ping.
 */
export interface Pong {
  type: "pong";
  /**
   * The time (UTC) by Redis' clock; absent until it was asked.
   */
  now?: string;
  /**
   * Whether this replica hears Redis now, so that nothing waits there.
   */
  heard?: boolean;
  /**
   * How often this replica may have missed what has no cursor; absent: never yet. A client that sees another number asks for it again.
   */
  breaks?: number;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * A client's message was not understood; the connection stays open.
 */
export interface Error {
  type: "error";
  data: ErrorData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * What was wrong with a client's message.
 */
export interface ErrorData {
  /**
   * For programs.
   */
  code: "binary_not_supported" | "invalid_json" | "invalid_message" | "unknown_type";
  /**
   * For people.
   */
  message: string;
}
/**
 * First after a reconnect with `?since`; later only if something is missing after an outage.
 */
export interface Resumed {
  type: "resumed";
  data: ResumedData;
  /**
   * Id of this message's history entry; opaque. Absent without history.
   */
  cursor?: string;
}
/**
 * Where a client's stream goes on.
 */
export interface ResumedData {
  /**
   * Nothing is missing. False: forget what you had, something is missing.
   */
  recovered: boolean;
  /**
   * How many messages of the history follow.
   */
  replayed: number;
  /**
   * The cursor that it goes on from.
   */
  since: string | null;
}
/**
 * Figures over time.
 */
export interface PerformanceHistory {
  range: "15m" | "5m" | "60m";
  points: PerformanceUpdateData[];
}
/**
 * Figures of a day or a week.
 */
export interface PerformanceTrend {
  range: "24h" | "7d";
  step: number;
  began: number[];
  figures: {
    [k: string]: FigureTrend;
  };
}
/**
 * One figure over time: an entry for each bin, null where nobody could measure it.
 */
export interface FigureTrend {
  mean: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
}
/**
 * Raised alerts.
 */
export interface AlertList {
  as_of: string;
  alerts: RaisedAlertData[];
  limits: {
    [k: string]: AlertLimits;
  };
}
/**
 * When one metric is an alert.
 */
export interface AlertLimits {
  /**
   * The threshold of a warning.
   */
  warning: number;
  /**
   * The threshold of a critical alert.
   */
  critical: number;
  /**
   * C (degrees Celsius) or %.
   */
  unit: "%" | "C";
}
/**
 * Whether an alert was seen.
 */
export interface MarkedAlert {
  id: string;
  seen: AlertSeen1 | null;
}
/**
 * Who has seen an alert, and when.
 */
export interface AlertSeen1 {
  /**
   * When it was marked (UTC).
   */
  at: string;
  /**
   * The name of the key; empty where none is asked for.
   */
  by: string;
}
/**
 * A camera, for a list of them.
 */
export interface Camera {
  /**
   * The camera; what an event calls `camera_id`.
   */
  id: string;
  /**
   * Its name, for people.
   */
  name: string;
  /**
   * How it is; a status that we do not know is unknown.
   */
  status: "error" | "offline" | "online" | "unknown";
  /**
   * When it was last heard of (UTC); null if never.
   */
  last_seen_at: string | null;
  /**
   * Where it is, for people; null where its list does not say.
   */
  area?: string | null;
}
/**
 * A job, for a list of them.
 */
export interface Job {
  /**
   * The job.
   */
  id: string;
  /**
   * How it is; null where nobody says or it is forgotten.
   */
  status: ("pending" | "running") | ("cancelled" | "completed" | "failed") | null;
  /**
   * When it began (UTC).
   */
  started_at: string | null;
  /**
   * When it ended (UTC).
   */
  ended_at: string | null;
  /**
   * Lines of its log so far, also those no longer kept; null once it is gone.
   */
  lines: number | null;
  /**
   * When it last said something (UTC), by Redis' clock: the last message of its log, its end among them; null where none is kept. One that runs and has said nothing for long may have died.
   */
  last_said_at?: string | null;
}
/**
 * Events, newest first, and what is known of the window that was asked for.
 */
export interface RecentEvents {
  /**
   * The time (UTC) by Redis' clock, when it was read.
   */
  now: string;
  /**
   * Whether this replica hears Redis now; where nobody listens to it: that it has just read there.
   */
  heard: boolean;
  /**
   * Whether all that was published with history in the window is known: it is in `events`, and on the pages that `next` leads to.
   */
  complete: boolean;
  /**
   * Since when the history is known to be whole (UTC); null: nobody knows.
   */
  known_since: string | null;
  /**
   * Cursor of the history's newest message; null: it has none.
   */
  cursor: string | null;
  /**
   * The newest first.
   */
  events: RecentEvent[];
  /**
   * What to ask for as `before` to go on, also where `events` is empty; null: there is nothing more, or nobody can tell (`older_unknown`).
   */
  next: string | null;
  /**
   * Why nobody can tell what is older than the history: the database cannot be read; null: it was read, or not needed, or there is none.
   */
  older_unknown?: string | null;
}
/**
 * A message of the history of events.
 */
export interface RecentEvent {
  /**
   * Its place in the history; opaque.
   */
  cursor: string;
  /**
   * When it arrived in Redis (UTC), by Redis' clock; of one that only the database has, when it began.
   */
  arrived_at: string;
  /**
   * As it was published, and as /ws/events sends it; of one that only the database has, the same without a cursor.
   */
  message: {
    [k: string]: unknown;
  };
  /**
   * Who of the household has seen the event; null while nobody has, and once it is graver than it was then.
   */
  seen?: Seen | null;
}
/**
 * Somebody of the household has seen an event.
 */
export interface Seen {
  /**
   * When it was said (UTC), by Redis' clock.
   */
  at: string;
  /**
   * Name of the key of who has; empty where no credential is asked for.
   */
  by: string;
  /**
   * The event's level by then: at a higher one it is unseen again. Null: it had none.
   */
  risk_level: ("critical" | "high" | "low" | "medium") | null;
}
/**
 * An event, and those before and after it of its camera.
 */
export interface OneEvent {
  /**
   * The time (UTC) by Redis' clock, when it was read.
   */
  now: string;
  event: RecentEvent;
  /**
   * Cursor of the camera's event before it; null: none was found.
   */
  previous: string | null;
  /**
   * Cursor of the camera's event after it; null: none was found.
   */
  next: string | null;
  /**
   * Why nobody can tell what is older than the history: the database cannot be read; null: it was read, or not needed, or there is none.
   */
  older_unknown?: string | null;
}
/**
 * The events that were seen last, at most 1,000.
 */
export interface SeenEvents {
  /**
   * The time (UTC) by Redis' clock, when it was read.
   */
  now: string;
  /**
   * The latest first.
   */
  seen: SeenEvent[];
}
/**
 * An event that was seen.
 */
export interface SeenEvent {
  /**
   * When it was said (UTC), by Redis' clock.
   */
  at: string;
  /**
   * Name of the key of who has; empty where no credential is asked for.
   */
  by: string;
  /**
   * The event's level by then: at a higher one it is unseen again. Null: it had none.
   */
  risk_level: ("critical" | "high" | "low" | "medium") | null;
  /**
   * The event's `event_id` in decimal; its cursor, if it has none.
   */
  id: string;
}
/**
 * Whether an event was seen, after it was marked or the mark taken back.
 */
export interface SeenState {
  /**
   * The event's `event_id` in decimal; its cursor, if it has none.
   */
  id: string;
  /**
   * Who has seen it, and when; null: nobody.
   */
  seen: Seen | null;
}

/** The codes that a service closes a WebSocket with, and what each asks of a client. */
export const CloseCode = {
  /** There is nothing more to come: the job has ended, or nobody spoke for `IDLE_TIMEOUT`. */
  NORMAL: 1000,
  /** The client sent a message over 64 KiB. */
  TOO_BIG: 1009,
  /** This replica goes away (restart, update, scale-down): reconnect, with jitter. */
  RESTART: 1012,
  /** No valid credential. Terminal: asking again with the same one is no use. */
  UNAUTHORIZED: 4401,
  /** The page's origin is not allowed. Terminal. */
  FORBIDDEN_ORIGIN: 4403,
  /** The client did not read what it was sent: reconnect, and resume from the last cursor. */
  TOO_SLOW: 4408,
  /** The client sends too fast: reconnect, with jitter, and send less. */
  TOO_FAST: 4429,
} as const;

/** After one of these a client does not come back by itself. */
export const CODES_THAT_END: ReadonlySet<number> = new Set([
  CloseCode.NORMAL,
  CloseCode.UNAUTHORIZED,
  CloseCode.FORBIDDEN_ORIGIN,
]);
