import { timeOf } from "./lenient.ts";
import type { PerformanceTrend, PerformanceUpdateData } from "./messages.ts";
import type { Figures, Sample } from "./systemFeed.ts";

/** How far back a chart goes. */
export type TimeRange = "5m" | "15m" | "60m" | "24h" | "7d";

/** The shortest one first. */
export const TIME_RANGES: readonly TimeRange[] = ["5m", "15m", "60m", "24h", "7d"];

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** How long each range is, in milliseconds. */
export const RANGE_LENGTHS: Readonly<Record<TimeRange, number>> = {
  "5m": 5 * MINUTE,
  "15m": 15 * MINUTE,
  "60m": 60 * MINUTE,
  "24h": 24 * HOUR,
  "7d": 7 * 24 * HOUR,
};

/** Points that the history has of a short range. */
const POINTS = 60;
/** How far apart the samples of each range's history are, in milliseconds. */
export const RANGE_STEPS: Readonly<Record<TimeRange, number>> = {
  "5m": RANGE_LENGTHS["5m"] / POINTS,
  "15m": RANGE_LENGTHS["15m"] / POINTS,
  "60m": RANGE_LENGTHS["60m"] / POINTS,
  "24h": 2 * MINUTE,
  "7d": 15 * MINUTE,
};

/** Points of the history as samples, oldest first. Pure. */
export function samplesOf(points: readonly Readonly<Partial<PerformanceUpdateData>>[]): Sample[] {
  return points.flatMap((data) => {
    const at = timeOf(data.timestamp);
    return at === null ? [] : [{ at, data }];
  });
}

/** Bins of a trend as samples, each in the middle of its bin, oldest first. Pure. */
export function samplesOfTrend({ began, step, figures }: PerformanceTrend): Sample[] {
  const gpus = gpusIn(Object.keys(figures));
  return began.map((start, index) => {
    const of = (kind: "mean" | "low" | "high") =>
      figuresOf((path) => figures[path]?.[kind][index] ?? null, gpus);
    return { at: (start + step / 2) * 1000, data: of("mean"), low: of("low"), high: of("high") };
  });
}

const GPU_PATH = /^gpus\.(\d+)\./;

/** The indexes of the GPUs that paths speak of. */
function gpusIn(paths: readonly string[]): number[] {
  const found = paths.flatMap((path) => GPU_PATH.exec(path)?.[1] ?? []);
  return [...new Set(found)].map(Number).sort((one, other) => one - other);
}

function figuresOf(figure: (path: string) => number | null, gpus: readonly number[]): Figures {
  const gpuAt = (path: string) => ({
    utilization: figure(`${path}.utilization`),
    vram_used_gb: figure(`${path}.vram_used_gb`),
    vram_total_gb: figure(`${path}.vram_total_gb`),
    temperature: figure(`${path}.temperature`),
    power_watts: figure(`${path}.power_watts`),
  });
  const latencyOf = (stage: string) => ({
    avg: figure(`inference.${stage}.avg`),
    p95: figure(`inference.${stage}.p95`),
    p99: figure(`inference.${stage}.p99`),
  });
  return {
    gpu: gpuAt("gpu"),
    ...(gpus.length > 0 && {
      gpus: gpus.map((index) => ({ index, ...gpuAt(`gpus.${index}`) })),
    }),
    inference: {
      yolo26_latency_ms: latencyOf("yolo26_latency_ms"),
      nemotron_latency_ms: latencyOf("nemotron_latency_ms"),
      pipeline_latency_ms: latencyOf("pipeline_latency_ms"),
      throughput: {
        images_per_min: figure("inference.throughput.images_per_min"),
        events_per_min: figure("inference.throughput.events_per_min"),
      },
      queues: {
        detection: figure("inference.queues.detection"),
        analysis: figure("inference.queues.analysis"),
      },
    },
    databases: {
      postgresql: {
        connections_active: figure("databases.postgresql.connections_active"),
        connections_max: figure("databases.postgresql.connections_max"),
        cache_hit_ratio: figure("databases.postgresql.cache_hit_ratio"),
        transactions_per_min: figure("databases.postgresql.transactions_per_min"),
      },
      redis: {
        connected_clients: figure("databases.redis.connected_clients"),
        memory_mb: figure("databases.redis.memory_mb"),
        hit_ratio: figure("databases.redis.hit_ratio"),
        blocked_clients: figure("databases.redis.blocked_clients"),
      },
    },
    host: {
      cpu_percent: figure("host.cpu_percent"),
      ram_used_gb: figure("host.ram_used_gb"),
      ram_total_gb: figure("host.ram_total_gb"),
      disk_used_gb: figure("host.disk_used_gb"),
      disk_total_gb: figure("host.disk_total_gb"),
    },
  };
}

/**
 * What a chart of this range shows: the history up to where this page's own samples begin without
 * a break, then those. Pure.
 *
 * @param history From the collector, oldest first; made before the last of `live`.
 * @param live As they came, oldest first.
 * @param from Milliseconds since 1970; what is older is left out.
 */
export function merged(
  history: readonly Sample[],
  live: readonly Sample[],
  from: number,
): readonly Sample[] {
  const last = history.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
  return [...history, ...live.filter(({ at }) => at > last)].filter(({ at }) => at >= from);
}
