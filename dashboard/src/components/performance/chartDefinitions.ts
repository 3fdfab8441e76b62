import type { Figures } from "@hsi/realtime";
import type { Line } from "../../columns";
import { fixed, latency, UNKNOWN } from "../../format";
import { texts } from "../../texts";

/** What a chart of the performance page shows. */
export interface ChartDefinition {
  /** Of its part of the page, for links. */
  readonly id: string;
  readonly title: string;
  readonly lines: readonly Line[];
  /** Of the plain values; empty where they are counts. */
  readonly unit: string;
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

const { charts, lines } = texts.performance;

/** The figures of one GPU: the first, or that of an index. */
function device(gpu: number | null) {
  return (data: Figures) =>
    gpu === null ? data.gpu : data.gpus?.find(({ index }) => index === gpu);
}

function gpuCharts(gpu: number | null): ChartDefinition[] {
  const of = device(gpu);
  const name = gpu === null ? lines.gpu : lines.gpuAt(gpu);
  return [
    {
      id: "gpu-utilization",
      title: charts.gpuUtilization,
      lines: [
        { name, color: "good", metric: "gpu_utilization", of: (data) => of(data)?.utilization },
      ],
      unit: "%",
      top: HUNDRED,
      tell: percent,
    },
    {
      id: "vram",
      title: charts.vram,
      lines: [
        {
          name: lines.used,
          color: "ai",
          metric: "gpu_vram",
          of: (data) => of(data)?.vram_used_gb,
          limitOf: (data, limit) => {
            const total = of(data)?.vram_total_gb;
            return total == null ? null : (total * limit) / HUNDRED;
          },
        },
        { name: lines.total, color: "faint", of: (data) => of(data)?.vram_total_gb },
      ],
      unit: "GB",
      tell: inUnit("GB", 1),
    },
    {
      id: "gpu-temperature",
      title: charts.gpuTemperature,
      lines: [
        { name, color: "warn", metric: "gpu_temperature", of: (data) => of(data)?.temperature },
      ],
      unit: "°C",
      top: HUNDRED,
      tell: inUnit("°C"),
    },
    {
      id: "gpu-power",
      title: charts.gpuPower,
      lines: [{ name, color: "bad", of: (data) => of(data)?.power_watts }],
      unit: "W",
      least: TEN,
      tell: inUnit("W"),
    },
  ];
}

const OTHERS: readonly ChartDefinition[] = [
  {
    id: "yolo26-latency",
    title: charts.latency("yolo26"),
    lines: [
      { name: lines.mean, color: "good", of: ({ inference }) => inference?.yolo26_latency_ms?.avg },
      { name: "p95", color: "warn", of: ({ inference }) => inference?.yolo26_latency_ms?.p95 },
      { name: "p99", color: "bad", of: ({ inference }) => inference?.yolo26_latency_ms?.p99 },
    ],
    unit: "ms",
    least: TEN,
    tell: latency,
  },
  {
    id: "nemotron-latency",
    title: charts.latency("nemotron"),
    lines: [
      {
        name: lines.mean,
        color: "good",
        of: ({ inference }) => inference?.nemotron_latency_ms?.avg,
      },
      { name: "p95", color: "warn", of: ({ inference }) => inference?.nemotron_latency_ms?.p95 },
      { name: "p99", color: "bad", of: ({ inference }) => inference?.nemotron_latency_ms?.p99 },
    ],
    unit: "ms",
    least: TEN,
    tell: latency,
  },
  {
    id: "pipeline-latency",
    title: charts.pipeline,
    lines: [
      {
        name: lines.mean,
        color: "good",
        of: ({ inference }) => inference?.pipeline_latency_ms?.avg,
      },
      { name: "p95", color: "warn", of: ({ inference }) => inference?.pipeline_latency_ms?.p95 },
    ],
    unit: "ms",
    least: TEN,
    tell: latency,
  },
  {
    id: "throughput",
    title: charts.throughput,
    lines: [
      {
        name: lines.images,
        color: "data",
        of: ({ inference }) => inference?.throughput?.images_per_min,
      },
      {
        name: lines.events,
        color: "ai",
        of: ({ inference }) => inference?.throughput?.events_per_min,
      },
    ],
    unit: "/min",
    tell: inUnit("/min", 1),
  },
  {
    id: "queues",
    title: charts.queues,
    lines: [
      {
        name: lines.detection,
        color: "data",
        of: ({ inference }) => inference?.queues?.detection,
      },
      { name: lines.analysis, color: "ai", of: ({ inference }) => inference?.queues?.analysis },
    ],
    unit: "",
    least: 4,
    tell: fixed,
  },
  {
    id: "host",
    title: charts.host,
    lines: [
      { name: lines.cpu, color: "data", metric: "host_cpu", of: ({ host }) => host?.cpu_percent },
      {
        name: lines.ram,
        color: "ai",
        metric: "host_ram",
        of: ({ host }) => share(host?.ram_used_gb, host?.ram_total_gb),
      },
      {
        name: lines.disk,
        color: "warn",
        metric: "host_disk",
        of: ({ host }) => share(host?.disk_used_gb, host?.disk_total_gb),
      },
    ],
    unit: "%",
    top: HUNDRED,
    tell: percent,
  },
  {
    id: "postgresql",
    title: charts.postgresql,
    lines: [
      {
        name: lines.transactions,
        color: "data",
        of: ({ databases }) => databases?.postgresql?.transactions_per_min,
      },
    ],
    unit: "/min",
    least: TEN,
    tell: fixed,
  },
  {
    id: "redis-memory",
    title: charts.redisMemory,
    lines: [{ name: lines.used, color: "bad", of: ({ databases }) => databases?.redis?.memory_mb }],
    unit: "MB",
    tell: inUnit("MB", 1),
  },
  {
    id: "cache-hits",
    title: charts.cacheHits,
    lines: [
      {
        name: "PostgreSQL",
        color: "data",
        metric: "pg_cache_hit",
        isLow: true,
        of: ({ databases }) => databases?.postgresql?.cache_hit_ratio,
      },
      {
        name: "Redis",
        color: "bad",
        metric: "redis_hit_ratio",
        isLow: true,
        of: ({ databases }) => databases?.redis?.hit_ratio,
      },
    ],
    unit: "%",
    top: HUNDRED,
    tell: percent,
  },
];

/**
 * What the page draws, in its order.
 *
 * @param gpu The index of the GPU that is shown; null: the first.
 */
export function chartsOf(gpu: number | null): readonly ChartDefinition[] {
  return [...gpuCharts(gpu), ...OTHERS];
}

export const CHARTS = chartsOf(null);

/** The id of the chart that shows an alert's metric; undefined where no chart does. */
export function chartOf(metric: string): string | undefined {
  return CHARTS.find((chart) => chart.lines.some((line) => line.metric === metric))?.id;
}
