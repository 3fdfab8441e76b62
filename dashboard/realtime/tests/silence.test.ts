// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import { DEAD_AFTER, LEAST_PATIENCE, livenessOf, Rhythm, STALE_AFTER } from "../src/silence";

const QUIET = 12_000;
const time = fc.integer({ min: 0, max: 1e12 });

/** How it looks this long after a ping that nothing answered. */
function unanswered(milliseconds: number) {
  return livenessOf(QUIET + milliseconds, { heardAt: 0, askedAt: QUIET, quiet: QUIET });
}

test("a connection is live while its silence is no longer than usual, and asked after that", () => {
  const silent = (now: number) => livenessOf(now, { heardAt: 0, askedAt: null, quiet: QUIET });
  expect(silent(0)).toBe("live");
  expect(silent(QUIET - 1)).toBe("live");
  expect(silent(QUIET)).toBe("ask");
});

test("a ping without an answer makes it stale after 5 s and dead after 12 s", () => {
  expect(STALE_AFTER).toBe(5_000);
  expect(DEAD_AFTER).toBe(12_000);
  expect([0, 4_999].map(unanswered)).toEqual(["live", "live"]);
  expect([5_000, 11_999].map(unanswered)).toEqual(["stale", "stale"]);
  expect([12_000, 1e9].map(unanswered)).toEqual(["dead", "dead"]);
});

test("none is stale or dead that was not asked, however far the clock jumped", () => {
  fc.assert(
    fc.property(time, time, fc.nat(1e6), (now, heardAt, quiet) => {
      expect(["live", "ask"]).toContain(livenessOf(now, { heardAt, askedAt: null, quiet }));
    }),
  );
});

test("none is asked twice, and silence never makes it look better", () => {
  const order = ["live", "stale", "dead"];
  fc.assert(
    fc.property(time, time, time, fc.nat(1e9), (now, heardAt, askedAt, more) => {
      const [before, after] = [now, now + more].map((at) =>
        order.indexOf(livenessOf(at, { heardAt, askedAt, quiet: QUIET })),
      );
      expect(before).toBeGreaterThanOrEqual(0);
      expect(after).toBeGreaterThanOrEqual(before ?? 0);
    }),
  );
});

function rhythmOf(...times: number[]): Rhythm {
  const rhythm = new Rhythm();
  for (const at of times) rhythm.note(at);
  return rhythm;
}

test("what came once, or every second, is late after 15 s", () => {
  expect(LEAST_PATIENCE).toBe(15_000);
  expect(rhythmOf().patience).toBe(15_000);
  expect(rhythmOf(1e9).patience).toBe(15_000);
  expect(rhythmOf(0, 1_000, 2_000, 3_000).patience).toBe(15_000);
});

test("what comes seldom is late after two and a half times the middle one of its last three gaps", () => {
  expect(rhythmOf(0, 60_000).patience).toBe(150_000);
  expect(rhythmOf(0, 20_000, 80_000).patience).toBe(150_000);
  expect(rhythmOf(0, 60_000, 120_000, 130_000, 140_000).patience).toBe(25_000);
});

test("whatever comes regularly is late no sooner than twice its interval, and within thrice or 15 s", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3_600_000 }),
      fc.integer({ min: 2, max: 9 }),
      (gap, n) => {
        const { patience } = rhythmOf(...Array.from({ length: n }, (_, index) => index * gap));
        expect(patience).toBeGreaterThan(2 * gap);
        expect(patience).toBeLessThanOrEqual(Math.max(15_000, 3 * gap));
      },
    ),
  );
});

test("a break that it forgot is no gap", () => {
  const rhythm = rhythmOf(0, 5_000, 10_000);
  rhythm.forget();
  rhythm.note(3_600_000);
  expect(rhythm.patience).toBe(15_000);
  rhythm.note(3_610_000);
  expect(rhythm.patience).toBe(25_000);
});
