// @vitest-environment node
import fc from "fast-check";
import { beforeEach, expect, test, vi } from "vitest";
import { Retries } from "../src/retries";

const chance = fc.nat(999_999).map((millionths) => millionths / 1e6);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  return () => vi.useRealTimers();
});

/** When a question is asked that always fails, in ms since it failed first. */
function timesOf(retries: Retries, count: number): number[] {
  const times: number[] = [];
  const fail = (failures: number) =>
    retries.plan(() => {
      times.push(Date.now());
      fail(failures + 1);
    }, failures);
  fail(1);
  while (times.length < count) vi.advanceTimersToNextTimer();
  vi.clearAllTimers();
  return times;
}

test("without chance a question is asked again after 5, 10 and then every 15 s, without end", () => {
  const times = timesOf(new Retries(() => 0), 200);
  expect(times.slice(0, 4)).toEqual([5_000, 15_000, 30_000, 45_000]);
  expect(times.at(-1)).toBe(15_000 * 199);
});

test("whatever chance says, each delay is from half to all of that", () => {
  fc.assert(
    fc.property(chance, (draw) => {
      vi.setSystemTime(0);
      const [first = 0, second = 0] = timesOf(new Retries(() => draw), 2);
      expect(first).toBeGreaterThanOrEqual(2_500);
      expect(first).toBeLessThanOrEqual(5_000);
      expect(second - first).toBeGreaterThanOrEqual(5_000);
      expect(second - first).toBeLessThanOrEqual(10_000);
    }),
  );
});

test("when a service is back, all that waits is asked within half a second, and once", () => {
  const retries = new Retries();
  const asked: number[] = [];
  for (const which of [1, 2, 3]) retries.plan(() => asked.push(which), 100);
  retries.hurry();
  retries.hurry();
  vi.advanceTimersByTime(500);
  expect(asked.sort()).toEqual([1, 2, 3]);
  vi.advanceTimersByTime(60_000);
  expect(asked).toHaveLength(3);
});
