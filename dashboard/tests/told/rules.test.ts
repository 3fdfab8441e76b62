// @vitest-environment node
import { RISK_LEVELS } from "@hsi/realtime";
import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import {
  choiceIn,
  isChosen,
  isTold,
  isWithin,
  NOTHING_CHOSEN,
  type Rules,
  timeOfDay,
  written,
} from "../../src/told/rules";
import { event } from "./events";

const RULES: Rules = { level: "high", cameras: null, quiet: null };
const NIGHT = { from: "22:00", to: "07:00", exceptCritical: true };

afterEach(() => {
  vi.unstubAllEnvs();
});

test("an event is told from the chosen level on; one whose risk nobody knows is medium", () => {
  const told = (level: Rules["level"]) =>
    [...RISK_LEVELS, null].filter((its) => isChosen(event({ level: its }), { ...RULES, level }));
  expect(told("low")).toEqual(["low", "medium", "high", "critical", null]);
  expect(told("medium")).toEqual(["medium", "high", "critical", null]);
  expect(told("high")).toEqual(["high", "critical"]);
  expect(told("critical")).toEqual(["critical"]);
});

test("only chosen cameras are told of, and what has no camera always is", () => {
  const told = (camera: string | null, cameras: string[] | null) =>
    isChosen(event({ camera }), { ...RULES, cameras });
  expect(told("front_door", null)).toBe(true);
  expect(told("front_door", ["front_door"])).toBe(true);
  expect(told("garden", ["front_door"])).toBe(false);
  expect(told("garden", [])).toBe(false);
  expect(told(null, [])).toBe(true);
});

test.each([
  ["22:00", "07:00", ["22:00", "23:59", "00:00", "06:59"], ["21:59", "07:00", "12:00"]],
  ["13:00", "15:00", ["13:00", "14:59"], ["12:59", "15:00", "00:00"]],
  ["00:00", "06:00", ["00:00", "05:59"], ["06:00", "23:59"]],
  ["20:00", "00:00", ["20:00", "23:59"], ["00:00", "19:59"]],
  ["08:00", "08:00", ["08:00", "00:00", "07:59"], []],
])("from %s to %s is quiet at %j, and not at %j", (from, to, quiet, loud) => {
  expect(quiet.filter((time) => !isWithin({ from, to }, time))).toEqual([]);
  expect(loud.filter((time) => isWithin({ from, to }, time))).toEqual([]);
});

test("each time of day is within quiet hours or within their complement, and never in both", () => {
  const time = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));
  fc.assert(
    fc.property(time, time, time, (from, to, now) => {
      fc.pre(from !== to);
      const other = isWithin({ from: to, to: from }, now);
      return isWithin({ from, to }, now) !== other;
    }),
  );
});

test("in quiet hours nothing is told but what is critical, and that only if it was chosen", () => {
  vi.stubEnv("TZ", "Europe/Berlin");
  const night = Date.parse("2026-11-27T23:30:00+01:00");
  const day = Date.parse("2026-11-27T12:00:00+01:00");
  const told = (level: Rules["level"], moment: number, exceptCritical = true) =>
    isTold(event({ level }), { ...RULES, quiet: { ...NIGHT, exceptCritical } }, moment);
  expect(told("high", day)).toBe(true);
  expect(told("high", night)).toBe(false);
  expect(told("critical", night)).toBe(true);
  expect(told("critical", night, false)).toBe(false);
  expect(isTold(event({ level: "low" }), { ...RULES, quiet: NIGHT }, day)).toBe(false);
});

test.each([
  ["forward", "2026-03-29T06:30:00+02:00", "2026-03-29T07:00:00+02:00"],
  ["back", "2026-10-25T06:30:00+01:00", "2026-10-25T07:00:00+01:00"],
])("the night in which clocks go %s ends at seven on the wall", (_, before, after) => {
  vi.stubEnv("TZ", "Europe/Berlin");
  const isQuiet = (time: string) => isWithin(NIGHT, timeOfDay(Date.parse(time)));
  expect(isQuiet(before)).toBe(true);
  expect(isQuiet(after)).toBe(false);
});

test("the hour that clocks show twice is twice as quiet", () => {
  vi.stubEnv("TZ", "Europe/Berlin");
  const early = { from: "02:00", to: "03:00" };
  const times = ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"];
  expect(times.map((time) => timeOfDay(Date.parse(time)))).toEqual(["02:30", "02:30"]);
  expect(times.every((time) => isWithin(early, timeOfDay(Date.parse(time))))).toBe(true);
});

test("a choice is read as it was written", () => {
  const choice = { ...NOTHING_CHOSEN, cameras: ["garden"], quiet: NIGHT, sounds: true };
  expect(choiceIn(written(choice))).toEqual(choice);
});

test.each([
  null,
  "",
  "{",
  "null",
  "[]",
  '"high"',
  '{"level":"loud","cameras":"all","quiet":{"from":1}}',
])("what is no choice is as if nothing had been chosen: %j", (text) => {
  expect(choiceIn(text)).toEqual(NOTHING_CHOSEN);
});

test("whatever was kept, a choice comes of it", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      const { level, quiet } = choiceIn(text);
      return RISK_LEVELS.includes(level) && (quiet === null || quiet.from.length === 5);
    }),
  );
});
