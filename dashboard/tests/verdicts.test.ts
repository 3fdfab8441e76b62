import type {
  Camera,
  Figures,
  PerformanceUpdateData,
  RaisedAlertData,
  SystemStatusData,
} from "@hsi/realtime";
import { eventOf } from "@hsi/realtime";
import fc from "fast-check";
import { expect, test } from "vitest";
import { golden } from "../realtime/tests/golden";
import { areasOf, shownOf } from "../src/cameraView";
import { columnsOf } from "../src/columns";
import { ago, duration, fixed, latency, spoken } from "../src/format";
import { aiVerdict, cameraVerdict, HOME_TONES, systemVerdict } from "../src/verdicts";
import { type Watched, watchedOf } from "../src/watched";

type Told = readonly Pick<
  RaisedAlertData,
  "severity" | "message" | "metric" | "value" | "threshold"
>[];

const NOW = Date.parse("2026-11-25T03:00:00Z");

function camera(id: string, status: Camera["status"]): Camera {
  return { id, name: id, status, last_seen_at: null };
}

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
  expect(cameraVerdict(null, cameras).title).toBe("Not known");
  expect(cameraVerdict(undefined, cameras).title).toBe("Not known yet");
});

test("only what is proven to be quiet is green", () => {
  const green = Object.entries(HOME_TONES).filter(([, tone]) => tone === "good");
  expect(green).toEqual([["quiet", "good"]]);
  expect(HOME_TONES.seen).toBe("note");
});

test("a hot GPU, a degraded mode, an ill Redis and what is beyond its limits are told, the worst first", () => {
  const { data } = golden("system_status") as { data: SystemStatusData };
  const at = (temperature: number | null) => ({
    ...data,
    gpu: data.gpu && { ...data.gpu, temperature },
  });
  const told = (status: typeof data | null, isDegraded = false, alerts: Told | null = []) =>
    systemVerdict({ status, isDegraded, alerts });
  expect(told(null).title).toBe("Not known yet");
  expect(told(at(74))).toMatchObject({ tone: "good", title: "Working" });
  expect(told(at(null)).tone).toBe("good");
  expect(told(at(75))).toMatchObject({ tone: "warn", title: "GPU at 75 °C" });
  expect(told(at(91))).toMatchObject({ tone: "bad", title: "GPU at 91 °C" });
  expect(told(at(60), true)).toMatchObject({ tone: "warn", title: "Degraded" });
  expect(told(at(91), true)).toMatchObject({
    tone: "bad",
    title: "GPU at 91 °C",
    detail: "GPU at 91 °C, Degraded mode",
  });
  const ill = { ...at(60), services: { redis: "unreachable" as const } };
  expect(told(ill, true)).toMatchObject({ tone: "bad", title: "Redis is unreachable" });
  const disk = { metric: "host_disk", value: 96, threshold: 95 };
  const alert = { ...disk, severity: "critical" as const, message: "Disk 96 %" };
  expect(told(at(60), false, [alert])).toMatchObject({ tone: "bad", detail: "Disk 96 %" });
  const back = { ...alert, value: 84, message: "Disk recovering: 84 %" };
  expect(told(at(60), false, [back])).toMatchObject({
    tone: "warn",
    title: "Recovering",
    detail: "Disk recovering: 84 %",
  });
  expect(told(at(60), false, [back, alert]).title).toBe("Critical");
  expect(told(at(60), false, null)).toMatchObject({ tone: "unknown", title: "Can't tell" });
  expect(told(at(91), false, null).title).toBe("GPU at 91 °C");
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
  const seen = eventOf({ camera_id: "attic" }, "", NOW);
  const watched = watchedOf([camera("door", "online")], new Map([["attic", seen]]));
  expect(watched.map(({ camera: { id, status }, last }) => [id, status, last])).toEqual([
    ["door", "online", null],
    ["attic", "unknown", seen],
  ]);
});

test("cameras are in the order in which a person counts, and can be those that saw something", () => {
  const cameras = ["cam 10", "Cam 2", "attic", "cam 1"].map((name) => camera(name, "online"));
  const seen = eventOf({ camera_id: "Cam 2" }, "", NOW);
  const watched = watchedOf(cameras, new Map([["Cam 2", seen]]));
  const names = (shown: readonly Watched[]) => shown.map(({ camera: { name } }) => name);
  expect(names(shownOf(watched, false))).toEqual(["attic", "cam 1", "Cam 2", "cam 10"]);
  expect(names(shownOf(watched, true))).toEqual(["Cam 2"]);
});

test("cameras are grouped by where they are, and those of which nobody knows that come last", () => {
  const at = (name: string, area: string | null | undefined) => ({
    ...camera(name, "online"),
    ...(area === undefined ? {} : { area }),
  });
  const cameras = [
    at("cam 10", "Floor 10"),
    at("cam 1", null),
    at("cam 3", "Floor 2"),
    at("cam 2", undefined),
    at("cam 4", "Floor 10"),
  ];
  const areas = areasOf(watchedOf(cameras, new Map()));
  expect(
    areas.map(({ name, cameras: here }) => [name, here.map((one) => one.camera.name)]),
  ).toEqual([
    ["Floor 2", ["cam 3"]],
    ["Floor 10", ["cam 4", "cam 10"]],
    [null, ["cam 1", "cam 2"]],
  ]);
  expect(areasOf([])).toEqual([]);
});

test("a chart's line breaks where figures pause, and where one could not be measured", () => {
  const { data } = golden("performance_update") as { data: PerformanceUpdateData };
  const lines = [
    {
      name: "GPU",
      color: "good" as const,
      of: (one: Figures) => one.gpu?.power_watts,
    },
  ];
  const samples = [0, 5_000, 10_000, 60_000].map((at, index) => ({
    at,
    data: index === 1 ? { ...data, gpu: null } : data,
  }));
  const watts = data.gpu?.power_watts;
  const { times, values } = columnsOf(samples, lines, 5_000);
  expect(times).toEqual([0, 5, 10, 15, 60]);
  expect(values).toEqual([[watts, null, watts, null, watts]]);
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
      const { times, values, lows, highs } = columnsOf(samples, [line, line], 5_000);
      for (const column of [...values, ...lows, ...highs]) {
        expect(column).toHaveLength(times.length);
      }
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
