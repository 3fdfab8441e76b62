import { expect, test } from "vitest";
import { golden } from "../realtime/tests/golden";
import { columnsOf, limitLines, limitsNow } from "../src/columns";
import { CHARTS } from "../src/components/performance/chartDefinitions";

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
  return columnsOf([{ at: 0, data: figures }], lines, 5_000)
    .slice(1)
    .map(([value]) => value);
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
  ]);
});
