import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventOf } from "../src/lenient";
import type { RiskLevel } from "../src/risk";
import { marksOf, NO_MARKS, seenIn, seenKeyOf, withChange } from "../src/seen";
import { golden } from "./golden";

// The same cases as of hsi.seen.
const { keys, cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../../tests/seen.json"), "utf8"),
);
const CURSOR = "1795000000000-1";

test.each<{ name: string; data: object; cursor: string | null; key: string | null }>(keys)(
  "of what a mark is: $name",
  ({ data, cursor, key }) => {
    expect(seenKeyOf(eventOf(data, cursor ?? "heard-1", 0))).toBe(key);
  },
);

interface Case {
  readonly name: string;
  readonly marks: Readonly<Record<string, RiskLevel | null>>;
  readonly data: object;
  readonly by: string | null;
}

test.each<Case>(cases)("whether it was seen: $name", ({ marks, data, by }) => {
  const known = Object.entries(marks).map(
    ([key, riskLevel]) => [key, { at: 0, by: "kitchen", riskLevel }] as const,
  );
  expect(seenIn(new Map(known), eventOf(data, CURSOR, 0))?.by ?? null).toBe(by);
});

const AT = "2026-11-27T12:00:00Z";

test("marks are those of the answer, and follow what is told", () => {
  const mark = { id: "7", at: AT, by: "kitchen", risk_level: "high" as const };
  const marks = marksOf({ now: AT, seen: [mark] });
  const seen = { at: Date.parse(AT), by: "kitchen", riskLevel: "high" };
  expect([...marks]).toEqual([["7", seen]]);
  const more = withChange(marks, { ...mark, id: "8", seen: true });
  expect([...more.keys()]).toEqual(["7", "8"]);
  expect([...withChange(more, { ...mark, seen: false }).keys()]).toEqual(["8"]);
  expect(withChange(marks, { by: "kitchen" })).toBe(marks);
});

test("what is told of a mark is read as far as it is what it should be", () => {
  const { data } = golden("event_seen") as { data: { id: string; seen: boolean } };
  expect([...withChange(NO_MARKS, data).keys()]).toEqual(["123"]);
  expect([...withChange(NO_MARKS, { id: "7", seen: true })]).toEqual([
    ["7", { at: 0, by: "", riskLevel: null }],
  ]);
});
