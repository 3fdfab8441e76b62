import { expect, test } from "vitest";
import { clock, dayAndMonth, hourAndMinute } from "../src/format";
import { timeMarks } from "../src/timeMarks";

const NOON = new Date(2026, 10, 27, 12).getTime();
const MIDNIGHT = new Date(2026, 10, 28).getTime();
const HOUR = 3_600_000;

test("marks say seconds where they are close, and the date where a day begins", () => {
  expect(timeMarks([NOON, NOON + 15_000])).toEqual([clock(NOON), clock(NOON + 15_000)]);
  expect(timeMarks([NOON, NOON + HOUR])).toEqual(
    [NOON, NOON + HOUR].map((time) => hourAndMinute(time)),
  );
  expect(timeMarks([MIDNIGHT - HOUR, MIDNIGHT])).toEqual([
    hourAndMinute(MIDNIGHT - HOUR),
    dayAndMonth(MIDNIGHT),
  ]);
  expect(timeMarks([NOON, NOON + 24 * HOUR])).toEqual([
    dayAndMonth(NOON),
    dayAndMonth(NOON + 24 * HOUR),
  ]);
  expect(timeMarks([])).toEqual([]);
});
