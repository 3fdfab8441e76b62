// @vitest-environment node
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  eventOf,
  QueueWatch,
  type RiskLevel,
  type SecurityEvent,
  type SeenMarks,
} from "@hsi/realtime";
import { expect, test } from "vitest";
import { riskOf } from "../realtime/src/risk";
import { caveatOf, type Facts, homeVerdict, levelOf } from "../src/homeVerdict";

// The same cases as of hsi.verdict; times are in seconds from now.
const CASES = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../tests/verdicts.json"), "utf8"),
);
const NOW = 1_795_000_000_000;

type Given = Record<string, unknown>;

function at(seconds: number | null | undefined): number | null {
  return seconds == null ? null : NOW + Math.round(seconds * 1000);
}

interface GivenEvent {
  readonly arrived: number;
  readonly data: object;
  readonly cursor?: string;
  readonly times?: number;
}

function eventsOf(given: readonly GivenEvent[]): SecurityEvent[] {
  return given.flatMap(({ arrived, data, cursor, times = 1 }, index) =>
    Array.from({ length: times }, (_, time) =>
      eventOf(data, cursor ?? `${index}-${time}`, 0, { arrivedAt: at(arrived) ?? 0 }),
    ),
  );
}

interface GivenMark {
  readonly at: number;
  readonly by: string;
  readonly risk_level: RiskLevel | null;
}

function marksOf(given: Readonly<Record<string, GivenMark>>): SeenMarks {
  const marks = Object.entries(given).map(
    ([key, mark]) =>
      [key, { at: at(mark.at) ?? 0, by: mark.by, riskLevel: mark.risk_level }] as const,
  );
  return new Map(marks);
}

function factsOf(...changes: Given[]): Facts {
  const given = Object.assign({}, CASES.base, ...changes);
  const dated = (part: { since?: number }) => ({ queue: null, ...part, since: at(part.since) });
  return {
    ...given,
    now: at(given.now),
    feed: dated(given.feed),
    window: dated(given.window),
    status: dated(given.status),
    queues: dated(given.queues),
    events: eventsOf(given.events),
    marks: marksOf(given.seen),
  };
}

test.each<{ name: string; facts: Given; expect: Given }>(CASES.cases)("$name", (one) => {
  const verdict = homeVerdict(factsOf(one.facts));
  const { event } = verdict;
  const level = event && levelOf(event);
  const expected = { ...one.expect };
  if ("since" in expected) expected.since = at(expected.since as number | null);
  expect({ ...verdict, level, score: event?.riskScore ?? null }).toMatchObject(expected);
});

interface Value {
  readonly name: string;
  readonly facts: Given;
  readonly reason: string | null;
  readonly since?: number;
}

test("quiet needs every proof, and a danger none", () => {
  let combinations: Value[][] = [[]];
  for (const axis of CASES.axes as Value[][]) {
    combinations = combinations.flatMap((before) => axis.map((value) => [...before, value]));
  }
  let seen = 0;
  for (const level of CASES.levels) {
    for (const values of combinations) {
      seen += 1;
      const facts = factsOf({ events: level.events }, ...values.map((value) => value.facts));
      const { state, detail, since } = homeVerdict(facts);
      const lacking = values.find(({ reason }) => reason !== null);
      const partly = values.some(({ name }) => name === "one offline");
      const found = level.state ? { state } : { state, detail, since };
      const expected = level.state
        ? { state: level.state }
        : lacking
          ? { state: "cant_tell", detail: lacking.reason, since: at(lacking.since) }
          : { state: partly ? "quiet_at" : "quiet", detail, since: null };
      // Comparing texts is quick: there are thousands.
      if (JSON.stringify(found) !== JSON.stringify(expected)) expect(found).toEqual(expected);
    }
  }
  expect(seen).toBeGreaterThan(10_000);
});

test.each<[Given, { level: string | null; score: number | null; out_of_range: boolean }]>(
  CASES.risks,
)("a risk is read from what producers write: %j", (data, { level, score, out_of_range }) => {
  expect(riskOf(data)).toEqual({ riskLevel: level, riskScore: score, isOutOfRange: out_of_range });
  const event = eventOf(data, "1-1", 0);
  expect([event.riskLevel, event.riskScore]).toEqual([level, score]);
});

test("a score that is no number counts as null, and one without end as the highest", () => {
  expect(riskOf({ risk_score: Number.NaN }).riskScore).toBeNull();
  expect(riskOf(JSON.parse('{"risk_score": 1e999}'))).toEqual({
    riskLevel: "critical",
    riskScore: 100,
    isOutOfRange: true,
  });
});

test.each<{ name: string; samples: [number, number | null, number | null][]; expect: Given }>(
  CASES.queues,
)("of queues: $name", (one) => {
  const watch = new QueueWatch();
  let queues: object = { state: "unknown" };
  for (const [seconds, detection, analysis] of one.samples) {
    queues = watch.note(NOW + seconds * 1000, { detection, analysis });
  }
  const { since } = one.expect;
  const expected = since === undefined ? {} : { since: at(since as number) };
  expect(queues).toMatchObject({ ...one.expect, ...expected });
});

test.each([
  ["waiting", 60, "still loading, there may be more"],
  ["failed", 60, "there may be more"],
  ["complete", 60, null],
  // Nothing is graver.
  ["waiting", 99, null],
  // Then it is no danger that is told, but that it cannot be told.
  ["waiting", 3, null],
])("of a window that is %s and a risk of %i is said: %s", (state, score, said) => {
  const data = { event_id: 1, risk_score: score };
  const facts = factsOf({
    window: { state, since: null },
    events: [{ arrived: -5, data }],
  });
  expect(caveatOf(homeVerdict(facts), facts)).toBe(said);
});

test("a camera is called by its name where that is known", () => {
  const data = { event_id: 1, camera_id: "cam_7f3a", risk_score: 60, summary: "Crying" };
  const facts = factsOf({ events: [{ arrived: -5, data }] });
  expect(homeVerdict(facts).detail).toBe("cam 7f3a: Crying");
  const names = new Map([["cam_7f3a", "Nursery"]]);
  expect(homeVerdict({ ...facts, names }).detail).toBe("Nursery: Crying");
});
