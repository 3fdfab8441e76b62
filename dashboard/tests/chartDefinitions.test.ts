import { expect, test } from "vitest";
import { CHARTS } from "../src/components/performance/chartDefinitions";

test.each(CHARTS)("$title: the marks of an empty chart's axis differ", (chart) => {
  const { top, least = 1, tell } = chart;
  const most = top ?? least;
  const marks = [0, most / 2, most].map((mark) => tell?.(mark));
  expect(new Set(marks).size).toBe(marks.length);
});
