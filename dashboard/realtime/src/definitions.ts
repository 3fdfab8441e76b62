// Made from the services' schemas by `make types`; do not edit.

import type {
  AiModels,
  Alert,
  AlertLimits,
  AlertList,
  AlertSeen,
  Camera,
  CameraCounts,
  CameraStatusData,
  ContainerMetrics,
  Databases,
  ErrorData,
  EventData,
  EventSeenData,
  FigureTrend,
  GpuDevice,
  GpuMetrics,
  GpuStatus,
  HostMetrics,
  InferenceMetrics,
  InferenceQueues,
  Job,
  JobEndData,
  LogData,
  MarkedAlert,
  ModelLatency,
  NemotronMetrics,
  OneEvent,
  PerformanceHistory,
  PerformanceTrend,
  PerformanceUpdateData,
  PipelineLatency,
  PostgresqlMetrics,
  QueueDepths,
  RaisedAlertData,
  RecentEvent,
  RecentEvents,
  RedisMetrics,
  ResumedData,
  Seen,
  SeenEvent,
  SeenEvents,
  SeenState,
  ServiceStatusData,
  SystemStatusData,
  Throughput,
  WebSocketCircuitState,
  Yolo26Metrics,
} from "./messages.ts";

/** The types by the names of their schemas. */
export interface Definitions {
  AiModels: AiModels;
  Alert: Alert;
  AlertLimits: AlertLimits;
  AlertList: AlertList;
  AlertSeen: AlertSeen;
  Camera: Camera;
  CameraCounts: CameraCounts;
  CameraStatusData: CameraStatusData;
  ContainerMetrics: ContainerMetrics;
  Databases: Databases;
  ErrorData: ErrorData;
  EventData: EventData;
  EventSeenData: EventSeenData;
  FigureTrend: FigureTrend;
  GpuDevice: GpuDevice;
  GpuMetrics: GpuMetrics;
  GpuStatus: GpuStatus;
  HostMetrics: HostMetrics;
  InferenceMetrics: InferenceMetrics;
  InferenceQueues: InferenceQueues;
  Job: Job;
  JobEndData: JobEndData;
  LogData: LogData;
  MarkedAlert: MarkedAlert;
  ModelLatency: ModelLatency;
  NemotronMetrics: NemotronMetrics;
  OneEvent: OneEvent;
  PerformanceHistory: PerformanceHistory;
  PerformanceTrend: PerformanceTrend;
  PerformanceUpdateData: PerformanceUpdateData;
  PipelineLatency: PipelineLatency;
  PostgresqlMetrics: PostgresqlMetrics;
  QueueDepths: QueueDepths;
  RaisedAlertData: RaisedAlertData;
  RecentEvent: RecentEvent;
  RecentEvents: RecentEvents;
  RedisMetrics: RedisMetrics;
  ResumedData: ResumedData;
  Seen: Seen;
  SeenEvent: SeenEvent;
  SeenEvents: SeenEvents;
  SeenState: SeenState;
  ServiceStatusData: ServiceStatusData;
  SystemStatusData: SystemStatusData;
  Throughput: Throughput;
  WebSocketCircuitState: WebSocketCircuitState;
  Yolo26Metrics: Yolo26Metrics;
}

/** What narrowing looks at of a JSON Schema; a reference is the name of a definition. */
export interface Schema {
  readonly $ref?: keyof Definitions;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
}

/** The definition of each message's data, by the message's type; null where it has none. */
export const DATA_BY_TYPE = {
  event: "EventData",
  event_seen: "EventSeenData",
  system_status: "SystemStatusData",
  service_status: "ServiceStatusData",
  camera_status: "CameraStatusData",
  performance_update: "PerformanceUpdateData",
  alert: "RaisedAlertData",
  log: "LogData",
  end: "JobEndData",
  ping: null,
  pong: null,
  error: "ErrorData",
  resumed: "ResumedData",
} as const;

export const DEFINITIONS: Readonly<Record<keyof Definitions, Schema>> = {
  AiModels: {"type":"object","properties":{"yolo26":{"anyOf":[{"$ref":"Yolo26Metrics"},{"type":"null"}]},"nemotron":{"anyOf":[{"$ref":"NemotronMetrics"},{"type":"null"}]}},"required":[]},
  Alert: {"type":"object","properties":{"severity":{"enum":["critical","warning"]},"metric":{"type":"string"},"value":{"type":"number"},"threshold":{"type":"number"},"message":{"type":"string"}},"required":["severity","metric","value","threshold","message"]},
  AlertLimits: {"type":"object","properties":{"warning":{"type":"number"},"critical":{"type":"number"},"unit":{"enum":["%","C"]}},"required":["warning","critical","unit"]},
  AlertList: {"type":"object","properties":{"as_of":{"type":"string"},"alerts":{"type":"array","items":{"$ref":"RaisedAlertData"}},"limits":{"type":"object","additionalProperties":{"$ref":"AlertLimits"}}},"required":["as_of","alerts","limits"]},
  AlertSeen: {"type":"object","properties":{"at":{"type":"string"},"by":{"type":"string"}},"required":["at","by"]},
  Camera: {"type":"object","properties":{"id":{"type":"string"},"name":{"type":"string"},"status":{"enum":["error","offline","online","unknown"]},"last_seen_at":{"anyOf":[{"type":"string"},{"type":"null"}]},"area":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["id","name","status","last_seen_at"]},
  CameraCounts: {"type":"object","properties":{"total":{"type":"integer"},"online":{"type":"integer"},"offline":{"type":"integer"}},"required":["total","online","offline"]},
  CameraStatusData: {"type":"object","properties":{"camera_id":{"type":"string"},"name":{"type":"string"},"status":{"enum":["error","offline","online","unknown"]},"since":{"type":"string"}},"required":["camera_id","name","status","since"]},
  ContainerMetrics: {"type":"object","properties":{"name":{"type":"string"},"status":{"enum":["restarting","running","stopped","unknown"]},"health":{"enum":["healthy","starting","unhealthy"]}},"required":["name","status","health"]},
  Databases: {"type":"object","properties":{"postgresql":{"anyOf":[{"$ref":"PostgresqlMetrics"},{"type":"null"}]},"redis":{"anyOf":[{"$ref":"RedisMetrics"},{"type":"null"}]}},"required":[]},
  ErrorData: {"type":"object","properties":{"code":{"enum":["binary_not_supported","invalid_json","invalid_message","unknown_type"]},"message":{"type":"string"}},"required":["code","message"]},
  EventData: {"type":"object","properties":{"id":{"type":"integer"},"event_id":{"type":"integer"},"batch_id":{"type":"string"},"camera_id":{"type":"string"},"risk_score":{"type":"integer"},"risk_level":{"enum":["critical","high","low","medium"]},"summary":{"type":"string"},"started_at":{"type":"string"},"ended_at":{"anyOf":[{"type":"string"},{"type":"null"}]},"image_url":{"anyOf":[{"type":"string"},{"type":"null"}]},"clip_url":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["id","event_id","batch_id","camera_id","risk_score","risk_level","summary","started_at"]},
  EventSeenData: {"type":"object","properties":{"at":{"type":"string"},"by":{"type":"string"},"risk_level":{"anyOf":[{"enum":["critical","high","low","medium"]},{"type":"null"}]},"id":{"type":"string"},"seen":{"type":"boolean"}},"required":["at","by","risk_level","id","seen"]},
  FigureTrend: {"type":"object","properties":{"mean":{"type":"array","items":{"anyOf":[{"type":"number"},{"type":"null"}]}},"low":{"type":"array","items":{"anyOf":[{"type":"number"},{"type":"null"}]}},"high":{"type":"array","items":{"anyOf":[{"type":"number"},{"type":"null"}]}}},"required":["mean","low","high"]},
  GpuDevice: {"type":"object","properties":{"name":{"anyOf":[{"type":"string"},{"type":"null"}]},"utilization":{"anyOf":[{"type":"number"},{"type":"null"}]},"vram_used_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"vram_total_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"temperature":{"anyOf":[{"type":"integer"},{"type":"null"}]},"power_watts":{"anyOf":[{"type":"integer"},{"type":"null"}]},"source":{"enum":["collector","yolo26"]},"index":{"type":"integer"},"uuid":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["name","utilization","vram_used_gb","vram_total_gb","temperature","power_watts","index","uuid"]},
  GpuMetrics: {"type":"object","properties":{"name":{"anyOf":[{"type":"string"},{"type":"null"}]},"utilization":{"anyOf":[{"type":"number"},{"type":"null"}]},"vram_used_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"vram_total_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"temperature":{"anyOf":[{"type":"integer"},{"type":"null"}]},"power_watts":{"anyOf":[{"type":"integer"},{"type":"null"}]},"source":{"enum":["collector","yolo26"]}},"required":["name","utilization","vram_used_gb","vram_total_gb","temperature","power_watts"]},
  GpuStatus: {"type":"object","properties":{"name":{"anyOf":[{"type":"string"},{"type":"null"}]},"utilization":{"anyOf":[{"type":"number"},{"type":"null"}]},"memory_used":{"anyOf":[{"type":"integer"},{"type":"null"}]},"memory_total":{"anyOf":[{"type":"integer"},{"type":"null"}]},"temperature":{"anyOf":[{"type":"number"},{"type":"null"}]},"power_usage":{"anyOf":[{"type":"number"},{"type":"null"}]},"source":{"enum":["collector","yolo26"]}},"required":["name","utilization","memory_used","memory_total","temperature","power_usage"]},
  HostMetrics: {"type":"object","properties":{"cpu_percent":{"anyOf":[{"type":"number"},{"type":"null"}]},"ram_used_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"ram_total_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"disk_used_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"disk_total_gb":{"anyOf":[{"type":"number"},{"type":"null"}]}},"required":["cpu_percent","ram_used_gb","ram_total_gb","disk_used_gb","disk_total_gb"]},
  InferenceMetrics: {"type":"object","properties":{"yolo26_latency_ms":{"anyOf":[{"$ref":"ModelLatency"},{"type":"null"}]},"nemotron_latency_ms":{"anyOf":[{"$ref":"ModelLatency"},{"type":"null"}]},"pipeline_latency_ms":{"anyOf":[{"$ref":"PipelineLatency"},{"type":"null"}]},"throughput":{"anyOf":[{"$ref":"Throughput"},{"type":"null"}]},"queues":{"anyOf":[{"$ref":"InferenceQueues"},{"type":"null"}]}},"required":["yolo26_latency_ms","nemotron_latency_ms","pipeline_latency_ms","throughput","queues"]},
  InferenceQueues: {"type":"object","properties":{"detection":{"anyOf":[{"type":"integer"},{"type":"null"}]},"analysis":{"anyOf":[{"type":"integer"},{"type":"null"}]}},"required":["detection","analysis"]},
  Job: {"type":"object","properties":{"id":{"type":"string"},"status":{"anyOf":[{"enum":["pending","running"]},{"enum":["cancelled","completed","failed"]},{"type":"null"}]},"started_at":{"anyOf":[{"type":"string"},{"type":"null"}]},"ended_at":{"anyOf":[{"type":"string"},{"type":"null"}]},"lines":{"anyOf":[{"type":"integer"},{"type":"null"}]},"last_said_at":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["id","status","started_at","ended_at","lines"]},
  JobEndData: {"type":"object","properties":{"job_id":{"type":"string"},"status":{"enum":["cancelled","completed","failed"]},"exit_code":{"type":"integer"}},"required":["job_id","status"]},
  LogData: {"type":"object","properties":{"timestamp":{"type":"string"},"level":{"enum":["CRITICAL","DEBUG","ERROR","INFO","WARNING"]},"message":{"type":"string"},"context":{"type":"object"}},"required":["timestamp","level","message"]},
  MarkedAlert: {"type":"object","properties":{"id":{"type":"string"},"seen":{"anyOf":[{"$ref":"AlertSeen"},{"type":"null"}]}},"required":["id","seen"]},
  ModelLatency: {"type":"object","properties":{"avg":{"anyOf":[{"type":"number"},{"type":"null"}]},"p95":{"anyOf":[{"type":"number"},{"type":"null"}]},"p99":{"anyOf":[{"type":"number"},{"type":"null"}]}},"required":["avg","p95","p99"]},
  NemotronMetrics: {"type":"object","properties":{"status":{"enum":["degraded","healthy","unhealthy","unreachable"]},"slots_active":{"anyOf":[{"type":"integer"},{"type":"null"}]},"slots_total":{"anyOf":[{"type":"integer"},{"type":"null"}]},"context_size":{"anyOf":[{"type":"integer"},{"type":"null"}]}},"required":["status","slots_active","slots_total","context_size"]},
  OneEvent: {"type":"object","properties":{"now":{"type":"string"},"event":{"$ref":"RecentEvent"},"previous":{"anyOf":[{"type":"string"},{"type":"null"}]},"next":{"anyOf":[{"type":"string"},{"type":"null"}]},"older_unknown":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["now","event","previous","next"]},
  PerformanceHistory: {"type":"object","properties":{"range":{"enum":["15m","5m","60m"]},"points":{"type":"array","items":{"$ref":"PerformanceUpdateData"}}},"required":["range","points"]},
  PerformanceTrend: {"type":"object","properties":{"range":{"enum":["24h","7d"]},"step":{"type":"integer"},"began":{"type":"array","items":{"type":"integer"}},"figures":{"type":"object","additionalProperties":{"$ref":"FigureTrend"}}},"required":["range","step","began","figures"]},
  PerformanceUpdateData: {"type":"object","properties":{"timestamp":{"type":"string"},"gpu":{"anyOf":[{"$ref":"GpuMetrics"},{"type":"null"}]},"ai_models":{"$ref":"AiModels"},"nemotron":{"anyOf":[{"$ref":"NemotronMetrics"},{"type":"null"}]},"inference":{"anyOf":[{"$ref":"InferenceMetrics"},{"type":"null"}]},"databases":{"$ref":"Databases"},"host":{"anyOf":[{"$ref":"HostMetrics"},{"type":"null"}]},"containers":{"type":"array","items":{"$ref":"ContainerMetrics"}},"alerts":{"type":"array","items":{"$ref":"Alert"}},"gpus":{"type":"array","items":{"$ref":"GpuDevice"}},"raised":{"type":"array","items":{"$ref":"RaisedAlertData"}}},"required":["timestamp","gpu","ai_models","nemotron","inference","databases","host","containers","alerts"]},
  PipelineLatency: {"type":"object","properties":{"avg":{"anyOf":[{"type":"number"},{"type":"null"}]},"p95":{"anyOf":[{"type":"number"},{"type":"null"}]}},"required":["avg","p95"]},
  PostgresqlMetrics: {"type":"object","properties":{"status":{"enum":["degraded","healthy","unhealthy","unreachable"]},"connections_active":{"anyOf":[{"type":"integer"},{"type":"null"}]},"connections_max":{"anyOf":[{"type":"integer"},{"type":"null"}]},"cache_hit_ratio":{"anyOf":[{"type":"number"},{"type":"null"}]},"transactions_per_min":{"anyOf":[{"type":"number"},{"type":"null"}]}},"required":["status","connections_active","connections_max","cache_hit_ratio","transactions_per_min"]},
  QueueDepths: {"type":"object","properties":{"detection_queue":{"anyOf":[{"type":"integer"},{"type":"null"}]},"analysis_queue":{"anyOf":[{"type":"integer"},{"type":"null"}]},"dlq_total":{"anyOf":[{"type":"integer"},{"type":"null"}]}},"required":["detection_queue","analysis_queue","dlq_total"]},
  RaisedAlertData: {"type":"object","properties":{"id":{"type":"string"},"metric":{"type":"string"},"severity":{"enum":["critical","warning"]},"value":{"type":"number"},"unit":{"enum":["%","C"]},"threshold":{"type":"number"},"clears":{"type":"number"},"peak":{"type":"number"},"since":{"type":"string"},"ended":{"anyOf":[{"type":"string"},{"type":"null"}]},"unknown_since":{"anyOf":[{"type":"string"},{"type":"null"}]},"message":{"type":"string"},"gpu":{"type":"integer"},"seen":{"$ref":"AlertSeen"}},"required":["id","metric","severity","value","unit","threshold","clears","peak","since","ended","unknown_since","message"]},
  RecentEvent: {"type":"object","properties":{"cursor":{"type":"string"},"arrived_at":{"type":"string"},"message":{"type":"object"},"seen":{"anyOf":[{"$ref":"Seen"},{"type":"null"}]}},"required":["cursor","arrived_at","message"]},
  RecentEvents: {"type":"object","properties":{"now":{"type":"string"},"heard":{"type":"boolean"},"complete":{"type":"boolean"},"known_since":{"anyOf":[{"type":"string"},{"type":"null"}]},"cursor":{"anyOf":[{"type":"string"},{"type":"null"}]},"events":{"type":"array","items":{"$ref":"RecentEvent"}},"next":{"anyOf":[{"type":"string"},{"type":"null"}]},"older_unknown":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["now","heard","complete","known_since","cursor","events","next"]},
  RedisMetrics: {"type":"object","properties":{"status":{"enum":["degraded","healthy","unhealthy","unreachable"]},"connected_clients":{"anyOf":[{"type":"integer"},{"type":"null"}]},"memory_mb":{"anyOf":[{"type":"number"},{"type":"null"}]},"hit_ratio":{"anyOf":[{"type":"number"},{"type":"null"}]},"blocked_clients":{"anyOf":[{"type":"integer"},{"type":"null"}]}},"required":["status","connected_clients","memory_mb","hit_ratio","blocked_clients"]},
  ResumedData: {"type":"object","properties":{"recovered":{"type":"boolean"},"replayed":{"type":"integer"},"since":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["recovered","replayed","since"]},
  Seen: {"type":"object","properties":{"at":{"type":"string"},"by":{"type":"string"},"risk_level":{"anyOf":[{"enum":["critical","high","low","medium"]},{"type":"null"}]}},"required":["at","by","risk_level"]},
  SeenEvent: {"type":"object","properties":{"at":{"type":"string"},"by":{"type":"string"},"risk_level":{"anyOf":[{"enum":["critical","high","low","medium"]},{"type":"null"}]},"id":{"type":"string"}},"required":["at","by","risk_level","id"]},
  SeenEvents: {"type":"object","properties":{"now":{"type":"string"},"seen":{"type":"array","items":{"$ref":"SeenEvent"}}},"required":["now","seen"]},
  SeenState: {"type":"object","properties":{"id":{"type":"string"},"seen":{"anyOf":[{"$ref":"Seen"},{"type":"null"}]}},"required":["id","seen"]},
  ServiceStatusData: {"type":"object","properties":{"service":{"type":"string"},"status":{"enum":["degraded","healthy","unhealthy","unreachable"]},"message":{"type":"string"},"circuit_state":{"$ref":"WebSocketCircuitState"}},"required":["service","status","message"]},
  SystemStatusData: {"type":"object","properties":{"gpu":{"anyOf":[{"$ref":"GpuStatus"},{"type":"null"}]},"queues":{"anyOf":[{"$ref":"QueueDepths"},{"type":"null"}]},"cameras":{"anyOf":[{"$ref":"CameraCounts"},{"type":"null"}]},"services":{"type":"object","additionalProperties":{"enum":["degraded","healthy","unhealthy","unreachable"]}}},"required":["gpu","queues","cameras","services"]},
  Throughput: {"type":"object","properties":{"images_per_min":{"anyOf":[{"type":"number"},{"type":"null"}]},"events_per_min":{"anyOf":[{"type":"number"},{"type":"null"}]}},"required":["images_per_min","events_per_min"]},
  WebSocketCircuitState: {"enum":["closed","half_open","open"]},
  Yolo26Metrics: {"type":"object","properties":{"status":{"enum":["degraded","healthy","unhealthy","unreachable"]},"vram_gb":{"anyOf":[{"type":"number"},{"type":"null"}]},"model":{"anyOf":[{"type":"string"},{"type":"null"}]},"device":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["status","vram_gb","model","device"]},
};
