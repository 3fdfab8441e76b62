import { expect, test } from "vitest";
import { CHARTS } from "../src/components/performance/chartDefinitions";

test.each(CHARTS)("$title: the marks of an empty chart's axis differ", (chart) => {
  const { top, least = 1, tell } = chart;
  const most = top ?? least;
  const marks = [0, most / 2, most].map((mark) => tell?.(mark));
  expect(new Set(marks).size).toBe(marks.length);
});

test("each chart has an address of its own, and each of its lines a name", () => {
  expect(new Set(CHARTS.map(({ id }) => id)).size).toBe(CHARTS.length);
  for (const { lines } of CHARTS) {
    expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
  }
});
