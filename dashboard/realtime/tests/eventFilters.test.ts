import { expect, test } from "vitest";
import { eventOf, filtersIn, NO_FILTERS, searchOf } from "../src";
import { fits, isWithin, requestOf } from "../src/eventFilters";

const NOW = Date.parse("2026-11-27T12:00:00Z");
const HOUR = 3_600_000;

function event(data: object, ago = 0) {
  return eventOf(data, "1-0", NOW, { arrivedAt: NOW - ago });
}

test("filters that stand in a page's address are those that were chosen", () => {
  const all = {
    cameras: ["back garden", "front&door"],
    levels: ["high", "critical"] as const,
    minScore: 60,
    text: "person 100%",
    from: NOW - HOUR,
    to: NOW,
    within: null,
    seen: false,
  };
  for (const filters of [all, { ...NO_FILTERS, within: 24 * HOUR }, NO_FILTERS]) {
    expect(filtersIn(`?${searchOf(filters)}`)).toEqual(filters);
  }
  expect(searchOf(NO_FILTERS)).toBe("");
});

test("what makes no sense in an address is left out, and the order of things makes no difference", () => {
  expect(filtersIn("?level=awful&min_risk=900&from=x&within=-1&seen=perhaps&camera_id=")).toEqual(
    NO_FILTERS,
  );
  const [one, other] = [
    "level=critical&level=low&camera_id=b&camera_id=a",
    "camera_id=a&camera_id=b&level=low&level=critical",
  ];
  expect(searchOf(filtersIn(one))).toBe(searchOf(filtersIn(other)));
  expect(filtersIn(`?q=${"x".repeat(500)}`).text).toHaveLength(100);
});

test("a request is for the whole history, or for the period, which begins by the services' clock", () => {
  expect(requestOf(NO_FILTERS, NOW).toString()).toBe("from=1970-01-01T00%3A00%3A00Z");
  const lastHour = requestOf({ ...NO_FILTERS, within: HOUR, text: " cat " }, NOW);
  expect(Object.fromEntries(lastHour)).toEqual({ q: "cat", from: "2026-11-27T11:00:00.000Z" });
});

test.each([
  ["nothing", {}, true],
  ["its camera", { cameras: ["door", "yard"] }, true],
  ["another camera", { cameras: ["yard"] }, false],
  ["its level", { levels: ["high"] }, true],
  ["another level", { levels: ["low", "critical"] }, false],
  ["a lower score", { minScore: 70 }, true],
  ["a higher score", { minScore: 71 }, false],
  ["words in any case and order", { text: "DOOR person" }, true],
  ["a word that it has not", { text: "person cat" }, false],
  ["an earlier period", { to: NOW - HOUR }, false],
  ["a period since then", { from: NOW - 1 }, true],
  ["a later period", { from: NOW + 1 }, false],
  ["the last hour", { within: HOUR }, true],
  ["what nobody has seen", { seen: false }, true],
] as const)("of an event that comes, one that asks for %s is told so", (_, filters, wanted) => {
  const one = event({ camera_id: "door", risk_level: "high", risk_score: 70, summary: "A person" });
  const all = { ...NO_FILTERS, ...filters };
  expect(isWithin(one, all, NOW) && fits(one, all)).toBe(wanted);
});

test("an event is never lost to a filter for what it does not say", () => {
  const from70 = { ...NO_FILTERS, minScore: 70 };
  expect(fits(event({ summary: "?" }), from70)).toBe(true);
  expect(fits(event({ risk_level: "high" }), from70)).toBe(true);
  expect(fits(event({ risk_level: "critical", risk_score: 3 }), from70)).toBe(true);
  expect(fits(event({ risk_level: "medium" }), from70)).toBe(false);
  expect(fits(event({ summary: "?" }), { ...NO_FILTERS, levels: ["low"] })).toBe(true);
});
