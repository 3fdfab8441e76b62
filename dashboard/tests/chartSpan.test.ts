import { TIME_RANGES } from "@hsi/realtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  boundsAt,
  fitted,
  gripped,
  moved,
  rangeFor,
  SHORTEST,
  type Span,
  spanOf,
  zoomed,
} from "../src/chartSpan";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 27, 19);
const BOUNDS = boundsAt(NOW);
const hour: Span = { from: NOW - 2 * HOUR, to: NOW - HOUR };

const spans = fc
  .tuple(fc.integer({ min: 0, max: 8 * 24 * 60 }), fc.integer({ min: 1, max: 10_000 }))
  .map(([ago, length]) => ({ from: NOW - ago * MINUTE, to: NOW - (ago - length) * MINUTE }));

test("zooming keeps the moment under the pointer where it is", () => {
  const at = hour.from + 15 * MINUTE;
  expect(zoomed(hour, 0.5, at, BOUNDS)).toEqual({
    from: at - 7.5 * MINUTE,
    to: at + 22.5 * MINUTE,
  });
  expect(zoomed(zoomed(hour, 0.5, at, BOUNDS), 2, at, BOUNDS)).toEqual(hour);
});

test("moving keeps the length, and ends where the figures do", () => {
  expect(moved(hour, 10 * MINUTE, BOUNDS).to).toBe(hour.to + 10 * MINUTE);
  expect(moved(hour, 5 * HOUR, BOUNDS)).toEqual({ from: NOW - HOUR, to: NOW });
  expect(moved(hour, -30 * 24 * HOUR, BOUNDS).from).toBe(BOUNDS.from);
});

test("whatever a person does, the span stays within its bounds and is never too short", () => {
  const actions = fc.array(
    fc.oneof(
      fc.double({ min: 0.001, max: 1000, noNaN: true }).map((factor) => (span: Span) => {
        return zoomed(span, factor, (span.from + span.to) / 2, BOUNDS);
      }),
      fc.integer({ min: -1e9, max: 1e9 }).map((by) => (span: Span) => {
        return moved(span, by, BOUNDS);
      }),
    ),
  );
  fc.assert(
    fc.property(spans, actions, (span, all) => {
      const found = all.reduce((before, action) => action(before), fitted(span, BOUNDS));
      expect(found.from).toBeGreaterThanOrEqual(BOUNDS.from);
      expect(found.to).toBeLessThanOrEqual(BOUNDS.to);
      expect(found.to - found.from).toBeGreaterThanOrEqual(SHORTEST - 1);
    }),
  );
});

test("one finger moves what it holds, and two fingers stretch it", () => {
  const middle = (hour.from + hour.to) / 2;
  expect(gripped(hour, [{ place: 0.75, time: middle }], BOUNDS)).toEqual({
    from: hour.from - 15 * MINUTE,
    to: hour.to - 15 * MINUTE,
  });
  const quarter = hour.from + 15 * MINUTE;
  const grips = [
    { place: 1, time: hour.to - 15 * MINUTE },
    { place: 0, time: quarter },
  ];
  expect(gripped(hour, grips, BOUNDS)).toEqual({ from: quarter, to: hour.to - 15 * MINUTE });
  const crossed = grips.map((grip) => ({ ...grip, place: 1 - grip.place }));
  expect(gripped(hour, crossed, BOUNDS).to - gripped(hour, crossed, BOUNDS).from).toBe(HOUR);
});

test("the figures are of the shortest range that reaches back far enough", () => {
  for (const range of TIME_RANGES) expect(rangeFor(spanOf(range, NOW), NOW)).toBe(range);
  expect(rangeFor({ from: NOW - 10 * MINUTE, to: NOW - 9 * MINUTE }, NOW)).toBe("15m");
  expect(rangeFor(hour, NOW)).toBe("24h");
  expect(rangeFor({ from: 0, to: NOW }, NOW)).toBe("7d");
});
