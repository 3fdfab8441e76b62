import type { Line } from "../../charting";
import { fixed, latency, UNKNOWN } from "../../format";

const GREEN = "#76b900";
const BLUE = "#3b82f6";
const PURPLE = "#a855f7";
const AMBER = "#f59e0b";
const RED = "#e74856";

/** A chart of the performance page. */
export interface ChartOf {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly top?: number;
  readonly least?: number;
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
export const CHARTS: readonly ChartOf[] = [
  {
    title: "GPU utilization",
    lines: [{ name: "GPU", color: GREEN, of: ({ gpu }) => gpu?.utilization }],
    top: HUNDRED,
    tell: percent,
  },
  {
    title: "VRAM",
    lines: [
      { name: "used", color: PURPLE, of: ({ gpu }) => gpu?.vram_used_gb },
      { name: "total", color: "#6b6b6b", of: ({ gpu }) => gpu?.vram_total_gb },
    ],
    tell: inUnit("GB", 1),
  },
  {
    title: "GPU temperature",
    lines: [{ name: "GPU", color: AMBER, of: ({ gpu }) => gpu?.temperature }],
    top: HUNDRED,
    tell: inUnit("°C"),
  },
  {
    title: "GPU power",
    lines: [{ name: "GPU", color: RED, of: ({ gpu }) => gpu?.power_watts }],
    least: TEN,
    tell: inUnit("W"),
  },
  {
    title: "yolo26 latency",
    lines: [
      { name: "mean", color: GREEN, of: ({ inference }) => inference?.yolo26_latency_ms?.avg },
      { name: "p95", color: AMBER, of: ({ inference }) => inference?.yolo26_latency_ms?.p95 },
      { name: "p99", color: RED, of: ({ inference }) => inference?.yolo26_latency_ms?.p99 },
    ],
    least: TEN,
    tell: latency,
  },
  {
    title: "nemotron latency",
    lines: [
      { name: "mean", color: GREEN, of: ({ inference }) => inference?.nemotron_latency_ms?.avg },
      { name: "p95", color: AMBER, of: ({ inference }) => inference?.nemotron_latency_ms?.p95 },
      { name: "p99", color: RED, of: ({ inference }) => inference?.nemotron_latency_ms?.p99 },
    ],
    least: TEN,
    tell: latency,
  },
  {
    title: "Whole pipeline latency",
    lines: [
      { name: "mean", color: GREEN, of: ({ inference }) => inference?.pipeline_latency_ms?.avg },
      { name: "p95", color: AMBER, of: ({ inference }) => inference?.pipeline_latency_ms?.p95 },
    ],
    least: TEN,
    tell: latency,
  },
  {
    title: "Throughput",
    lines: [
      { name: "images", color: BLUE, of: ({ inference }) => inference?.throughput?.images_per_min },
      {
        name: "events",
        color: PURPLE,
        of: ({ inference }) => inference?.throughput?.events_per_min,
      },
    ],
    tell: inUnit("/min", 1),
  },
  {
    title: "Queues",
    lines: [
      { name: "detection", color: BLUE, of: ({ inference }) => inference?.queues?.detection },
      { name: "analysis", color: PURPLE, of: ({ inference }) => inference?.queues?.analysis },
    ],
    least: 4,
    tell: fixed,
  },
  {
    title: "Host",
    lines: [
      { name: "CPU", color: BLUE, of: ({ host }) => host?.cpu_percent },
      {
        name: "RAM",
        color: PURPLE,
        of: ({ host }) => share(host?.ram_used_gb, host?.ram_total_gb),
      },
      {
        name: "disk",
        color: AMBER,
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
        color: BLUE,
        of: ({ databases }) => databases.postgresql?.transactions_per_min,
      },
    ],
    least: TEN,
    tell: fixed,
  },
  {
    title: "Redis memory",
    lines: [{ name: "used", color: RED, of: ({ databases }) => databases.redis?.memory_mb }],
    tell: inUnit("MB", 1),
  },
];
