// @vitest-environment node
import { eventOf } from "@hsi/realtime";
import { expect, test } from "vitest";
import { beganWords, oddTimes, unreadable } from "../../src/eventFacts";
import { clock, dateAndClock } from "../../src/format";

const ARRIVED = new Date(2026, 10, 27, 23, 30).getTime();
const DAY = 86_400_000;

function told(data: object) {
  return eventOf({ event_id: 7, camera_id: "a", ...data }, "1-0", ARRIVED, { arrivedAt: ARRIVED });
}
const iso = (time: number) => new Date(time).toISOString();

test("when an event began is a time of day, with its date where that is another one", () => {
  expect(beganWords(told({ started_at: iso(ARRIVED - 60_000) }))).toBe(
    `began ${clock(ARRIVED - 60_000)}`,
  );
  expect(beganWords(told({ started_at: iso(ARRIVED - DAY) }))).toBe(
    `began ${dateAndClock(ARRIVED - DAY)}`,
  );
  expect(beganWords(told({}))).toBeNull();
});

test("what was told to begin after it arrived is not said to have begun then", () => {
  expect(beganWords(told({ started_at: iso(ARRIVED + 3 * DAY) }))).toBe(
    `said to begin ${dateAndClock(ARRIVED + 3 * DAY)}`,
  );
  // Two clocks that nobody has set may differ so much.
  expect(beganWords(told({ started_at: iso(ARRIVED + 30_000) }))).toMatch(/^began /);
});

test("times that cannot be are remarked on", () => {
  const at = iso(ARRIVED - 60_000);
  expect(oddTimes(told({ started_at: at, ended_at: iso(ARRIVED) }))).toEqual([]);
  expect(oddTimes(told({ started_at: at, ended_at: iso(ARRIVED - 90_000) }))).toEqual([
    "It is told to have ended before it began: a clock of what told it is wrong.",
  ]);
  expect(oddTimes(told({ started_at: iso(ARRIVED + 3 * DAY) }))).toEqual([
    "It arrived before it is told to begin: a clock of what told it is wrong.",
  ]);
});

test("what was told and cannot be read is no less told", () => {
  const message = { type: "event", data: { event_id: "abc", batch_id: 7, ended_at: "yesterday" } };
  expect(unreadable(message, "event_id", "id")).toBe('"abc"');
  expect(unreadable(message, "batch_id")).toBe("7");
  expect(unreadable(message, "ended_at")).toBe('"yesterday"');
  expect(unreadable(message, "started_at")).toBeNull();
  expect(unreadable({ data: { event_id: null } }, "event_id")).toBeNull();
  expect(unreadable(null, "event_id")).toBeNull();
  expect(unreadable({ data: { event_id: "x".repeat(200) } }, "event_id")).toHaveLength(60);
});
