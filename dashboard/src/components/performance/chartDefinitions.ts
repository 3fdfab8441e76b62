import type { Line } from "../../columns";
import { fixed, latency, UNKNOWN } from "../../format";

/** What a chart of the performance page shows. */
export interface ChartDefinition {
  readonly title: string;
  readonly lines: readonly Line[];
  /** The top of the chart; by default the highest value. */
  readonly top?: number;
  /** The least that the highest value counts as. */
  readonly least?: number;
  /** A value for people. */
  readonly tell?: (value: number | null) => string;
}

function inUnit(unit: string, digits = 0) {
  return (value: number | null) => (value === null ? UNKNOWN : `${fixed(value, digits)} ${unit}`);
}

function share(used: number | null | undefined, total: number | null | undefined) {
  return used == null || !total ? null : (100 * used) / total;
}

const percent = inUnit("%");
const HUNDRED = 100;
/** Of what is told in whole figures: below it, two marks of the axis would read the same. */
const TEN = 10;

/** What the page draws, in its order. */
export const CHARTS: readonly ChartDefinition[] = [
  {
    title: "GPU utilization",
    lines: [
      { name: "GPU", color: "good", metric: "gpu_utilization", of: ({ gpu }) => gpu?.utilization },
    ],
    top: HUNDRED,
    tell: percent,
  },
  {
    title: "VRAM",
    lines: [
      {
        name: "used",
        color: "ai",
        metric: "gpu_vram",
        of: ({ gpu }) => gpu?.vram_used_gb,
        limitOf: ({ gpu }, limit) =>
          gpu?.vram_total_gb == null ? null : (gpu.vram_total_gb * limit) / HUNDRED,
      },
      { name: "total", color: "faint", of: ({ gpu }) => gpu?.vram_total_gb },
    ],
    tell: inUnit("GB", 1),
  },
  {
    title: "GPU temperature",
    lines: [
      { name: "GPU", color: "warn", metric: "gpu_temperature", of: ({ gpu }) => gpu?.temperature },
    ],
    top: HUNDRED,
    tell: inUnit("°C"),
  },
  {
    title: "GPU power",
    lines: [{ name: "GPU", color: "bad", of: ({ gpu }) => gpu?.power_watts }],
    least: TEN,
    tell: inUnit("W"),
  },
  {
    title: "yolo26 latency",
    lines: [
      { name: "mean", color: "good", of: ({ inference }) => inference?.yolo26_latency_ms?.avg },
      { name: "p95", color: "warn", of: ({ inference }) => inference?.yolo26_latency_ms?.p95 },
      { name: "p99", color: "bad", of: ({ inference }) => inference?.yolo26_latency_ms?.p99 },
    ],
    least: TEN,
    tell: latency,
  },
  {
    title: "nemotron latency",
    lines: [
      { name: "mean", color: "good", of: ({ inference }) => inference?.nemotron_latency_ms?.avg },
      { name: "p95", color: "warn", of: ({ inference }) => inference?.nemotron_latency_ms?.p95 },
      { name: "p99", color: "bad", of: ({ inference }) => inference?.nemotron_latency_ms?.p99 },
    ],
    least: TEN,
    tell: latency,
  },
  {
    title: "Whole pipeline latency",
    lines: [
      { name: "mean", color: "good", of: ({ inference }) => inference?.pipeline_latency_ms?.avg },
      { name: "p95", color: "warn", of: ({ inference }) => inference?.pipeline_latency_ms?.p95 },
    ],
    least: TEN,
    tell: latency,
  },
  {
    title: "Throughput",
    lines: [
      {
        name: "images",
        color: "data",
        of: ({ inference }) => inference?.throughput?.images_per_min,
      },
      {
        name: "events",
        color: "ai",
        of: ({ inference }) => inference?.throughput?.events_per_min,
      },
    ],
    tell: inUnit("/min", 1),
  },
  {
    title: "Queues",
    lines: [
      { name: "detection", color: "data", of: ({ inference }) => inference?.queues?.detection },
      { name: "analysis", color: "ai", of: ({ inference }) => inference?.queues?.analysis },
    ],
    least: 4,
    tell: fixed,
  },
  {
    title: "Host",
    lines: [
      { name: "CPU", color: "data", metric: "host_cpu", of: ({ host }) => host?.cpu_percent },
      {
        name: "RAM",
        color: "ai",
        metric: "host_ram",
        of: ({ host }) => share(host?.ram_used_gb, host?.ram_total_gb),
      },
      {
        name: "disk",
        color: "warn",
        metric: "host_disk",
        of: ({ host }) => share(host?.disk_used_gb, host?.disk_total_gb),
      },
    ],
    top: HUNDRED,
    tell: percent,
  },
  {
    title: "PostgreSQL activity",
    lines: [
      {
        name: "transactions/min",
        color: "data",
        of: ({ databases }) => databases?.postgresql?.transactions_per_min,
      },
    ],
    least: TEN,
    tell: fixed,
  },
  {
    title: "Redis memory",
    lines: [{ name: "used", color: "bad", of: ({ databases }) => databases?.redis?.memory_mb }],
    tell: inUnit("MB", 1),
  },
];
