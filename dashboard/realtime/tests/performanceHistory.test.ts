// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import { merged, RANGE_LENGTHS, samplesOf, TIME_RANGES } from "../src/performanceHistory";
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
  for (const range of TIME_RANGES) {
    expect(RANGE_LENGTHS[range]).toBe(Number.parseInt(range, 10) * 60_000);
  }
});

test("points become samples at their time, in UTC; those without one are left out", () => {
  const example = golden("performance_update").data as ReturnType<typeof figuresAt>;
  const odd = { ...example, timestamp: "yesterday" };
  expect(samplesOf([example, odd, figuresAt(5)])).toEqual([
    { at: Date.UTC(2024, 0, 15, 10, 30), data: example },
    { at: 5, data: figuresAt(5) },
  ]);
});
