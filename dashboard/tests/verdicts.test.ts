import type { Camera, PerformanceUpdateData } from "@hsi/realtime";
import { eventOf, type SecurityEvent } from "@hsi/realtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { golden } from "../realtime/tests/golden";
import { columnsOf } from "../src/columns";
import { ago, duration, fixed, latency, spoken } from "../src/format";
import { aiVerdict, cameraVerdict, homeVerdict, levelOf, RECENT, riskiest } from "../src/verdicts";
import { watchedOf } from "../src/watched";

const NOW = Date.parse("2026-11-25T03:00:00Z");

function event(score: number, secondsAgo: number, fields: object = {}): SecurityEvent {
  const ended_at = new Date(NOW - secondsAgo * 1000).toISOString();
  return eventOf({ risk_score: score, ended_at, camera_id: "front_door", ...fields }, "", NOW);
}

function camera(id: string, status: Camera["status"]): Camera {
  return { id, name: id, status, last_seen_at: null };
}

test("the riskiest event of the last quarter of an hour counts, the newest of equals", () => {
  const newest = event(70, 10);
  expect(riskiest([newest, event(70, 20), event(30, 5)], NOW)).toBe(newest);
  expect(riskiest([event(100, RECENT / 1000 + 1)], NOW)).toBeNull();
  expect(riskiest([], NOW)).toBeNull();
});

test("an event without a level has that of its score", () => {
  expect([0, 29, 30, 59, 60, 84, 85, 100].map((score) => levelOf(event(score, 0)))).toEqual([
    "low",
    "low",
    "medium",
    "medium",
    "high",
    "high",
    "critical",
    "critical",
  ]);
  expect(levelOf(event(10, 0, { risk_level: "critical" }))).toBe("critical");
  expect(levelOf(eventOf({}, "", NOW))).toBeNull();
});

test("a home of which nothing is known is not called quiet", () => {
  expect(homeVerdict(null, false)).toMatchObject({ tone: "unknown" });
  expect(homeVerdict(null, true)).toMatchObject({ tone: "good", title: "All quiet" });
  expect(homeVerdict(event(90, 1), true)).toMatchObject({ tone: "bad", title: "Act now" });
});

test("cameras that do not answer are named", () => {
  const cameras = [camera("door", "online"), camera("garage", "offline"), camera("lawn", "error")];
  const verdict = cameraVerdict({ total: 3, online: 1, offline: 1 }, cameras);
  expect(verdict).toEqual({
    tone: "warn",
    title: "1 of 3 online",
    detail: "Not online: garage, lawn",
  });
  expect(cameraVerdict({ total: 2, online: 0, offline: 2 }, []).tone).toBe("bad");
  expect(cameraVerdict({ total: 2, online: 2, offline: 0 }, []).tone).toBe("good");
  expect(cameraVerdict(null, cameras).tone).toBe("unknown");
});

test("AI that is not asked is neither well nor ill", () => {
  expect(aiVerdict(undefined).tone).toBe("unknown");
  expect(aiVerdict({ redis: "healthy" }).tone).toBe("unknown");
  expect(aiVerdict({ yolo26: "healthy", nemotron: "healthy" }).tone).toBe("good");
  expect(aiVerdict({ yolo26: "healthy", nemotron: "degraded" }).tone).toBe("warn");
  expect(aiVerdict({ yolo26: "unreachable" })).toMatchObject({
    tone: "bad",
    detail: "yolo26 is unreachable",
  });
});

test("a camera that only events know has a tile, too, after those of the list", () => {
  const seen = event(50, 1, { camera_id: "attic" });
  const watched = watchedOf([camera("door", "online")], new Map([["attic", seen]]));
  expect(watched.map(({ camera: { id, status }, last }) => [id, status, last])).toEqual([
    ["door", "online", null],
    ["attic", "unknown", seen],
  ]);
});

test("a chart's line breaks where figures pause, and where one could not be measured", () => {
  const { data } = golden("performance_update") as { data: PerformanceUpdateData };
  const lines = [
    {
      name: "GPU",
      color: "good" as const,
      of: (one: Partial<PerformanceUpdateData>) => one.gpu?.power_watts,
    },
  ];
  const samples = [0, 5_000, 10_000, 60_000].map((at, index) => ({
    at,
    data: index === 1 ? { ...data, gpu: null } : data,
  }));
  const watts = data.gpu?.power_watts;
  expect(columnsOf(samples, lines, 5_000)).toEqual([
    [0, 5, 10, 15, 60],
    [watts, null, watts, null, watts],
  ]);
});

test("a chart's columns are as long as each other, and its times in order", () => {
  const { data } = golden("performance_update") as { data: PerformanceUpdateData };
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100_000 })), (gaps) => {
      const samples = gaps.map((_, index) => ({
        at: gaps.slice(0, index + 1).reduce((sum, gap) => sum + gap),
        data,
      }));
      const line = { name: "", color: "good" as const, of: () => 1 };
      const [times, one, two] = columnsOf(samples, [line, line], 5_000);
      expect(one).toHaveLength(times.length);
      expect(two).toHaveLength(times.length);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }),
  );
});

test("figures are told in the unit that suits them, and what is not known as a dash", () => {
  expect([fixed(null), fixed(1.25, 1), latency(45.4), latency(2_100), latency(null)]).toEqual([
    "–",
    "1.3",
    "45 ms",
    "2.1 s",
    "–",
  ]);
  expect([duration(59_999), duration(60_000), duration(7_300_000), duration(9e7)]).toEqual([
    "59 s",
    "1 min",
    "2 h",
    "1 d",
  ]);
  expect([ago(NOW - 500, NOW), ago(NOW - 5_000, NOW), ago(NOW + 9_000, NOW)]).toEqual([
    "now",
    "5 s ago",
    "now",
  ]);
  expect(spoken("front_door")).toBe("front door");
});
