import { expect, test } from "vitest";
import { daysOf, heightOf, indexAt, inSight, sectionsOf, topOf } from "../src/eventDays";

const HEIGHTS = { heading: 40, row: 10 };

/** Events of these times of day, by this browser's clock. */
function at(...times: string[]) {
  return times.map((time) => ({ arrivedAt: new Date(time).getTime() }));
}

test("events are grouped by the days of this browser, each of which is there once", () => {
  const days = daysOf(
    at(
      "2026-11-27T00:00:00",
      "2026-11-26T23:59:59",
      "2026-11-26T00:00:00",
      // Out of order: it stays with those around it.
      "2026-11-27T12:00:00",
      "2026-10-25T12:00:00",
    ),
  );
  expect(days).toEqual([
    { start: new Date("2026-11-27T00:00:00").getTime(), from: 0, count: 1 },
    { start: new Date("2026-11-26T00:00:00").getTime(), from: 1, count: 3 },
    { start: new Date("2026-10-25T00:00:00").getTime(), from: 4, count: 1 },
  ]);
});

const MANY = sectionsOf(
  [
    { start: 3, from: 0, count: 100 },
    { start: 2, from: 100, count: 1 },
    { start: 1, from: 101, count: 9_899 },
  ],
  HEIGHTS,
);

test("of many events only those near what is in sight are drawn", () => {
  expect(heightOf(MANY)).toBe(3 * 40 + 10_000 * 10);
  const drawn = inSight(MANY, HEIGHTS, 50_000, 800);
  expect(drawn.map(({ section }) => section.start)).toEqual([1]);
  const [{ from, to } = { from: 0, to: 0 }] = drawn;
  expect(to - from).toBeLessThan(100);
  const place = topOf(MANY, HEIGHTS, from);
  expect(place).toBeLessThanOrEqual(50_000);
  expect(topOf(MANY, HEIGHTS, to)).toBeGreaterThanOrEqual(50_800);
});

test("where days meet, both are drawn", () => {
  const drawn = inSight(MANY, HEIGHTS, 1_000, 200);
  expect(drawn.map(({ section, from, to }) => [section.start, from, to])).toEqual([
    [3, 90, 100],
    [2, 100, 101],
    [1, 101, 114],
  ]);
});

test("a place in pixels and an event's index are one place", () => {
  for (const index of [0, 57, 99, 100, 101, 9_999]) {
    expect(indexAt(MANY, HEIGHTS, topOf(MANY, HEIGHTS, index) + 9)).toBe(index);
  }
  // A heading is of the first event below it.
  expect(indexAt(MANY, HEIGHTS, 5)).toBe(0);
  expect(indexAt([], HEIGHTS, 100)).toBe(0);
});
