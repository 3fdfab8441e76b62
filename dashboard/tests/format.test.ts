// @vitest-environment node
import { expect, test } from "vitest";
import { formatsOf, isolated, spoken } from "../src/format";

// A time of day in the zone of the machine that runs this.
const AFTERNOON = new Date(2026, 10, 27, 15, 4, 5).getTime();

/** As a person sees it: locales put narrow and other spaces where others have a plain one. */
const seen = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, " ");

test.each([
  ["en-US", "3:04:05 PM", "3:04 PM", "Nov 27, 2026, 3:04:05 PM", "12,345", "1.5"],
  ["en-GB", "15:04:05", "15:04", "27 Nov 2026, 15:04:05", "12,345", "1.5"],
  ["de-DE", "15:04:05", "15:04", "27.11.2026, 15:04:05", "12.345", "1,5"],
  ["ar-EG", "٣:٠٤:٠٥ م", "٣:٠٤ م", "٢٧\u200f/١١\u200f/٢٠٢٦، ٣:٠٤:٠٥ م", "١٢٬٣٤٥", "١٫٥"],
])("times and numbers are written as %s has them", (locale, clock, short, date, number, half) => {
  const formats = formatsOf(locale);
  expect(seen(formats.clock(AFTERNOON))).toBe(clock);
  expect(seen(formats.hourAndMinute(AFTERNOON))).toBe(short);
  expect(seen(formats.dateAndClock(AFTERNOON))).toBe(date);
  expect(formats.whole(12_345)).toBe(number);
  expect(formats.fixed(1.5, 1)).toBe(half);
});

test("durations are in the page's words, with the locale's numbers", () => {
  const { duration, ago, latency } = formatsOf("de-DE");
  expect(duration(3 * 60_000)).toBe("3 min");
  expect(duration(2_000 * 86_400_000)).toBe("2.000 d");
  expect(latency(2_100)).toBe("2,1 s");
  expect(ago(0, 5_000)).toBe("5 s ago");
  expect(ago(9_000, 5_000)).toBe("now");
});

test.each([
  [0, "0 s"],
  [59_600, "1 min"],
  [95_000, "1 min 35 s"],
  [3_600_000, "1 h"],
  // Of hours, seconds say nothing.
  [3_630_000, "1 h"],
  [5_400_000, "1 h 30 min"],
  [90_000_000, "1 d 1 h"],
])("what lasts %i ms lasts %s", (milliseconds, words) => {
  expect(formatsOf("en-US").lasting(milliseconds)).toBe(words);
});

test("a moment is told with its time zone, and a day with its weekday", () => {
  const { dateAndClockInZone, day } = formatsOf("en-GB");
  expect(seen(dateAndClockInZone(AFTERNOON))).toMatch(/^27 Nov 2026, 15:04:05 \S+/);
  expect(seen(day(AFTERNOON))).toBe("Friday, 27 Nov 2026");
});

test("nothing is minus nothing, and what nobody measured is a dash", () => {
  const { fixed, compact } = formatsOf("en-US");
  expect([fixed(-0.2), fixed(null), compact(undefined), fixed(-1.25, 1)]).toEqual([
    "0",
    "–",
    "–",
    "-1.3",
  ]);
});

test("names are in the order in which a person looks for them", () => {
  const names = ["cam 10", "Cam 2", "attic", "cam 1", "Äußeres Tor"];
  expect(names.sort(formatsOf("de-DE").byName)).toEqual([
    "attic",
    "Äußeres Tor",
    "cam 1",
    "Cam 2",
    "cam 10",
  ]);
});

test("a text from right to left turns nothing around it, nor does one that tries to", () => {
  expect(isolated("front door")).toBe("front door");
  expect(isolated("باب")).toBe("\u2068باب\u2069");
  expect(isolated("a\u2069\u202egpj.exe")).toBe("\u2068agpj.exe\u2069");
  expect(spoken("front_door-2")).toBe("front door 2");
});
