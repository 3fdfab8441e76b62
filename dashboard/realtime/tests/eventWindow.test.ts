// @vitest-environment node
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  counts,
  KEPT_EVENTS,
  kept,
  RECENT,
  UNENDED,
  withEvent,
  withEvents,
} from "../src/eventWindow";
import { eventOf, type SecurityEvent } from "../src/lenient";

const NOW = 1_795_000_000_000;

function event(number: number, ago: number, fields: object = {}): SecurityEvent {
  const arrivedAt = NOW - ago;
  const data = { event_id: number, risk_level: "low", ...fields };
  return eventOf(data, `${arrivedAt}-${number}`, NOW, { arrivedAt });
}

test("no crowd of later events pushes a danger out, and time does", () => {
  const danger = event(1, 60_000, { risk_level: "critical", ended_at: "2026-11-27T12:00:00Z" });
  const crowd = Array.from({ length: 5_000 }, (_, index) => event(index + 2, 1_000));
  const all = [...crowd, danger];
  const left = kept(all, NOW);
  expect(left.at(-1)).toBe(danger);
  expect(left.length).toBeLessThan(2_100);
  expect(kept(all, NOW + RECENT)).toHaveLength(KEPT_EVENTS);
});

test("a critical event that has not ended counts for a day, and others for 15 minutes", () => {
  const at = (ago: number, fields: object) => counts(event(1, ago, fields), NOW);
  expect(at(UNENDED, { risk_level: "critical" })).toBe(true);
  expect(at(UNENDED + 1, { risk_level: "critical" })).toBe(false);
  expect(at(RECENT, { risk_level: "high" })).toBe(true);
  expect(at(RECENT + 1, { risk_level: "high" })).toBe(false);
});

test("in whatever order events come, one by one or many at once, the list is the same", () => {
  const some = fc.array(fc.tuple(fc.nat(5), fc.nat(50)), { maxLength: 30 });
  fc.assert(
    fc.property(some, (pairs) => {
      // Cursors are unique: of two at a moment one has the higher number.
      const events = pairs.map(([id, ago], index) => {
        const arrivedAt = NOW - ago;
        return eventOf({ event_id: id }, `${arrivedAt}-${index}`, NOW, { arrivedAt });
      });
      const keys = (list: readonly SecurityEvent[]) => list.map(({ key }) => key);
      const oneByOne = events.reduce(withEvent, [] as readonly SecurityEvent[]);
      expect(keys(withEvents([], events))).toEqual(keys(oneByOne));
      expect(keys([...events].reverse().reduce(withEvent, [] as readonly SecurityEvent[]))).toEqual(
        keys(oneByOne),
      );
      expect(new Set(oneByOne.map(({ id }) => id)).size).toBe(oneByOne.length);
    }),
  );
});
