import { TIME_RANGES } from "@hsi/realtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SHORTEST } from "../src/chartSpan";
import { type ChartView, FOLLOWING, searchOf, viewIn } from "../src/chartView";

const moments = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
const views: fc.Arbitrary<ChartView> = fc.record({
  range: fc.constantFrom(...TIME_RANGES),
  span: fc.option(
    fc
      .tuple(moments, fc.integer({ min: SHORTEST, max: 10 ** 9 }))
      .map(([from, length]) => ({ from, to: from + length })),
  ),
  gpu: fc.option(fc.nat(15)),
});

test("a link shows what its page showed", () => {
  fc.assert(
    fc.property(views, (view) => {
      expect(viewIn(searchOf(view))).toEqual(view);
    }),
  );
});

test("what a page shows by itself needs no query", () => {
  expect(searchOf(FOLLOWING)).toBe("");
  expect(viewIn("")).toEqual(FOLLOWING);
});

test.each([
  "range=8d",
  "range=24h%20",
  "from=1&to=2",
  "from=2000000&to=1000000",
  "from=1e3&to=2e9",
  "from=-1&to=1000000",
  "from=1000000",
  "gpu=one",
  "gpu=-1",
  `from=0&to=${"9".repeat(16)}`,
])("%s makes no sense, and shows what the page shows by itself", (search) => {
  expect(viewIn(search)).toEqual(FOLLOWING);
});

test("any query is read", () => {
  fc.assert(fc.property(fc.string(), (search) => viewIn(search).range.length > 0));
});
