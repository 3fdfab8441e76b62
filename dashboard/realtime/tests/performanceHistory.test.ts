// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  merged,
  RANGE_LENGTHS,
  RANGE_STEPS,
  samplesOf,
  samplesOfTrend,
  TIME_RANGES,
} from "../src/performanceHistory";
import type { Sample } from "../src/systemFeed";
import { figuresAt, golden } from "./golden";

const times = fc
  .uniqueArray(fc.integer({ min: 0, max: 300 }), { maxLength: 60 })
  .map((seconds) => seconds.sort((one, other) => one - other).map((second) => second * 1_000));

/** Samples of these times, which know where they are from. */
function samples(ats: readonly number[]) {
  return ats.map((at) => ({ at, data: figuresAt(at) }));
}

test("history and live samples make one line: each moment once, in order, and none left out", () => {
  fc.assert(
    fc.property(times, times, fc.integer({ min: -1, max: 301_000 }), (old, fresh, from) => {
      const history: Sample[] = samples(old);
      const live: Sample[] = samples(fresh);
      const found = merged(history, live, from);
      const last = old.at(-1) ?? -1;
      const expected = new Set([...old, ...fresh.filter((at) => at > last)]);
      const order = [...expected].filter((at) => at >= from).sort((one, other) => one - other);
      expect(found.map(({ at }) => at)).toEqual(order);
      expect(found.every((sample) => history.includes(sample) || live.includes(sample))).toBe(true);
    }),
  );
});

test("what came live after the history was made is all there", () => {
  fc.assert(
    fc.property(times, fc.nat(60), (all, cut) => {
      const found = merged(samples(all.slice(0, cut)), samples(all.slice(Math.max(0, cut - 5))), 0);
      expect(found.map(({ at }) => at)).toEqual(all);
    }),
  );
});

test("without a history there is what came live, and the other way round", () => {
  const some = samples([1_000, 2_000]);
  expect(merged([], some, 0)).toEqual(some);
  expect(merged(some, [], 0)).toEqual(some);
  expect(merged([], [], 0)).toEqual([]);
});

test("a range is as long as its name says", () => {
  const units: Readonly<Record<string, number>> = { m: 1, h: 60, d: 24 * 60 };
  for (const range of TIME_RANGES) {
    const minutes = Number.parseInt(range, 10) * (units[range.at(-1) ?? ""] ?? 0);
    expect(RANGE_LENGTHS[range]).toBe(minutes * 60_000);
    expect(RANGE_LENGTHS[range] % RANGE_STEPS[range]).toBe(0);
  }
});

test("a bin of a trend is a sample in its middle, with its mean and its extremes", () => {
  const figures = {
    "gpu.temperature": { mean: [60, null], low: [40, null], high: [90, null] },
    "gpus.1.temperature": { mean: [70, 71], low: [70, 71], high: [70, 71] },
    "host.cpu_percent": { mean: [5, 6], low: [1, 2], high: [99, 98] },
  };
  const found = samplesOfTrend({ range: "24h", step: 120, began: [1_200, 1_320], figures });
  expect(found.map(({ at }) => at)).toEqual([1_260_000, 1_380_000]);
  const [first, second] = found;
  expect([first?.data.gpu?.temperature, first?.low?.gpu?.temperature]).toEqual([60, 40]);
  expect(first?.high?.host?.cpu_percent).toBe(99);
  expect(second?.data.gpu?.temperature).toBeNull();
  expect(second?.data.gpus).toMatchObject([{ index: 1, temperature: 71 }]);
  expect(second?.data.databases?.redis?.memory_mb).toBeNull();
});

test("points become samples at their time, in UTC; those without one are left out", () => {
  const example = golden("performance_update").data as ReturnType<typeof figuresAt>;
  const odd = { ...example, timestamp: "yesterday" };
  expect(samplesOf([example, odd, figuresAt(5)])).toEqual([
    { at: Date.UTC(2024, 0, 15, 10, 30), data: example },
    { at: 5, data: figuresAt(5) },
  ]);
});
