// @vitest-environment node
import { expect, test } from "vitest";
import { en } from "../../src/texts/en";
import { badgeOf, countedOf, NONE, titleOf } from "../../src/told/counted";
import type { Rules } from "../../src/told/rules";
import { event } from "./events";

const RULES: Rules = { level: "high", cameras: null, quiet: null };
const title = (counted: Parameters<typeof titleOf>[0]) =>
  titleOf(counted, en.page.name, en.told.levels);

test("the title has the count and the gravest level of what is unseen", () => {
  const unseen = [
    event({ id: 1, level: "high" }),
    event({ id: 2, level: "critical" }),
    event({ id: 3, level: "low" }),
  ];
  const counted = countedOf(unseen, RULES);
  expect(counted).toEqual({ count: 2, level: "critical" });
  expect(title(counted)).toBe("(2) Act now · Home Security");
  expect(title(countedOf(unseen.slice(0, 1), RULES))).toBe("(1) Look now · Home Security");
});

test("with nothing unseen, or nothing that was chosen, the title is the page's name", () => {
  expect(title(NONE)).toBe("Home Security");
  expect(countedOf([event({ level: "low" })], RULES)).toEqual(NONE);
});

test("an event that was told again counts once, as it was told last", () => {
  const unseen = [event({ level: "critical" }), event({ level: "high" }), event({ id: 2 })];
  expect(countedOf(unseen, RULES)).toEqual({ count: 2, level: "high" });
});

test("a badge has room for one figure", () => {
  expect([1, 9, 10, 500].map((count) => badgeOf({ count, level: "high" }))).toEqual([
    "1",
    "9",
    "9+",
    "9+",
  ]);
});
