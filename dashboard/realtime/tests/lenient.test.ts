// @vitest-environment node
import fc from "fast-check";
import { beforeEach, expect, test, vi } from "vitest";
import { partOf } from "../src/conform";
import {
  arrivalOf,
  eventOf,
  LOG_LEVELS,
  type LogLine,
  timeOf,
  linesOf as typedLinesOf,
} from "../src/lenient";
import { golden } from "./golden";

// Far from UTC, and with summer time.
beforeEach(() => {
  vi.stubEnv("TZ", "America/New_York");
  expect(new Date(0).getTimezoneOffset()).toBe(300);
  return () => vi.unstubAllEnvs();
});

const FIELDS = [
  "id",
  "event_id",
  "camera_id",
  "risk_score",
  "risk_level",
  "summary",
  "started_at",
  "ended_at",
  "message",
  "timestamp",
  "level",
  "context",
];

/** The lines of a log, from data as they come. */
function linesOf(data: unknown) {
  return typedLinesOf(partOf("LogData", data), data);
}

/** Anything at all, above all objects that have our fields with anything in them. */
const odd = fc.oneof(
  fc.jsonValue(),
  fc.anything(),
  fc.dictionary(fc.constantFrom(...FIELDS), fc.oneof(fc.jsonValue(), fc.anything())),
);

const time = fc
  .date({ min: new Date("1970-01-01"), max: new Date("2100-01-01"), noInvalidDate: true })
  .map((date) => date.getTime());

function isNullOrFinite(value: number | null): boolean {
  return value === null || Number.isFinite(value);
}

test("a summary is plain text: terminal colours and controls are not for people", () => {
  const summary = "\u001b[31mA stranger\u001b[0m\u0007 at\u0000 the door\nwith a bag";
  expect(eventOf({ summary }, "1-0", 0).summary).toBe("A stranger at the door\nwith a bag");
  expect(eventOf({ summary: "\u001b[31m" }, "1-0", 0).summary).toBe("An event without a summary");
});

test("whatever an event's data is, it can be shown", () => {
  fc.assert(
    fc.property(odd, fc.string(), time, (data, key, heardAt) => {
      const event = eventOf(data, key, heardAt);
      expect(event).toMatchObject({ key, heardAt });
      expect(event.summary).toMatch(/./s);
      const { id, riskScore, startedAt, endedAt } = event;
      expect([id, riskScore, startedAt, endedAt].every(isNullOrFinite)).toBe(true);
      expect(["low", "medium", "high", "critical", null]).toContain(event.riskLevel);
      expect(event.cameraId === null || typeof event.cameraId === "string").toBe(true);
      expect(event.arrivedAt).toBe(heardAt);
    }),
    { numRuns: 500 },
  );
});

test("whatever a line's data is, it can be shown", () => {
  fc.assert(
    fc.property(odd, (data) => {
      const lines = linesOf(data);
      expect(lines.length).toBeGreaterThan(0);
      for (const { at, level, text, plain, context, continues } of lines) {
        expect(isNullOrFinite(at)).toBe(true);
        expect(LOG_LEVELS).toContain(level);
        for (const shown of [text, plain, context]) expect(typeof shown).toBe("string");
        expect(text).not.toContain("\n");
        expect(typeof continues).toBe("boolean");
      }
    }),
    { numRuns: 500 },
  );
});

test("the seed's event is shown as it is", () => {
  expect(eventOf(golden("event").data, "1-1", 5)).toEqual({
    data: golden("event").data,
    key: "1-1",
    identity: "123 front_door",
    id: 123,
    cameraId: "front_door",
    riskScore: 75,
    riskLevel: "high",
    isOutOfRange: false,
    summary: "Person detected near entrance at unusual hour",
    startedAt: Date.UTC(2024, 0, 15, 2, 30),
    endedAt: Date.UTC(2024, 0, 15, 2, 31, 30),
    hasEnded: true,
    arrivedAt: 5,
    heardAt: 5,
    isNew: true,
  });
  expect(eventOf(golden("event_going_on").data, "1-2", 5)).toMatchObject({
    endedAt: null,
    hasEnded: false,
  });
});

test("an event is of when it arrived, whatever it says of its own times", () => {
  const fields = { started_at: "2026-11-27T13:00:00", ended_at: "2026-11-27T13:00:30" };
  expect(eventOf(fields, "1-1", 7_000).arrivedAt).toBe(7_000);
  const circumstances = { arrivedAt: arrivalOf("5000-3") ?? 0 };
  expect(eventOf(fields, "5000-3", 7_000, circumstances).arrivedAt).toBe(5_000);
  expect([arrivalOf(undefined), arrivalOf("soon"), arrivalOf("5000")]).toEqual([null, null, null]);
});

test("what is odd is shown as unknown, and the rest as it is", () => {
  const fields = {
    id: 5,
    event_id: "five",
    camera_id: "",
    risk_score: "many",
    risk_level: "awful",
    summary: "",
    started_at: "yesterday",
    ended_at: "soon",
  };
  expect(eventOf(fields, "1-1", 0)).toEqual({
    data: { id: 5, camera_id: "", summary: "", started_at: "yesterday", ended_at: "soon" },
    key: "1-1",
    identity: "5 null",
    id: 5,
    cameraId: null,
    riskScore: null,
    riskLevel: null,
    isOutOfRange: false,
    summary: "An event without a summary",
    startedAt: null,
    endedAt: null,
    hasEnded: false,
    arrivedAt: 0,
    heardAt: 0,
    isNew: true,
  });
});

test("times without an offset are UTC, wherever the page is", () => {
  fc.assert(
    fc.property(time, (at) => {
      const written = new Date(at).toISOString();
      expect(timeOf(written)).toBe(at);
      expect(timeOf(written.replace("Z", ""))).toBe(at);
      // As Python writes them.
      expect(timeOf(written.replace("Z", "000"))).toBe(at);
      expect(timeOf(written.replace("Z", "000+00:00"))).toBe(at);
    }),
  );
});

test("times with an offset are as they say", () => {
  fc.assert(
    fc.property(time, fc.integer({ min: -14 * 60, max: 14 * 60 }), (at, offset) => {
      const local = new Date(at + offset * 60_000).toISOString().replace("Z", "");
      const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
      const digits = [hours, minutes].map((part) => String(part).padStart(2, "0"));
      const sign = offset < 0 ? "-" : "+";
      expect(timeOf(`${local}${sign}${digits.join(":")}`)).toBe(at);
      expect(timeOf(`${local}${sign}${digits.join("")}`)).toBe(at);
    }),
  );
});

function message(text: string, fields: object = {}): LogLine[] {
  return linesOf({ level: "ERROR", message: text, ...fields });
}

test("a message of several lines is several lines, of which the later ones go on the first", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 6 }), (parts) => {
      const whole = parts.join("\n");
      const lines = message(whole, { timestamp: "1970-01-01T00:00:01", context: { n: 1 } });
      expect(lines.map(({ text }) => text).join("\n")).toBe(whole);
      expect(lines.map(({ continues }) => continues)).toEqual(lines.map((_, index) => index > 0));
      expect(lines.map(({ context }) => context)).toEqual(
        lines.map((_, index) => (index === 0 ? "n=1" : "")),
      );
      expect(new Set(lines.map(({ at, level }) => `${at} ${level}`))).toEqual(
        new Set(["1000 ERROR"]),
      );
    }),
  );
});

test("terminal colours are no part of what is searched, and stay in what is shown", () => {
  const code = fc.constantFrom("\u001b[0m", "\u001b[1;31m", "\u001b[38;2;1;2;3m", "\u001b[K");
  const words = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\u001b", "?"));
  fc.assert(
    fc.property(fc.array(fc.tuple(words, code)), (parts) => {
      const text = parts.flat().join("").replaceAll("\n", " ");
      const plain = parts.map(([word]) => word.replaceAll("\n", " ")).join("");
      expect(message(text)).toMatchObject([{ text, plain }]);
    }),
  );
});

test("a level that we do not know is shown as INFO, and a line without a message as its data", () => {
  expect(linesOf({ level: "NOTICE", message: "x" })).toMatchObject([{ level: "INFO", text: "x" }]);
  expect(linesOf({ lvl: 3, msg: "x" })).toMatchObject([{ text: '{"lvl":3,"msg":"x"}' }]);
  expect(linesOf(undefined)).toMatchObject([{ level: "INFO", text: "", at: null }]);
});

test("the lines of a message have its number in the log", () => {
  const numbers = (cursor?: string) =>
    typedLinesOf({ message: "a\nb" }, {}, cursor).map(({ number }) => number);
  expect(numbers("1768646000000-120")).toEqual([120, 120]);
  expect(numbers()).toEqual([null, null]);
  expect(numbers("soon")).toEqual([null, null]);
});

test("what a job said along with a line is beside it", () => {
  expect(linesOf(golden("log").data)).toEqual([
    {
      number: null,
      at: Date.UTC(2026, 0, 17, 10, 32, 5),
      level: "INFO",
      text: "Processing batch 2/3",
      plain: "Processing batch 2/3",
      context: "batch_id=abc123",
      fields: { batch_id: "abc123" },
      continues: false,
    },
  ]);
  const context = { n: 1, list: [1, "a"], nothing: null, text: "two words" };
  expect(message("x", { context })[0]?.context).toBe(
    'n=1 list=[1,"a"] nothing=null text=two words',
  );
});
