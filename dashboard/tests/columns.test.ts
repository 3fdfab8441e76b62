import { expect, test } from "vitest";
import { golden } from "../realtime/tests/golden";
import { columnsOf, type Line, limitLines, limitsNow, singles } from "../src/columns";
import { CHARTS, chartsOf } from "../src/components/performance/chartDefinitions";

const figures = golden("performance_update").data as object;
const alert = golden("alert").data as Parameters<typeof limitsNow>[1][number];
const limits = {
  gpu_temperature: { warning: 75, critical: 85, unit: "C" },
  gpu_vram: { warning: 90, critical: 95, unit: "%" },
} as const;

function linesOf(chart: string) {
  return CHARTS.find(({ title }) => title === chart)?.lines ?? [];
}

function shown(chart: string, now: ReturnType<typeof limitsNow>) {
  const lines = limitLines(linesOf(chart), now);
  return columnsOf([{ at: 0, data: figures }], lines, 5_000).values.map(([value]) => value);
}

test("a chart shows the limit of each line that has one, in the chart's own unit", () => {
  const now = limitsNow(limits, []);
  expect(shown("GPU temperature", now)).toEqual([75]);
  expect(shown("VRAM", now)).toEqual([0.9 * 24, null]);
  expect(shown("GPU power", now)).toEqual([null]);
  expect(shown("Host", now)).toEqual([null, null, null]); // not known
});

test("the limit of a critical alert is the critical one", () => {
  const critical = { ...alert, severity: "critical", threshold: 85 } as const;
  expect(shown("GPU temperature", limitsNow(limits, [critical]))).toEqual([85]);
});

test("every metric of a chart is one that the services know", () => {
  const metrics = CHARTS.flatMap(({ lines }) => lines.flatMap(({ metric }) => metric ?? []));
  expect(metrics.sort()).toEqual([
    "gpu_temperature",
    "gpu_utilization",
    "gpu_vram",
    "host_cpu",
    "host_disk",
    "host_ram",
    "pg_cache_hit",
    "redis_hit_ratio",
  ]);
});

const CPU: readonly Line[] = [{ name: "CPU", color: "data", of: ({ host }) => host?.cpu_percent }];
const STEP = 120_000;

function sample(at: number, value: number) {
  return { at, data: { host: { cpu_percent: value } } };
}

function bin(at: number, mean: number) {
  const of = (cpu_percent: number) => ({ host: { cpu_percent } });
  return { at, data: of(mean), low: of(mean - 10), high: of(mean + 40) };
}

test("what stands for some time is drawn with its extremes, what is of a moment as it is", () => {
  const { times, values, lows, highs } = columnsOf(
    [bin(STEP, 50), sample(2 * STEP, 60)],
    CPU,
    STEP,
  );
  expect(times).toEqual([120, 240]);
  expect([values, lows, highs]).toEqual([[[50, 60]], [[40, 60]], [[90, 60]]]);
});

test("a pause is a gap, and so is each stretch of time that is missing", () => {
  const paused = columnsOf([sample(0, 1), sample(3 * STEP, 2), sample(7 * STEP, 3)], CPU, STEP);
  expect(paused.values).toEqual([[1, 2, null, 3]]);
  expect(paused.times).toEqual([0, 360, 480, 840]);
  const missing = columnsOf([bin(0, 11), bin(2 * STEP, 12)], CPU, STEP);
  expect(missing.values).toEqual([[11, null, 12]]);
  expect(missing.highs).toEqual([[51, null, 52]]);
});

test("a value without one beside it is found, so that it is not lost in a gap", () => {
  expect(singles([1, null, 2, null, 3, 4])).toEqual([0, 2]);
  expect(singles([null, undefined])).toEqual([]);
});

test("the charts of a GPU show that of its index, and nothing where there is none", () => {
  const gpus = [0, 1].map((index) => ({ index, temperature: 40 + index }));
  const data = { gpu: { temperature: 40 }, gpus };
  const shownOf = (gpu: number | null) => {
    const chart = chartsOf(gpu).find(({ id }) => id === "gpu-temperature");
    return chart?.lines.map(({ name, of }) => [name, of(data)]);
  };
  expect(shownOf(null)).toEqual([["GPU", 40]]);
  expect(shownOf(1)).toEqual([["GPU 1", 41]]);
  expect(shownOf(2)).toEqual([["GPU 2", undefined]]);
});
